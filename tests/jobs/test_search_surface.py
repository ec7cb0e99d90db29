"""A surface for queries through the jobs: made from clicks and the catalog, published, judged, shown and explained."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.cli.show import show
from shortlist.cli.why import why
from shortlist.config import load_settings
from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 9)
NIGHT = (
    "extract_engagements",
    "build_interactions",
    "train_cooccurrence",
    "learn_blend",
    "generate_candidates",
    "publish_candidates",
)
SEARCH = (
    "{subject: query, sources: [query_clicks, query_neighbours, words, word_parts], fallback: null, k: 5, depth: 20, "
    "mask_seen: false, min_item_support: 0, weights: {query_clicks: 1, query_neighbours: 0.3, words: 0.5, word_parts: 0.2}, "
    "guardrails: {max_short_share: 1}}"
)
# Nobody ever clicked or bought it.
COLD = "c00"


def title(item: str) -> str:
    return {"a": "Red apple", "b": "Blue boat", "c": "Purple kettle"}[item[0]] + f" {item}"


def searches_of(day: date) -> list[tiny.Event]:
    """Before each purchase its group's colour was searched for, written in different ways; one user asks for more."""
    searches = []
    for number, bought in enumerate(tiny.events_of(day)):
        query = ("red", "RED ", " Red")[number % 3] if bought["item_id"][0] == "a" else "blue  boat"
        searches.append({**bought, "event_id": f"search {bought['event_id']}", "event_type": "click", "query": query})
    return [*searches, {**searches[0], "event_id": f"own {day}", "query": "my own words"}]


def test_a_surface_for_queries(spark: SparkSession, deployment: Deployment) -> None:
    for day in tiny.days(last=DAY + timedelta(days=7)):
        tiny.write_folder(deployment.landing, day, [*tiny.events_of(day), *searches_of(day)])
    _land_catalog(deployment)
    text = deployment.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("  related:")]
    lines = [f"  search: {SEARCH}" if line.startswith("  homefeed:") else line for line in lines]
    deployment.config.write_text("\n".join(lines) + "\n")
    for job in NIGHT:
        deployment.run(job, DAY)

    lists = deployment.table("candidates_search").sort("subject_id", "rank")
    assert set(lists["subject_id"]) == {"red", "blue boat"}
    red = lists.filter(pl.col("subject_id") == "red")
    assert red.height == 5
    assert set(red["item_id"].str.head(1)) == {"a"}
    assert set(red["reason"]) <= {"clicked for this query", "clicked for similar queries", "has the words of the query"}
    assert red["source"][0] == "query_clicks"

    settings = load_settings(deployment.config)
    assert show(settings, "search", " RED", None, 3)["subject"] == "red"
    unseen = show(settings, "search", "Purple Kettles", None, 3)
    assert unseen["by_text"]
    assert unseen["candidates"][0]["item_id"] == COLD
    assert unseen["candidates"][0]["reason"] == "has the words of the query"
    assert not show(settings, "search", "qqqq", None, 3)["candidates"]
    assert why(settings, "search", "Red", None, None)["verdict"] == "full"
    assert why(settings, "search", "my own words", None, None)["verdict"] == "not_clicked"
    assert why(settings, "search", "red", "b00", None)["verdict"] in {"not_proposed", "below_k"}

    later = DAY + timedelta(days=7)
    for job in (*NIGHT[:2], "evaluate_candidates"):
        deployment.run(job, later)
    judged = deployment.table("evaluations").filter(
        (pl.col("metric") == "recall_capped") & (pl.col("segment") == "all")
    )
    values = {row["source"]: row["value"] for row in judged.filter(pl.col("k") == 3).to_dicts()}
    # Of the three queries that were asked later one has no list; what was clicked for the others are their first three items.
    assert judged["subjects"].max() == 3
    assert values["blend"] == pytest.approx(2 / 3)


def _land_catalog(deployment: Deployment) -> None:
    folder = deployment.landing / "catalog" / str(tiny.FIRST_DAY)
    folder.mkdir(parents=True)
    items = [*(item for group in tiny.GROUPS.values() for item in group), COLD]
    catalog = {"item_id": items, "title": [title(item) for item in items], "status": ["active"] * len(items)}
    kinds: dict[str, Any] = {"item_id": pl.String, "title": pl.String, "status": pl.String}
    pl.DataFrame(catalog, kinds).write_parquet(folder / "items.parquet")
    (folder / "_SUCCESS").touch()
