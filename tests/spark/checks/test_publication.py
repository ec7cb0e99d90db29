"""A surface's day: its contract and its guardrails in one verdict."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from shortlist.checks.publication import check_surface
from shortlist.config import SurfaceConfig
from shortlist.records.checks import Audit
from shortlist.tables import candidates_table
from tests.spark.checks.rows import DAY, Row, candidates, first, frame_of

TABLE = candidates_table("homefeed")
SURFACE = SurfaceConfig(subject="user", sources=("als",), k=3)


def verdict(spark: SparkSession, rows: list[Row], surface: SurfaceConfig, day: date, expected: int) -> Audit:
    return check_surface(frame_of(spark, TABLE, rows).persist(), TABLE, surface, day, expected, None)


def failed(audit: Audit) -> set[str]:
    return {result.rule for result in audit.critical_failures}


def test_a_good_day_passes_both(spark: SparkSession) -> None:
    found = verdict(spark, candidates(), SURFACE, DAY, 2)
    assert not failed(found)
    assert {result.table for result in found.results} == {"candidates_homefeed"}
    assert {"rank_within_k", "ranks_without_holes"} <= {result.rule for result in found.results}


@pytest.mark.parametrize(
    ("rows", "surface", "day", "expected", "rule"),
    [
        (candidates(), SURFACE.model_copy(update={"k": 2}), DAY, 2, "rank_within_k"),
        (candidates(), SURFACE.model_copy(update={"sources": ("cooccurrence",)}), DAY, 2, "source_known"),
        (candidates(), SURFACE, date(2017, 12, 1), 2, "one_run_date"),
        (candidates(), SURFACE, DAY, 9, "subjects_enough"),
        (first(rank=7)(candidates()), SURFACE.model_copy(update={"k": 9}), DAY, 2, "ranks_without_holes"),
    ],
)
def test_what_the_surface_asks_is_checked(
    spark: SparkSession, rows: list[Row], surface: SurfaceConfig, day: date, expected: int, rule: str
) -> None:
    assert rule in failed(verdict(spark, rows, surface, day, expected))


def test_the_fallback_is_a_source_that_is_known(spark: SparkSession) -> None:
    alone = SURFACE.model_copy(update={"fallback": None})
    rows = first(source="popularity")(candidates())
    assert "source_known" in failed(verdict(spark, rows, alone, DAY, 2))
    assert "source_known" not in failed(verdict(spark, rows, SURFACE, DAY, 2))
