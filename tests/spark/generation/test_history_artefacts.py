"""Which users or queries are in the samples that sources share, and with what."""

from datetime import date, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import Settings
from shortlist.generation.history_artefacts import draw_sample, sampled_queries, sampled_users
from shortlist.generation.items import collect_items, count_users
from shortlist.generation.loading import History, Loading, ModelItems

SEED = 3
USERS = [f"u{number:02d}" for number in range(40)]
# User n took items i0 to i(n mod 3).
TAKEN = [(user, f"i{item}") for number, user in enumerate(USERS) for item in range(1 + number % 3)]


def taken(spark: SparkSession, rows: list[tuple[str, str]]) -> DataFrame:
    return spark.createDataFrame(rows, "user_id string, item_id string")


def drawn(frame: DataFrame, count: int, seed: int = SEED) -> list[tuple[str, str]]:
    return sorted((row["user_id"], row["item_id"]) for row in draw_sample(frame, count, seed).collect())


def users_of(rows: list[tuple[str, str]]) -> set[str]:
    return {user for user, _ in rows}


def test_users_with_the_smallest_seeded_hashes_are_drawn_with_all_that_they_took(spark: SparkSession) -> None:
    hashes = ", ".join(f"xxhash64('{user}', {SEED})" for user in USERS)
    (hashed,) = spark.sql(f"SELECT {hashes}").collect()
    smallest = {user for _, user in sorted(zip(hashed, USERS, strict=True))[:10]}
    assert drawn(taken(spark, TAKEN), 10) == [row for row in TAKEN if row[0] in smallest]


def test_a_draw_depends_on_the_ids_and_the_seed_alone(spark: SparkSession) -> None:
    rows = taken(spark, TAKEN)
    found = drawn(rows, 10)
    assert drawn(taken(spark, TAKEN[::-1]).repartition(5), 10) == found
    assert users_of(drawn(rows, 10, seed=4)) != users_of(found)
    # Who is among the first 10 of all is among the first 10 of fewer, and a larger draw keeps a smaller one's users.
    fewer = [row for row in TAKEN if row[0] in users_of(found) or row[0] < "u20"]
    assert drawn(taken(spark, fewer), 10) == found
    assert users_of(found) < users_of(drawn(rows, 20))


def test_fewer_users_than_the_sample_may_hold_are_all_drawn(spark: SparkSession) -> None:
    rows = taken(spark, TAKEN)
    assert drawn(rows, len(USERS)) == TAKEN
    assert drawn(rows, 1000) == TAKEN
    assert drawn(taken(spark, []), 5) == []


@pytest.mark.parametrize(("half_life", "given"), [(None, [1.0, 1.0, 1.0]), (10.0, [0.5, 0.25, 0.125])])
@pytest.mark.parametrize("source", ["user_neighbours", "query_neighbours"])
def test_what_a_neighbour_took_counts_by_its_age(
    spark: SparkSession, source: str, half_life: float | None, given: list[float]
) -> None:
    """D ends 10, 20 and 30 days after they took it last; what v hid is no entry."""
    rows = [
        ("u", "a", 5.0, 21, False),
        ("u", "b", 1.0, 11, False),
        ("v", "a", 1.0, 1, False),
        ("v", "b", 1.0, 21, True),
    ]
    took = spark.createDataFrame(
        [
            (user, item, weight, 1, datetime(2017, 10, day), hidden, 0, None, None)
            for user, item, weight, day, hidden in rows
        ],
        "user_id string, item_id string, weight float, events int, last_ts timestamp, hidden boolean, purchases int, "
        "first_purchase_ts timestamp, last_purchase_ts timestamp",
    )
    day = date(2017, 10, 30)
    surface = {"subject": "user", "sources": ["popularity"], "fallback": None}
    settings = Settings.model_validate(
        {"surfaces": {"any": surface}, "sources": {source: {"half_life_days": half_life}}}
    )
    items = collect_items(count_users(took, day, 28), day, None, [])
    clicks = took.where(~F.col("hidden")).withColumnRenamed("user_id", "query")
    history = History(day, took, lambda _: took, clicks)
    share = {"user_neighbours": sampled_users, "query_neighbours": sampled_queries}[source]
    found = share(Loading(spark, ModelItems(settings, {}, None), items, history)).value
    assert found.ids.to_pylist() == ["u", "v"]
    assert (found.sample.starts.tolist(), found.sample.items.tolist()) == ([0, 2, 3], [0, 1, 0])
    assert found.sample.given.tolist() == given
