"""Promises that every candidate source keeps, whatever it does inside."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import AlsConfig, CooccurrenceConfig, SourcesConfig, SurfaceConfig
from shortlist.models import als, cooccurrence
from shortlist.sources import SOURCES, propose
from shortlist.sources.inputs import Inputs
from shortlist.transforms.ranking import top_ranked
from shortlist.transforms.scope import surface_scope

USERS, ITEMS = 12, 12
COLUMNS = {"subject_id", "item_id", "score", "rank", "because_item_id"}
WITHHELD = {("u00", "i10"), ("u01", "i11")}


def checkerboard(spark: SparkSession) -> DataFrame:
    """User u took every item of its own parity, but for the pairs that are withheld."""
    rows = [
        (f"u{u:02d}", f"i{i:02d}", 1.0, 1, datetime(2017, 11, 29), False)
        for u in range(USERS)
        for i in range(ITEMS)
        if u % 2 == i % 2 and (f"u{u:02d}", f"i{i:02d}") not in WITHHELD
    ]
    schema = "user_id string, item_id string, weight float, events int, last_ts timestamp, hidden boolean"
    return spark.createDataFrame(rows, schema)


def make_inputs(spark: SparkSession, subject: str) -> Inputs:
    interactions = checkerboard(spark)
    surface = SurfaceConfig.model_validate({"subject": subject, "sources": ["als"], "min_item_support": 1})
    model = als.fit(interactions, AlsConfig(factors=2, epochs=15, regularization=0.1))
    baskets = interactions.select(F.col("user_id").alias("basket_id"), "item_id")
    with cooccurrence.fit(baskets, CooccurrenceConfig(min_support=1)) as found:
        related = spark.createDataFrame(found.toArrow())
    scope = surface_scope(interactions, None, surface)
    return Inputs(date(2017, 11, 30), surface, scope, interactions, model.user_factors, model.item_factors, related)


@pytest.fixture(scope="module", params=["user", "item"])
def inputs(_spark: SparkSession, request: pytest.FixtureRequest) -> Inputs:
    return make_inputs(_spark, request.param)


def rows(frame: DataFrame) -> list[tuple[object, ...]]:
    return sorted(tuple(row) for row in frame.select(*sorted(frame.columns)).collect())


@pytest.mark.parametrize("name", SOURCES)
class TestEverySource:
    def test_shape_and_masks(self, name: str, inputs: Inputs) -> None:
        found = SOURCES[name](inputs, SourcesConfig())  # type: ignore[index]
        assert set(found.columns) == COLUMNS
        pairs = found.select("subject_id", "item_id")
        assert pairs.count() == pairs.distinct().count() > 0
        seen = inputs.scope.subjects.select("subject_id", F.explode("seen").alias("item_id"))
        assert pairs.intersect(seen).isEmpty()
        assert pairs.join(inputs.scope.items, "item_id", how="left_anti").isEmpty()
        assert pairs.join(inputs.scope.subjects, "subject_id", how="left_anti").isEmpty()

    def test_ranks_fall_by_score_then_item(self, name: str, inputs: Inputs) -> None:
        found = SOURCES[name](inputs, SourcesConfig())  # type: ignore[index]
        depth = inputs.surface.depth
        expected = top_ranked(found.drop("rank"), depth).select(*found.columns)
        assert rows(found) == rows(expected)

    def test_the_order_of_rows_does_not_change_a_bit(self, name: str, inputs: Inputs) -> None:
        shuffled = replace(
            inputs,
            interactions=inputs.interactions.repartition(5, "item_id"),
            user_factors=inputs.user_factors.repartition(3, "id"),
            item_factors=inputs.item_factors.repartition(4, "id"),
            related_items=inputs.related_items.repartition(3, "related_item_id"),
        )
        source = SOURCES[name]  # type: ignore[index]
        assert rows(source(shuffled, SourcesConfig())) == rows(source(inputs, SourcesConfig()))

    def test_nothing_to_offer_is_an_empty_answer_with_the_right_columns(self, name: str, inputs: Inputs) -> None:
        nothing = replace(inputs, scope=replace(inputs.scope, items=inputs.scope.items.limit(0)))
        found = SOURCES[name](nothing, SourcesConfig())  # type: ignore[index]
        assert (set(found.columns), found.count()) == (COLUMNS, 0)

    def test_nobody_to_serve_is_an_empty_answer(self, name: str, inputs: Inputs) -> None:
        scope = replace(inputs.scope, subjects=inputs.scope.subjects.limit(0))
        assert SOURCES[name](replace(inputs, scope=scope), SourcesConfig()).count() == 0  # type: ignore[index]


@pytest.mark.parametrize("name", ["als", "cooccurrence"])
def test_the_withheld_item_comes_first(_spark: SparkSession, name: str) -> None:
    found = SOURCES[name](make_inputs(_spark, "user"), SourcesConfig())  # type: ignore[index]
    best = found.groupBy("subject_id").agg(F.max_by("item_id", "score").alias("item_id"))
    assert {tuple(row) for row in best.collect()} >= WITHHELD


def test_popularity_counts_recent_users(_spark: SparkSession) -> None:
    inputs = make_inputs(_spark, "user")
    old = F.when(F.col("item_id") == "i02", F.lit(datetime(2017, 1, 1))).otherwise(F.col("last_ts"))
    inputs = replace(inputs, interactions=inputs.interactions.withColumn("last_ts", old))
    scores = {(r.subject_id, r.item_id): r.score for r in SOURCES["popularity"](inputs, SourcesConfig()).collect()}
    assert scores["u01", "i00"] == 6.0
    assert scores["u01", "i02"] == 0.0  # nobody of late: last, but not absent
    assert scores["u00", "i10"] == 5.0  # withheld from u00, taken by the other five


def test_propose_ranks_each_source_and_cuts_at_the_depth(_spark: SparkSession) -> None:
    inputs = make_inputs(_spark, "user")
    shallow = replace(inputs, surface=inputs.surface.model_copy(update={"depth": 2, "k": 2}))
    found = propose(shallow, SourcesConfig())
    ranks = found.groupBy("source", "subject_id").agg(F.sort_array(F.collect_list("rank")).alias("ranks")).collect()
    assert {row.source for row in ranks} == {"als", "popularity"}
    assert {tuple(row.ranks) for row in ranks} == {(1, 2)}
