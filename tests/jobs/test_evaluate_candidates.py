"""evaluate_candidates: two lists of one published day against what their users did in the week after it, by hand."""

from datetime import UTC, date, datetime, timedelta
from math import log2
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from tests import published
from tests.jobs.conftest import Deployment

PUBLISHED = date(2017, 11, 1)
DAY = PUBLISHED + timedelta(days=7)
# A letter is an item. als proposed the same lists for u1 alone, the other way round.
LISTS = {"u1": "abcd", "u2": "abcd"}
SURFACES = 'surfaces={"homefeed": {"subject": "user", "sources": ["als"], "fallback": null, "k": 4, "depth": 20}}'


def events(day: date, ingested: date | None = None, **taken: str) -> list[dict[str, Any]]:
    """What users took on a day."""
    return [
        {
            "event_id": f"{day}-{user}-{item}",
            "event_type": "checkout",
            "event_ts": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "user_id": user,
            "item_id": item,
            "ingest_date": ingested or day,
            "event_date": day,
        }
        for user, items in taken.items()
        for item in items
    ]


@pytest.fixture
def judged(spark: SparkSession, deployment: Deployment) -> Deployment:
    """PUBLISHED is published, and DAY's events are known."""
    root = deployment.home / "warehouse"
    known = [
        *events(PUBLISHED, u1="a", u2="z"),
        *events(DAY, u1="ab", u2="x", u3="a"),
        # After DAY, or delivered after it: not known when DAY ended.
        *events(DAY + timedelta(days=1), u2="a"),
        *events(DAY - timedelta(days=1), DAY + timedelta(days=1), u2="b"),
    ]
    published.write(root, "engagements", "engagements", known)
    proposed = published.scored_candidates("homefeed", PUBLISHED, {("u1", "als"): "dcba"})
    published.write(root, "source_candidates", "source_candidates", proposed)
    published.publish(root, "homefeed", PUBLISHED, LISTS)
    return deployment


def figure(deployment: Deployment, metric: str, source: str = "blend", segment: str = "all", k: int = 3) -> Any:
    """A metric's value and the subjects behind it."""
    rows = deployment.table("evaluations").filter(run_date=DAY, metric=metric, source=source, segment=segment, k=k)
    return rows.select("value", "subjects").row(0)


def test_a_surface_for_some_users_is_judged_by_those_it_addressed(judged: Deployment) -> None:
    """u3 took something later, too, but was given no list on purpose."""
    lapsing = SURFACES.replace('"k": 4', '"k": 4, "lapsing": {}')
    judged.run("evaluate_candidates", DAY, lapsing)
    assert figure(judged, "recall") == (pytest.approx((2 / 2 + 0) / 2), 2)


def test_a_surface_with_a_truth_of_its_own_is_judged_by_it_and_by_who_got_a_list(judged: Deployment) -> None:
    """u1 followed an advertisement of c, u3 (without a list) one of a; what they bought is nobody's business here."""
    later = [{**event, "event_type": "outbound"} for event in events(DAY, u1="c", u3="a")]
    published.write(judged.home / "warehouse", "engagements", "engagements", later)
    judged.run("evaluate_candidates", DAY, SURFACES.replace('"k": 4', '"k": 4, "truth_event_types": ["outbound"]'))
    assert figure(judged, "recall", k=1) == (0.0, 1)
    assert figure(judged, "recall") == (1.0, 1)
    assert figure(judged, "recall", source="als") == (1.0, 1)
    judged.run("evaluate_candidates", DAY, SURFACES)
    assert figure(judged, "recall")[1] == 3


def test_lists_are_judged_by_what_followed_them(judged: Deployment) -> None:
    judged.run("evaluate_candidates", DAY, SURFACES)
    # Later, u1 took a and b, u2 took x, u3 (without a list) took a: three subjects with truth, one of them served well.
    assert figure(judged, "recall") == (pytest.approx((2 / 2 + 0 + 0) / 3), 3)
    assert figure(judged, "hit_rate", k=1) == (pytest.approx(1 / 3), 3)
    assert figure(judged, "precision") == (pytest.approx((2 / 3) / 3), 3)
    # als had b at its third rank and a at its fourth.
    assert figure(judged, "recall", source="als") == (pytest.approx((1 / 2) / 3), 3)
    best = 1 + 1 / log2(3)
    assert figure(judged, "ndcg", source="als") == (pytest.approx((1 / log2(4) / best) / 3), 3)
    # The same subjects: u1 had both in the blend and one in als, the others nothing in either.
    rows = judged.table("evaluations").filter(metric="recall", segment="all", k=3)
    difference = {row["source"]: row["blend_minus_source"] for row in rows.iter_rows(named=True)}
    assert difference == {"blend": None, "als": pytest.approx(0.5 / 3)}
    # To u1 only b was new.
    assert figure(judged, "recall", segment="new", k=1) == (0.0, 3)
    assert figure(judged, "recall", segment="new") == (pytest.approx(1 / 3), 3)
    assert judged.table("evaluations").select("candidates_date", "horizon_days").unique().rows() == [(PUBLISHED, 7)]


def test_lists_are_judged_up_to_their_k_and_a_handful_of_subjects_has_no_interval(judged: Deployment) -> None:
    judged.run("evaluate_candidates", DAY, SURFACES, "evaluation.ks=[2, 10]")
    rows = judged.table("evaluations")
    assert set(rows["k"]) == {2, 4}
    assert figure(judged, "recall", source="als", k=4) == (pytest.approx((2 / 2) / 3), 3)
    assert rows.select(pl.col("ci_low", "ci_high", "blend_minus_source_low", "blend_minus_source_high").count()).row(
        0
    ) == (0, 0, 0, 0)


def test_a_day_that_was_not_published_is_not_judged(judged: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    judged.run("evaluate_candidates", DAY + timedelta(days=1), SURFACES)
    assert not judged.exists("evaluations")
    assert "homefeed: nothing was published for 2017-11-02, so there is nothing to judge" in capsys.readouterr().err


def test_judging_again_replaces_what_was_judged(judged: Deployment) -> None:
    judged.run("evaluate_candidates", DAY, SURFACES)
    once = judged.rows("evaluations", DAY)
    judged.run("evaluate_candidates", DAY, SURFACES)
    assert judged.rows("evaluations", DAY) == once
    assert judged.table("evaluations").filter(pl.col("ci_low") > pl.col("ci_high")).is_empty()
