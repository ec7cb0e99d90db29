"""Finished lists of a surface on Spark: the same rows wherever the pass runs, and nothing moves once subjects are gathered."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from shortlist.config import CooccurrenceConfig, Settings, SurfaceConfig
from shortlist.generation.lists import listed, make_lists, needed_artefacts, scored, short, sources_of
from shortlist.generation.loading import History
from shortlist.generation.prepared import prepare
from shortlist.models.als import fit as als
from shortlist.models.cooccurrence import fit as cooccurrence
from tests.contract.test_every_source import catalog, checkerboard, events_of

DAY = date(2017, 11, 30)
# Lists for users are blended, ruled, explained and partly drawn; those beside items are fused and fall back.
SURFACES: dict[str, dict[str, Any]] = {
    "feed": {
        "subject": "user",
        "sources": ["als", "cooccurrence", "user_neighbours", "popularity"],
        "weights": {"als": 1.0, "cooccurrence": 0.7, "user_neighbours": 0.4, "popularity": 0.1},
        "fallback": None,
        "min_item_support": 1,
        "max_per_category": 4,
        "exploration": {"slots": 1, "pool": 3},
        "k": 5,
        "depth": 12,
    },
    "beside": {"subject": "item", "sources": ["als", "cooccurrence"], "min_item_support": 1, "k": 9, "depth": 12},
}
# Where the plan gathers subjects: users once for all surfaces, which are kept.
GATHERED = {"feed": "InMemoryRelation", "beside": "Exchange hashpartitioning(subject_id"}


def settings_of(folder: Path | None) -> Settings:
    fitted = {"factors": 2, "epochs": 5, "regularization": 0.1, "scratch": None if folder is None else str(folder)}
    return Settings.model_validate({"surfaces": SURFACES, "als": fitted, "cooccurrence": {"min_support": 1}})


@pytest.fixture(scope="module")
def models(_spark: SparkSession) -> dict[str, DataFrame]:
    """Of all but two users, who are folded in."""
    interactions = checkerboard(_spark)
    model = als.fit(interactions, settings_of(None).als)
    users = model.user_factors.where(~F.col("id").isin("u03", "u04"))
    baskets = interactions.where("weight > 0").select(F.col("user_id").alias("basket_id"), "item_id")
    with cooccurrence.fit(baskets, CooccurrenceConfig(min_support=1)) as found:
        related = _spark.createDataFrame(found.toArrow())
    frames = {"user_factors": users, "item_factors": model.item_factors}
    return {name: _spark.createDataFrame(frame.toArrow()) for name, frame in frames.items()} | {
        "related_items": related
    }


@contextmanager
def made(models: dict[str, DataFrame], name: str, folder: Path | None, parts: int | None = None) -> Iterator[DataFrame]:
    """The lists of a surface.

    Args:
        models: tables by name.
        name: of the surface.
        folder: seen by all tasks; None: arrays are broadcast.
        parts: partitions of all frames and of the subjects; None: as they come.
    """
    settings = settings_of(folder)
    spark = models["item_factors"].sparkSession
    took = checkerboard(spark) if parts is None else checkerboard(spark).repartition(parts, "item_id")
    frames = models if parts is None else {table: frame.repartition(parts) for table, frame in models.items()}
    history = History(DAY, took, lambda _: events_of(took))
    with prepare(settings, needed_artefacts(settings, SURFACES), history, catalog(spark), frames) as prepared:
        surface = settings.surfaces[name]
        subjects = prepared.subjects(surface)
        given = subjects if parts is None else subjects.repartition(parts)
        yield make_lists(given, surface, settings, DAY, prepared.artefacts, prepared.items_of(surface))


def rows_of(lists: DataFrame, surface: SurfaceConfig) -> list[list[Row]]:
    """What is published, what sources said, which lists are short."""
    return [
        sorted(rows.collect(), key=str) for rows in (listed(lists), scored(lists, surface), short(lists, surface.k))
    ]


@pytest.fixture
def batches_of_two(spark: SparkSession) -> Iterator[None]:
    """Arrow brings two subjects at once."""
    size = "spark.sql.execution.arrow.maxRecordsPerBatch"
    usual = spark.conf.get(size)
    spark.conf.set(size, "2")
    yield
    spark.conf.set(size, str(usual))


@pytest.mark.usefixtures("batches_of_two")
@pytest.mark.parametrize("name", SURFACES)
def test_finished_rows_do_not_depend_on_partitions_batches_and_placement(
    models: dict[str, DataFrame], name: str, tmp_path: Path
) -> None:
    surface = settings_of(None).surfaces[name]
    with made(models, name, tmp_path, parts=1) as lists:
        lists.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
        expected = rows_of(lists, surface)
        lists.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "2")
    published, said, _ = expected
    assert {row.slot for row in published} == ({"ranked", "exploration"} if name == "feed" else {"ranked"})
    assert len({row.because_item_id for row in published}) > 4
    assert {tuple(row.sources) for row in said} == {tuple(sources_of(surface))}
    assert any(row.removed_by for row in said) == (name == "feed")
    for parts, folder in ((1, None), (5, tmp_path), (5, None)):
        with made(models, name, folder, parts) as lists:
            assert rows_of(lists, surface) == expected


@pytest.mark.parametrize("name", SURFACES)
def test_nothing_is_exchanged_once_subjects_are_gathered(
    models: dict[str, DataFrame], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    surface = settings_of(None).surfaces[name]
    with made(models, name, tmp_path) as lists:
        for rows in (listed(lists), scored(lists, surface), short(lists, surface.k)):
            capsys.readouterr()
            rows.explain()
            after, *_ = capsys.readouterr().out.split(GATHERED[name])
            assert after.count("MapInArrow") == 1
            assert "Exchange" not in after
