"""How public sets are cut, on rows whose cut can be written down."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from infra.benchmarks._quality_protocols import (
    draw_negatives,
    keep_core,
    keep_new,
    split_off,
    withhold_last,
    withhold_share,
)

Pairs = set[tuple[str, str]]


def pairs_of(frame: DataFrame) -> Pairs:
    """Every row must be there once."""
    rows = [(row[0], row[1]) for row in frame.collect()]
    assert len(rows) == len(set(rows))
    return set(rows)


def frame(spark: SparkSession, pairs: Iterable[tuple[str, str]]) -> DataFrame:
    return spark.createDataFrame(list(pairs), "user_id string, item_id string")


def lists(spark: SparkSession, **items: str) -> DataFrame:
    """Lists by name, an item a letter, in order; rows arrive in no order."""
    rows = [(name, item, place) for name, each in items.items() for place, item in enumerate(each)]
    return spark.createDataFrame(rows[::-1], "user_id string, item_id string, position int").repartition(3)


def test_what_is_withheld_leaves_the_history(spark: SparkSession) -> None:
    history = frame(spark, [("a", "1"), ("a", "2"), ("a", "2"), ("b", "1"), ("b", "3")])
    # c has no history, and b does not hold 2: neither can be taken out.
    split = split_off(history, frame(spark, [("a", "2"), ("b", "2"), ("c", "1")]))
    assert split.train.columns == ["user_id", "item_id"]
    assert split.relevant.columns == ["subject_id", "item_id"]
    assert pairs_of(split.train) == {("a", "1"), ("b", "1"), ("b", "3")}
    assert pairs_of(split.relevant) == {("a", "2")}


def test_of_two_lists_a_test_pair_in_train_is_dropped(spark: SparkSession) -> None:
    train = frame(spark, [("a", "1"), ("a", "1"), ("b", "2")])
    split = keep_new(train, frame(spark, [("a", "1"), ("a", "2"), ("a", "2"), ("b", "1"), ("c", "9")]))
    assert pairs_of(split.train) == {("a", "1"), ("b", "2")}
    assert pairs_of(split.relevant) == {("a", "2"), ("b", "1"), ("c", "9")}


def test_the_last_fifth_of_long_lists_is_withheld(spark: SparkSession) -> None:
    split = withhold_last(
        lists(spark, ten="abcdefghij", fourteen="abcdefghijklmn", fifteen="abcdefghijklmno", nine="abcdefghi")
    )
    assert pairs_of(split.relevant) == {
        *(("ten", item) for item in "ij"),
        *(("fourteen", item) for item in "mn"),  # floor(14 / 5) = 2
        *(("fifteen", item) for item in "mno"),
    }
    kept = {"ten": "abcdefgh", "fourteen": "abcdefghijkl", "fifteen": "abcdefghijkl", "nine": "abcdefghi"}
    assert pairs_of(split.train) == {(name, item) for name, items in kept.items() for item in items}


def test_a_song_that_was_played_before_is_not_looked_for(spark: SparkSession) -> None:
    """Rows are counted with their repetitions; a song named twice at the end is looked for once."""
    split = withhold_last(lists(spark, again="abcdefghaj", twice="aacdefghzz", short="aabcdefgh"))
    assert pairs_of(split.relevant) == {("again", "j"), ("twice", "z")}
    assert pairs_of(split.train) == {
        (name, item)
        for name, items in {"again": "abcdefgh", "twice": "acdefgh", "short": "abcdefgh"}.items()
        for item in items
    }


def test_positions_order_a_list_whatever_their_gaps(spark: SparkSession) -> None:
    rows = [("l", f"{place:02d}", place * place) for place in range(10)]
    split = withhold_last(spark.createDataFrame(rows, "user_id string, item_id string, position int"))
    assert pairs_of(split.relevant) == {("l", "08"), ("l", "09")}


def test_a_core_is_iterated(spark: SparkSession) -> None:
    """x goes for its one item, then 3 has one user left, then c one item."""
    core = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")]
    assert pairs_of(keep_core(frame(spark, [*core, ("c", "1"), ("c", "3"), ("x", "3")]), 2)) == set(core)
    assert pairs_of(keep_core(frame(spark, core), 3)) == set()


def test_a_share_of_each_user_is_withheld_by_a_seeded_hash(spark: SparkSession) -> None:
    pairs = [(user, f"{item:02d}") for user, items in {"a": 10, "b": 4, "c": 9}.items() for item in range(items)]
    train = frame(spark, pairs)
    split = withhold_share(train, 0.2, seed=1)
    taken = pairs_of(split.relevant)
    assert {user: sum(1 for name, _ in taken if name == user) for user in "abc"} == {"a": 2, "b": 0, "c": 1}
    assert pairs_of(split.train) == set(pairs) - taken
    again = withhold_share(train.repartition(5, "item_id"), 0.2, seed=1)
    assert pairs_of(again.relevant) == taken
    drawn = [pairs_of(withhold_share(train, 0.2, seed=seed).relevant) for seed in range(2, 6)]
    assert any(other != taken for other in drawn)


def test_exactly_one_is_withheld_where_something_is_left(spark: SparkSession) -> None:
    pairs = {("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1"), ("c", "2")}
    split = withhold_share(frame(spark, pairs), 0.0, seed=3, exactly=1)
    taken = pairs_of(split.relevant)
    assert sorted(user for user, _ in taken) == ["a", "c"]
    assert pairs_of(split.train) == pairs - taken


def drawn(
    spark: SparkSession, relevant: Pairs, history: Pairs, count: int, seed: int = 1, catalogue: str = ""
) -> dict[str, list[str]]:
    wanted = spark.createDataFrame(sorted(relevant), "subject_id string, item_id string")
    held = frame(spark, sorted(history))
    items = spark.createDataFrame([(item,) for item in catalogue], "item_id string") if catalogue else held
    rows = draw_negatives(wanted, held, items, count, seed).collect()
    assert {(row["subject_id"], row["item_id"]) for row in rows} == relevant
    assert len(rows) == len(relevant)
    return {row["subject_id"]: row["negatives"] for row in rows}


def test_negatives_are_what_a_subject_does_not_hold(spark: SparkSession) -> None:
    """Seven items; a holds all but three, b all but three others: each draw has one answer but for its order."""
    items = "1234567"
    history = {*(("a", item) for item in "1234"), *(("b", item) for item in "4567"), ("x", "7")}
    found = drawn(spark, {("a", "1"), ("b", "5")}, history, 3)
    assert {subject: set(negatives) for subject, negatives in found.items()} == {"a": set("567"), "b": set("123")}
    assert all(len(negatives) == 3 for negatives in found.values())
    assert set().union(*found.values()) <= set(items)


def test_negatives_are_drawn_from_the_whole_catalogue(spark: SparkSession) -> None:
    history = {("a", "1"), ("a", "2"), ("b", "3")}
    assert set(drawn(spark, {("a", "1")}, history, 3, catalogue="123387")["a"]) == {"3", "7", "8"}


def test_negatives_rest_on_seed_and_subject(spark: SparkSession) -> None:
    history = {("a", "000"), ("b", "000"), *(("x", f"{item:03d}") for item in range(200))}
    relevant = {("a", "000"), ("b", "000")}
    first = drawn(spark, relevant, history, 50)
    assert first == drawn(spark, relevant, history, 50)
    assert first["a"] == drawn(spark, {("a", "000")}, history, 50)["a"]
    assert first["a"] != first["b"]
    assert first["a"] != drawn(spark, relevant, history, 50, seed=2)["a"]


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("12345678")), min_size=1), st.integers(0, 3))
def test_a_share_splits_and_loses_nothing(spark: SparkSession, pairs: Pairs, seed: int) -> None:
    split = withhold_share(frame(spark, sorted(pairs)), 0.5, seed)
    train, taken = pairs_of(split.train), pairs_of(split.relevant)
    assert train | taken == pairs
    assert train & taken == set()
    for user in {user for user, _ in pairs}:
        held = sum(1 for name, _ in pairs if name == user)
        assert sum(1 for name, _ in taken if name == user) == held // 2


def test_too_few_items_for_the_negatives_is_an_error(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="a: 1 of 3 items are not held, 2 negatives are asked for; next: ask for fewer"):
        drawn(spark, {("a", "1")}, {("a", "1"), ("a", "2"), ("x", "3")}, 2)
