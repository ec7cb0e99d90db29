"""Which users are in the sample that source user_neighbours shares, and with what."""

from pyspark.sql import DataFrame, SparkSession

from shortlist.generation.history_artefacts import draw_sample

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
