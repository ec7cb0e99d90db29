"""Promises that every candidate source keeps, whatever it does inside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import AlsConfig, CooccurrenceConfig, SourcesConfig, SurfaceConfig
from shortlist.models.als import fit as als
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.sources import SOURCES, propose
from shortlist.sources.inputs import Inputs
from shortlist.transforms.ranking import top_ranked
from shortlist.transforms.scope import Scope, surface_scope

USERS, ITEMS = 12, 12
COLUMNS = {"subject_id", "item_id", "score", "rank", "because_item_id"}
WITHHELD = {("u00", "i10"), ("u01", "i11")}
# u02 took i04 and then hid it, and hid i11 at sight; u99 only hid.
HIDDEN = [("u02", "i04", 1.0), ("u02", "i11", 0.0), ("u99", "i00", 0.0)]
OUT_OF_STOCK = "i06"
MODEL = AlsConfig(factors=2, epochs=15, regularization=0.1)
Source = Callable[[Inputs], DataFrame]


def checkerboard(spark: SparkSession) -> DataFrame:
    """User u took every item of its own parity, but for the pairs that are withheld; some hid some."""
    hidden = {(user, item): weight for user, item, weight in HIDDEN}
    taken = {
        (f"u{u:02d}", f"i{i:02d}"): 1.0
        for u in range(USERS)
        for i in range(ITEMS)
        if u % 2 == i % 2 and (f"u{u:02d}", f"i{i:02d}") not in WITHHELD
    }
    rows = [
        (user, item, weight, 1, datetime(2017, 11, 29), (user, item) in hidden)
        for (user, item), weight in (taken | hidden).items()
    ]
    schema = "user_id string, item_id string, weight float, events int, last_ts timestamp, hidden boolean"
    return spark.createDataFrame(rows, schema)


def catalog(spark: SparkSession) -> DataFrame:
    rows = [(f"i{i:02d}", "inactive" if f"i{i:02d}" == OUT_OF_STOCK else "active") for i in range(ITEMS)]
    return spark.createDataFrame(rows, "item_id string, status string")


def make_inputs(spark: SparkSession, subject: str, folder: Path | None = None, stored: bool = True) -> Inputs:
    """One surface's inputs; user_factors also hold somebody who left, and nobody where none are stored."""
    interactions = checkerboard(spark).persist()
    surface = SurfaceConfig.model_validate({"subject": subject, "sources": ["als"], "min_item_support": 1})
    model = als.fit(interactions, MODEL)
    left = spark.createDataFrame([("u77", [1.0, 1.0])], "id string, factors array<float>")
    baskets = interactions.where("weight > 0").select(F.col("user_id").alias("basket_id"), "item_id")
    with cooccurrence.fit(baskets, CooccurrenceConfig(min_support=1)) as found:
        related = spark.createDataFrame(found.toArrow())
    return Inputs(
        run_date=date(2017, 11, 30),
        surface=surface,
        scope=surface_scope(interactions, catalog(spark), surface).persist(),
        interactions=interactions,
        user_factors=model.user_factors.unionByName(left) if stored else None,
        item_factors=model.item_factors,
        items=SharedItems(model.item_factors, folder),
        als=MODEL,
        folder=folder,
        related_items=related,
    )


@pytest.fixture(scope="module", params=["users", "users, folded in", "items"])
def inputs(_spark: SparkSession, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = None if request.param == "users, folded in" else tmp_path_factory.mktemp("shared")
    subject = "item" if request.param == "items" else "user"
    return make_inputs(_spark, subject, folder, stored=request.param != "users, folded in")


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Source:
    return lambda inputs: SOURCES[request.param](inputs, SourcesConfig())


def rows(frame: DataFrame) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in frame.select(*sorted(frame.columns)).collect()), key=repr)


def pairs(frame: DataFrame) -> set[tuple[str, str]]:
    return {(row.subject_id, row.item_id) for row in frame.select("subject_id", "item_id").collect()}


def with_items(inputs: Inputs, *ids: str) -> Inputs:
    """The same, of these eligible items only."""
    return replace(inputs, scope=replace(inputs.scope, items=inputs.scope.items.where(F.col("item_id").isin(*ids))))


