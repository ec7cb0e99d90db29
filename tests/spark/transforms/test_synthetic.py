"""Synthetic events: the same however they are divided, as skewed as stated, with the structure that was planted."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import FAULT, FOLDER_VALUES, HEADER, RECEIPT
from shortlist.config import ExtractionConfig, FeedConfig, SyntheticConfig
from shortlist.transforms.engagements import parse_lines
from shortlist.transforms.synthetic import SHARES, synthetic_events

DAY = date(2017, 11, 9)
CONFIG = SyntheticConfig(users=400, items=200, groups=4, affinity=0.8, seed=3)
EVENTS = 20_000


def events(spark: SparkSession, config: SyntheticConfig = CONFIG, parts: int = 3, day: date = DAY) -> DataFrame:
    return synthetic_events(spark.range(0, EVENTS, numPartitions=parts), day, config)


def test_the_events_do_not_depend_on_how_they_are_divided(spark: SparkSession) -> None:
    one, many = (sorted(map(tuple, events(spark, parts=parts).collect()), key=repr) for parts in (1, 7))
    assert one == many
    other_seed = sorted(map(tuple, events(spark, CONFIG.model_copy(update={"seed": 4})).collect()), key=repr)
    other_day = sorted(map(tuple, events(spark, day=date(2017, 11, 10)).collect()), key=repr)
    assert one != other_seed
    assert [row[3:5] for row in one] != [row[3:5] for row in other_day]


def test_users_take_what_their_group_takes(spark: SparkSession) -> None:
    number = {name: F.substring(name, 2, 8).cast("int") for name in ("user_id", "item_id")}
    within = events(spark).select((number["user_id"] % 4 == number["item_id"] % 4).cast("int").alias("own"))
    share = within.agg(F.avg("own")).first()
    assert share is not None
    # 80 % of own will, and a quarter of the rest by chance; 4 standard deviations of 20,000 draws are 0.01.
    assert share[0] == pytest.approx(0.8 + 0.2 / 4, abs=0.011)


def test_popularity_follows_the_stated_law(spark: SparkSession) -> None:
    rows = events(spark).groupBy("user_id").count().collect()
    by_number = {int(row["user_id"][1:]): row["count"] for row in rows}
    assert set(by_number) <= set(range(400))
    # P(user < x users) = x^(1/2): the first 1 % make 10 %, the first quarter half of all events.
    for share, made in ((0.01, 0.1), (0.25, 0.5)):
        assert sum(by_number.get(n, 0) for n in range(int(400 * share))) / EVENTS == pytest.approx(made, abs=0.015)
    flat = events(spark, CONFIG.model_copy(update={"user_skew": 1.0})).groupBy("user_id").count()
    assert flat.count() == 400


def test_types_have_their_shares(spark: SparkSession) -> None:
    found = {row["event_type"]: row["count"] / EVENTS for row in events(spark).groupBy("event_type").count().collect()}
    assert sum(SHARES.values()) == pytest.approx(1)
    assert found == pytest.approx(dict(SHARES), abs=0.015)


def test_extraction_accepts_every_line(spark: SparkSession) -> None:
    lines = events(spark).select(
        F.to_json(F.struct("*")).alias("raw"), F.lit("f").alias("file"), F.monotonically_increasing_id().alias("offset"),
        F.lit(DAY).alias("ingest_date"), F.lit(None).cast("map<string,string>").alias(FOLDER_VALUES),
        *(F.lit(None).cast("string").alias(name) for name in (HEADER, FAULT, RECEIPT)),
    )  # fmt: skip
    parsed = parse_lines(lines, FeedConfig(), ExtractionConfig()).persist()
    assert parsed.where(F.size("reasons") > 0).count() == 0
    assert parsed.select("event_id").distinct().count() == EVENTS
    assert parsed.where(F.col("event_date") != F.lit(DAY)).count() == 0
