"""Where a withheld item stands, and that what was planted is found, by every model."""

import math

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from infra.benchmarks._quality_cells import cosine, ials, rp3beta
from infra.benchmarks._quality_methods import (
    Factors,
    Neighbours,
    Popularity,
    Settings,
    Votes,
    candidate_indices,
    collect_neighbours,
    fitted,
    pessimistic_ranks,
    rank_candidates,
    scores_at,
    subject_batch,
    top_lists,
)
from shortlist.models.als.item_factors import SharedItems
from shortlist.models.arrays.shared_arrays import share_arrays
from shortlist.sources.neighbour_lists import NeighbourLists

METHODS: dict[str, Settings] = {
    "iALS": ials(8, 0.01, 0.1, 8),
    "RP3beta": rp3beta(50, 0.8, 0.2),
    "cosine": cosine(50),
    "popularity": Popularity(),
}
PERSONAL = [name for name in METHODS if name != "popularity"]
TASKS = "subject_id string, item_id string, negatives array<string>"
RELATED = "item_id string, related_item_id string, score float"


def ranks(frame: DataFrame) -> dict[tuple[str, str], int]:
    rows = frame.collect()
    found = {(row["subject_id"], row["item_id"]): row["rank"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_candidates_of_the_same_score_stand_before_the_withheld_item() -> None:
    scores = np.array([[2, 1, 3, 2], [0, 0, 0, 0], [5, 4, 3, 2], [-1, 0, 0, -1]], np.float32)
    assert pessimistic_ranks(scores).tolist() == [3, 4, 1, 4]


def test_a_candidate_that_is_not_known_has_a_place_of_its_own() -> None:
    batch = pa.RecordBatch.from_pydict({"item_id": ["c", "z"], "negatives": [["a", "b"], ["y", "c"]]})
    assert candidate_indices(batch, pa.array(["a", "b", "c"])).tolist() == [[2, 0, 1], [3, 3, 2]]


def test_candidates_are_ranked_by_inner_product(spark: SparkSession) -> None:
    """Scores of u: a 1, b 3, c -2, unknown 0; of v, whose vector is (0, 1): a 2, b 0, c 1."""
    subjects = spark.createDataFrame([("u", [1.0, 0.0]), ("v", [0.0, 1.0])], "subject_id string, factors array<float>")
    items = [("a", [1.0, 2.0]), ("b", [3.0, 0.0]), ("c", [-2.0, 1.0])]
    model = Factors(subjects, SharedItems(spark.createDataFrame(items, "id string, factors array<float>"), None))
    tasks = spark.createDataFrame(
        [
            ("u", "a", ["b", "c", "?"]),
            ("u", "c", ["a", "b", "?"]),
            ("v", "b", ["?", "a", "c"]),
            ("v", "?", ["c", "c", "a"]),
            ("w", "a", ["b", "c", "?"]),
        ],
        TASKS,
    )
    # b of v scores 0 like the unknown item; w has no vector.
    assert ranks(rank_candidates(model, tasks)) == {("u", "a"): 2, ("u", "c"): 4, ("v", "b"): 4, ("v", "?"): 4}


def test_lists_by_inner_product_leave_out_what_a_subject_has_seen(spark: SparkSession) -> None:
    """Scores of u: a 1, b 3, c -2; of v: a 2, b 0, c 1; w has no vector."""
    subjects = spark.createDataFrame([("u", [1.0, 0.0]), ("v", [0.0, 1.0])], "subject_id string, factors array<float>")
    items = [("a", [1.0, 2.0]), ("b", [3.0, 0.0]), ("c", [-2.0, 1.0])]
    model = Factors(subjects, SharedItems(spark.createDataFrame(items, "id string, factors array<float>"), None))
    asked = spark.createDataFrame(
        [("u", ["b", "?"]), ("v", None), ("w", ["a"])], "subject_id string, seen array<string>"
    )
    lists = {tuple(row) for row in top_lists(model, asked, 2).collect()}
    assert lists == {("u", "a", 1.0, 1), ("u", "c", -2.0, 2), ("v", "a", 2.0, 1), ("v", "c", 1.0, 2)}


def neighbours() -> Neighbours:
    """a: b .5, c .25; b: a .5; d: c 1, b .125; c has none."""
    lists = NeighbourLists.of(([0, 2, 3, 3, 5], [1, 2, 0, 1, 2]), [0.5, 0.25, 0.5, 0.125, 1.0])
    return Neighbours(pa.array(["a", "b", "c", "d"]), lists)


def test_rows_of_neighbours_become_lists_in_the_order_of_ids(spark: SparkSession) -> None:
    rows = [("d", "c", 1.0), ("b", "a", 0.5), ("a", "c", 0.25), ("d", "b", 0.125), ("a", "b", 0.5)]
    found, expected = collect_neighbours(spark.createDataFrame(rows, RELATED).repartition(2)), neighbours()
    assert found.ids.to_pylist() == ["a", "b", "c", "d"]
    for name in ("starts", "items", "similarities"):
        assert getattr(found.lists, name).tolist() == getattr(expected.lists, name).tolist()


def test_candidates_are_ranked_by_votes(spark: SparkSession) -> None:
    """u holds a and d: b .625, c 1.25. v holds b: a .5. Items that nobody leads to score 0."""
    held = spark.createDataFrame([("u", "a"), ("u", "d"), ("v", "b")], "subject_id string, item_id string")
    model = Votes(held, share_arrays(spark, None, neighbours()))
    tasks = spark.createDataFrame(
        [
            ("u", "b", ["c", "?"]),
            ("u", "c", ["b", "?"]),
            ("v", "c", ["a", "d"]),
            ("v", "a", ["c", "d"]),
            ("w", "a", ["b", "c"]),
        ],
        TASKS,
    )
    found = ranks(rank_candidates(model, tasks))
    assert found == {("u", "b"): 2, ("u", "c"): 1, ("v", "c"): 3, ("v", "a"): 1}


def test_lists_by_votes_leave_out_what_a_subject_has_seen(spark: SparkSession) -> None:
    """The same scores; u has seen d and c, v nothing that is known, w holds nothing that is known, x nothing at all."""
    rows = [("u", "a"), ("u", "d"), ("v", "b"), ("w", "?")]
    model = Votes(
        spark.createDataFrame(rows, "subject_id string, item_id string"), share_arrays(spark, None, neighbours())
    )
    seen = [("u", ["d", "c"]), ("v", ["?"]), ("w", None), ("x", None)]
    subjects = spark.createDataFrame(seen, "subject_id string, seen array<string>")
    lists = {tuple(row) for row in top_lists(model, subjects, 3).collect()}
    assert lists == {("u", "b", 0.625, 1), ("v", "a", 0.5, 1)}


def test_nothing_is_listed_where_no_item_has_a_neighbour(spark: SparkSession) -> None:
    model = Votes(
        spark.createDataFrame([("u", "a")], "subject_id string, item_id string"),
        share_arrays(spark, None, collect_neighbours(spark.createDataFrame([], RELATED))),
    )
    subjects = spark.createDataFrame([("u", ["a"])], "subject_id string, seen array<string>")
    assert top_lists(model, subjects, 3).collect() == []
    assert ranks(rank_candidates(model, spark.createDataFrame([("u", "b", ["c"])], TASKS))) == {("u", "b"): 2}


def test_scores_of_a_slice_of_subjects() -> None:
    held = pa.array([["b"], ["a", "d"], [], ["a"]]).slice(1)
    near = neighbours()
    scores = near.scorer.prepare(subject_batch(held, held, near.ids)).rows
    expected = [[0, 0.625, 1.25, 0, 0], [0] * 5, [0, 0.5, 0.25, 0, 0]]
    assert scores_at(scores, np.tile(np.array([0, 1, 2, 3, 4], np.int32), (3, 1))).tolist() == expected
    assert scores_at(scores, np.array([[-1, 2], [1, 1], [2, -1]], np.int32)).tolist() == [[0, 1.25], [0, 0], [0.25, 0]]


def groups(spark: SparkSession) -> DataFrame:
    """Two groups of 12 users and 10 items: user n of a group holds all of its group's items but number n mod 10."""
    rows = [
        (f"{group}{user:02d}", f"{group}-{item}")
        for group in "ab"
        for user in range(12)
        for item in range(10)
        if item != user % 10
    ]
    return spark.createDataFrame(rows, "user_id string, item_id string").repartition(3)


@pytest.mark.parametrize("name", PERSONAL)
def test_the_missing_item_of_a_group_comes_first(spark: SparkSession, name: str) -> None:
    train = groups(spark)
    held = train.groupBy("user_id").agg({"item_id": "collect_list"}).toDF("subject_id", "seen")
    missing = {f"{group}{user:02d}": f"{group}-{user % 10}" for group in "ab" for user in range(12)}
    tasks = [
        (user, item, [f"{'b' if user[0] == 'a' else 'a'}-{n}" for n in range(10)]) for user, item in missing.items()
    ]
    with fitted(train, METHODS[name]) as model:
        lists = top_lists(model, held, 3).collect()
        placed = ranks(rank_candidates(model, spark.createDataFrame(tasks, TASKS)))
    assert {row["subject_id"]: row["item_id"] for row in lists if row["rank"] == 1} == missing
    assert placed == dict.fromkeys(missing.items(), 1)


@pytest.mark.parametrize("name", METHODS)
def test_no_list_names_what_its_subject_holds(spark: SparkSession, name: str) -> None:
    train = groups(spark)
    held = train.groupBy("user_id").agg({"item_id": "collect_list"}).toDF("subject_id", "seen")
    with fitted(train, METHODS[name]) as model:
        lists = top_lists(model, held, 20)
        assert lists.columns == ["subject_id", "item_id", "score", "rank"]
        listed = {(row["subject_id"], row["item_id"]) for row in lists.collect()}
    assert listed
    assert listed & {tuple(row) for row in train.collect()} == set()


def test_popularity_counts_users(spark: SparkSession) -> None:
    rows = [("u", "a"), ("v", "a"), ("w", "a"), ("u", "b"), ("v", "b"), ("w", "c")]
    train = spark.createDataFrame(rows, "user_id string, item_id string")
    subjects = spark.createDataFrame([("w", ["a", "c"]), ("u", ["a", "b"])], "subject_id string, seen array<string>")
    with fitted(train, Popularity()) as model:
        lists = {
            (row["subject_id"], row["rank"], row["item_id"], row["score"])
            for row in top_lists(model, subjects, 5).collect()
        }
        tasks = spark.createDataFrame([("u", "c", ["b", "?"]), ("w", "b", ["c", "?"])], TASKS)
        placed = ranks(rank_candidates(model, tasks))
    assert lists == {("w", 1, "b", 2.0), ("u", 1, "c", 1.0)}
    assert placed == {("u", "c"): 2, ("w", "b"): 1}


def test_settings_of_papers_give_the_objective_of_papers(spark: SparkSession) -> None:
    """One factor, exact solutions: after the last half-step each item vector is where the paper's objective is least.

    With S = sum_u x_u^2, users U, and y the vector of an item taken by the users T:
    y (sum_T x_u^2 + a0 S + reg (|T| + a0 U)^nu) = sum_T x_u.
    """
    reg, a0 = 0.05, 0.25
    settings: Settings = ials(1, reg, a0, 3).model_copy(update={"cg_steps": None})
    pairs = [("u", "a"), ("u", "b"), ("v", "a"), ("w", "b"), ("w", "c"), ("x", "a")]
    with fitted(spark.createDataFrame(pairs, "user_id string, item_id string"), settings) as model:
        assert isinstance(model, Factors)
        x = {row["subject_id"]: row["factors"][0] for row in model.subjects.collect()}
        found = dict(zip(model.items.ids.to_pylist(), model.items.fitted.value.vectors[:, 0].tolist(), strict=True))
    total = sum(value**2 for value in x.values())
    for item, y in found.items():
        takers = [user for user, taken in pairs if taken == item]
        weight = sum(x[user] ** 2 for user in takers) + a0 * total + reg * (len(takers) + a0 * 4)
        assert math.isclose(y, sum(x[user] for user in takers) / weight, rel_tol=1e-4)
    assert all(abs(value) > 1e-3 for value in x.values())