class TestEverySource:
    def test_each_pair_once_of_subjects_and_eligible_items_and_nothing_seen(
        self, source: Source, inputs: Inputs
    ) -> None:
        found = source(inputs)
        assert set(found.columns) == COLUMNS
        given = pairs(found)
        assert found.count() == len(given) > 0
        subjects = {row.subject_id: set(row.seen) for row in inputs.scope.subjects.collect()}
        assert {subject for subject, _ in given} <= subjects.keys()
        assert [pair for pair in given if pair[1] in subjects[pair[0]]] == []
        eligible = {row.item_id for row in inputs.scope.items.collect()}
        assert OUT_OF_STOCK not in eligible
        assert {item for _, item in given} <= eligible

    def test_what_was_hidden_is_never_given(self, source: Source, inputs: Inputs) -> None:
        assert pairs(source(inputs)) & {(user, item) for user, item, _ in HIDDEN} == set()

    def test_ranks_count_from_1_and_fall_by_score_then_item(self, source: Source, inputs: Inputs) -> None:
        found = source(inputs)
        expected = top_ranked(found.drop("rank"), inputs.surface.depth).select(*found.columns)
        assert rows(found) == rows(expected)

    @pytest.mark.parametrize("depth", [1, 3])
    def test_at_most_depth_and_the_best_of_them(self, source: Source, inputs: Inputs, depth: int) -> None:
        shallow = replace(inputs, surface=inputs.surface.model_copy(update={"depth": depth, "k": 1}))
        assert rows(source(shallow)) == rows(source(inputs).where(F.col("rank") <= depth)) != []

    def test_partitions_and_the_order_of_rows_do_not_change_a_bit(self, source: Source, inputs: Inputs) -> None:
        expected = rows(source(inputs))
        for parts in (1, 5):
            items = inputs.item_factors.repartition(parts, "id")
            users = inputs.user_factors
            scope = inputs.scope
            shuffled = replace(
                inputs,
                scope=replace(scope, subjects=scope.subjects.repartition(parts), items=scope.items.repartition(parts)),
                interactions=inputs.interactions.repartition(parts, "item_id"),
                user_factors=None if users is None else users.repartition(parts, "id"),
                item_factors=items,
                items=SharedItems(items, inputs.folder),
                related_items=inputs.related_items.repartition(parts, "related_item_id"),
            )
            assert rows(source(shuffled)) == expected

    def test_one_item_alone(self, source: Source, inputs: Inputs) -> None:
        # Deeper than the catalogue, too: every list is this item or nothing.
        found = source(with_items(inputs, "i10"))
        assert {item for _, item in pairs(found)} == {"i10"}
        assert {row["rank"] for row in found.collect()} == {1}

    def test_nothing_to_offer_is_an_empty_answer_with_the_right_columns(self, source: Source, inputs: Inputs) -> None:
        found = source(with_items(inputs))
        assert (set(found.columns), found.count()) == (COLUMNS, 0)

    def test_nobody_to_serve_is_an_empty_answer(self, source: Source, inputs: Inputs) -> None:
        scope = replace(inputs.scope, subjects=inputs.scope.subjects.limit(0))
        assert source(replace(inputs, scope=scope)).count() == 0


@pytest.mark.parametrize("name", ["als", "cooccurrence"])
@pytest.mark.parametrize("stored", [True, False])
def test_who_took_nothing_is_absent(_spark: SparkSession, name: str, stored: bool) -> None:
    found = SOURCES[name](make_inputs(_spark, "user", stored=stored), SourcesConfig())  # type: ignore[index]
    subjects = {subject for subject, _ in pairs(found)}
    assert {"u00", "u01"} <= subjects <= {f"u{u:02d}" for u in range(USERS)}


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


def test_als__stored_and_folded_users_are_each_served_once(
    _spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = make_inputs(_spark, "user")
    assert inputs.user_factors is not None
    some = replace(inputs, user_factors=inputs.user_factors.where("id not in ('u00', 'u05')"))
    with caplog.at_level("INFO", logger="shortlist.sources"):
        mixed = SOURCES["als"](some, SourcesConfig())
        whole = SOURCES["als"](inputs, SourcesConfig())
    assert "als: 2 users without a stored vector are folded in" in caplog.text
    assert "als: every user that took something has a stored vector" in caplog.text
    assert mixed.count() == len(pairs(mixed))
    assert pairs(mixed) == pairs(whole)
    stored = mixed.where("subject_id not in ('u00', 'u05')")
    assert rows(stored) == rows(whole.where("subject_id not in ('u00', 'u05')"))


def test_als__without_a_fold_in_users_without_a_vector_are_left_out(
    _spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = make_inputs(_spark, "user")
    assert inputs.user_factors is not None
    fitted_elsewhere = MODEL.model_copy(update={"engine": "mllib"})
    some = replace(inputs, user_factors=inputs.user_factors.where("id <> 'u05'"), als=fitted_elsewhere)
    with caplog.at_level("INFO", logger="shortlist.sources"):
        found = SOURCES["als"](some, SourcesConfig())
    assert "als: 1 users without a stored vector are left out, engine mllib has none for them" in caplog.text
    assert {subject for subject, _ in pairs(found)} == {f"u{u:02d}" for u in range(USERS) if u != 5}


def test_cooccurrence__what_was_hidden_does_not_vote(_spark: SparkSession) -> None:
    # c lies beside a, d beside b; u1 took a, and took b and then hid it.
    taken = _spark.createDataFrame(
        [("u1", "a", 1.0, False), ("u1", "b", 1.0, True)],
        "user_id string, item_id string, weight float, hidden boolean",
    )
    related = _spark.createDataFrame(
        [("a", "c", 0.5, "cosine"), ("b", "d", 0.5, "cosine")],
        "item_id string, related_item_id string, score float, measure string",
    )
    scope = Scope(
        _spark.createDataFrame([("u1", ["a", "b"])], "subject_id string, seen array<string>"),
        _spark.createDataFrame([("c",), ("d",)], "item_id string"),
    )
    inputs = replace(make_inputs(_spark, "user"), interactions=taken, related_items=related, scope=scope)
    found = SOURCES["cooccurrence"](inputs, SourcesConfig()).collect()
    assert [(row.item_id, row.because_item_id) for row in found] == [("c", "a")]
