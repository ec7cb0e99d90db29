"""What the jobs publish for a landing of seven users and nine items, row by row: literal rows, recorded before the one pass."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 5)
JOBS = ("extract_engagements", "build_interactions", "train_als", "train_cooccurrence", "generate_candidates")
# Who bought what, one session a letter group: bread, cheese, dates, eggs, figs, grapes, ham, ice, jam.
SESSIONS = {
    "anna": "bcd bd bcg",
    "bert": "bce bd ce",
    "cora": "efg fg efh",
    "dora": "egh fh ef",
    "emil": "bc fg",
    "fred": "cd de hi",
    "gina": "b i",
}
NAMES = {
    "b": "bread",
    "c": "cheese",
    "d": "dates",
    "e": "eggs",
    "f": "figs",
    "g": "grapes",
    "h": "ham",
    "i": "ice",
    "j": "jam",
}
# Hidden at sight, and hidden after it was bought.
HIDDEN = [("anna", "f"), ("emil", "c")]
SETTINGS = """\
paths:
  landing: {home}/landing
  warehouse: {home}/warehouse
  reports: {home}/reports
  manifests: {home}/manifests
surfaces:
  homefeed:
    {{subject: user, sources: [als, cooccurrence], k: 4, depth: 4, min_item_support: 2, guardrails: {{max_short_share: 1}}}}
  related:
    {{subject: item, sources: [cooccurrence, als], k: 3, depth: 3, min_item_support: 2, guardrails: {{max_short_share: 1}}}}
als: {{factors: 3, epochs: 8}}
cooccurrence: {{min_support: 1, neighbours: 3}}
"""


def event(user: str, session: str, item: str, event_type: str, minute: int) -> dict[str, str]:
    return {
        "event_id": f"{session}-{item}-{event_type}",
        "event_type": event_type,
        "event_ts": f"{DAY}T08:{minute:02d}:00Z",
        "user_id": user,
        "item_id": NAMES[item],
        "surface": "store",
        "session_id": session,
    }


def land(landing: Path) -> None:
    bought = [
        event(user, f"{user}-{number}", item, "checkout", minute)
        for user, sessions in SESSIONS.items()
        for number, items in enumerate(sessions.split())
        for minute, item in enumerate(items)
    ]
    hidden = [event(user, f"{user}-hid", item, "hide", 30) for user, item in HIDDEN]
    tiny.write_folder(landing, DAY, [json.dumps(each) for each in (*bought, *hidden)])
    folder = landing / "catalog" / DAY.isoformat()
    folder.mkdir(parents=True)
    # Ice is sold no more; dates have no title.
    catalog = {
        "item_id": list(NAMES.values()),
        "title": [None if name == "dates" else name.title() for name in NAMES.values()],
        "status": ["retired" if name == "ice" else "active" for name in NAMES.values()],
    }
    types = {"item_id": pl.String, "title": pl.String, "status": pl.String}
    pl.DataFrame(catalog, types).write_parquet(folder / "items.parquet")
    (folder / "_SUCCESS").touch()


@pytest.fixture
def published(spark: SparkSession, deployment: Deployment) -> Deployment:
    deployment.config.write_text(SETTINGS.format(home=deployment.home))
    land(deployment.landing)
    for job in (*JOBS, "publish_candidates"):
        deployment.run(job, DAY)
    return deployment


COLUMNS = ("subject_id", "rank", "item_id", "score", "source", "sources", "reason")
FITS, BESIDE = "fits {}, by what similar shoppers take", "often in one basket with "
# What the jobs published on 2026-11-28, before sources were scorers on arrays; reasons as of 2026-11-30 (ALS names an item).
# fmt: off
HOMEFEED = [
    ("anna", 1, "eggs", 0.032786885246, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("anna", 2, "ham", 0.032258064516, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("bert", 1, "ham", 0.032522474881, "als", "als+cooccurrence+popularity", FITS.format("Eggs")),
    ("bert", 2, "figs", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("bert", 3, "grapes", 0.032002048131, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("cora", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("cora", 2, "bread", 0.016393442623, "als", "als+popularity", FITS.format("Grapes")),
    ("cora", 3, "dates", 0.016129032258, "als", "als+popularity", FITS.format("Grapes")),
    ("dora", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("dora", 2, "bread", 0.016393442623, "als", "als+popularity", FITS.format("Grapes")),
    ("dora", 3, "dates", 0.016129032258, "als", "als+popularity", FITS.format("Grapes")),
    ("emil", 1, "eggs", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Figs"),
    ("emil", 2, "dates", 0.032266458496, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("emil", 3, "ham", 0.032002048131, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Figs"),
    ("fred", 1, "bread", 0.032786885246, "als", "als+cooccurrence+popularity", FITS.format("Ice")),
    ("fred", 2, "figs", 0.032002048131, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Ham"),
    ("fred", 3, "grapes", 0.016129032258, "als", "als+popularity", FITS.format("Ice")),
    ("gina", 1, "cheese", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Bread"),
    ("gina", 2, "dates", 0.032522474881, "als", "als+cooccurrence+popularity", FITS.format("Ice")),
    ("gina", 3, "grapes", 0.031498015873, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("gina", 4, "ham", 0.015873015873, "cooccurrence", "cooccurrence", BESIDE + "Ice"),
]
RELATED = [
    ("bread", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Bread"),
    ("bread", 2, "grapes", 0.032266458496, "als", "als+cooccurrence+popularity", FITS.format("Bread")),
    ("bread", 3, "dates", 0.032258064516, "cooccurrence", "als+cooccurrence", BESIDE + "Bread"),
    ("cheese", 1, "bread", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Cheese"),
    ("cheese", 2, "dates", 0.032522474881, "als", "als+cooccurrence", FITS.format("Cheese")),
    ("cheese", 3, "eggs", 0.015873015873, "cooccurrence", "cooccurrence+popularity", BESIDE + "Cheese"),
    ("dates", 1, "bread", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "item dates"),
    ("dates", 2, "cheese", 0.032522474881, "als", "als+cooccurrence+popularity", FITS.format("item dates")),
    ("dates", 3, "eggs", 0.015873015873, "cooccurrence", "cooccurrence+popularity", BESIDE + "item dates"),
    ("eggs", 1, "ham", 0.032522474881, "als", "als+cooccurrence", FITS.format("Eggs")),
    ("eggs", 2, "cheese", 0.031746031746, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("eggs", 3, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Eggs"),
    ("figs", 1, "grapes", 0.032786885246, "cooccurrence", "als+cooccurrence", BESIDE + "Figs"),
    ("figs", 2, "bread", 0.016129032258, "als", "als+popularity", FITS.format("Figs")),
    ("figs", 3, "eggs", 0.016129032258, "cooccurrence", "cooccurrence+popularity", BESIDE + "Figs"),
    ("grapes", 1, "bread", 0.016393442623, "als", "als+popularity", FITS.format("Grapes")),
    ("grapes", 2, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Grapes"),
    ("grapes", 3, "dates", 0.016129032258, "als", "als", FITS.format("Grapes")),
    ("ham", 1, "eggs", 0.032522474881, "als", "als+cooccurrence+popularity", FITS.format("Ham")),
    ("ham", 2, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Ham"),
    ("ham", 3, "bread", 0.016129032258, "als", "als+popularity", FITS.format("Ham")),
    ("ice", 1, "dates", 0.016393442623, "als", "als", FITS.format("Ice")),
    ("ice", 2, "ham", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Ice"),
    ("ice", 3, "cheese", 0.016129032258, "als", "als+popularity", FITS.format("Ice")),
]
# surface, subject, source, rank, item, because: what the sources proposed then.
PROPOSED = [
    ("homefeed", "anna", "als", 1, "eggs"),
    ("homefeed", "anna", "als", 2, "ham"),
    ("homefeed", "bert", "als", 1, "ham"),
    ("homefeed", "bert", "als", 2, "grapes"),
    ("homefeed", "bert", "als", 3, "figs"),
    ("homefeed", "cora", "als", 1, "bread"),
    ("homefeed", "cora", "als", 2, "dates"),
    ("homefeed", "cora", "als", 3, "cheese"),
    ("homefeed", "dora", "als", 1, "bread"),
    ("homefeed", "dora", "als", 2, "dates"),
    ("homefeed", "dora", "als", 3, "cheese"),
    ("homefeed", "emil", "als", 1, "dates"),
    ("homefeed", "emil", "als", 2, "eggs"),
    ("homefeed", "emil", "als", 3, "ham"),
    ("homefeed", "fred", "als", 1, "bread"),
    ("homefeed", "fred", "als", 2, "grapes"),
    ("homefeed", "fred", "als", 3, "figs"),
    ("homefeed", "gina", "als", 1, "dates"),
    ("homefeed", "gina", "als", 2, "cheese"),
    ("homefeed", "gina", "als", 3, "grapes"),
    ("homefeed", "gina", "als", 4, "figs"),
    ("homefeed", "anna", "cooccurrence", 1, "eggs"),
    ("homefeed", "anna", "cooccurrence", 2, "ham"),
    ("homefeed", "bert", "cooccurrence", 1, "figs"),
    ("homefeed", "bert", "cooccurrence", 2, "ham"),
    ("homefeed", "bert", "cooccurrence", 3, "grapes"),
    ("homefeed", "cora", "cooccurrence", 1, "cheese"),
    ("homefeed", "dora", "cooccurrence", 1, "cheese"),
    ("homefeed", "emil", "cooccurrence", 1, "eggs"),
    ("homefeed", "emil", "cooccurrence", 2, "ham"),
    ("homefeed", "emil", "cooccurrence", 3, "dates"),
    ("homefeed", "fred", "cooccurrence", 1, "bread"),
    ("homefeed", "fred", "cooccurrence", 2, "figs"),
    ("homefeed", "gina", "cooccurrence", 1, "cheese"),
    ("homefeed", "gina", "cooccurrence", 2, "dates"),
    ("homefeed", "gina", "cooccurrence", 3, "ham"),
    ("homefeed", "gina", "cooccurrence", 4, "grapes"),
    ("homefeed", "anna", "popularity", 1, "eggs"),
    ("homefeed", "anna", "popularity", 2, "ham"),
    ("homefeed", "bert", "popularity", 1, "grapes"),
    ("homefeed", "bert", "popularity", 2, "figs"),
    ("homefeed", "bert", "popularity", 3, "ham"),
    ("homefeed", "cora", "popularity", 1, "bread"),
    ("homefeed", "cora", "popularity", 2, "cheese"),
    ("homefeed", "cora", "popularity", 3, "dates"),
    ("homefeed", "dora", "popularity", 1, "bread"),
    ("homefeed", "dora", "popularity", 2, "cheese"),
    ("homefeed", "dora", "popularity", 3, "dates"),
    ("homefeed", "emil", "popularity", 1, "eggs"),
    ("homefeed", "emil", "popularity", 2, "dates"),
    ("homefeed", "emil", "popularity", 3, "ham"),
    ("homefeed", "fred", "popularity", 1, "bread"),
    ("homefeed", "fred", "popularity", 2, "grapes"),
    ("homefeed", "fred", "popularity", 3, "figs"),
    ("homefeed", "gina", "popularity", 1, "cheese"),
    ("homefeed", "gina", "popularity", 2, "eggs"),
    ("homefeed", "gina", "popularity", 3, "grapes"),
    ("homefeed", "gina", "popularity", 4, "dates"),
    ("related", "bread", "als", 1, "grapes"),
    ("related", "bread", "als", 2, "dates"),
    ("related", "bread", "als", 3, "cheese"),
    ("related", "cheese", "als", 1, "dates"),
    ("related", "cheese", "als", 2, "bread"),
    ("related", "cheese", "als", 3, "grapes"),
    ("related", "dates", "als", 1, "cheese"),
    ("related", "dates", "als", 2, "bread"),
    ("related", "dates", "als", 3, "grapes"),
    ("related", "eggs", "als", 1, "ham"),
    ("related", "eggs", "als", 2, "bread"),
    ("related", "eggs", "als", 3, "cheese"),
    ("related", "figs", "als", 1, "grapes"),
    ("related", "figs", "als", 2, "bread"),
    ("related", "figs", "als", 3, "dates"),
    ("related", "grapes", "als", 1, "bread"),
    ("related", "grapes", "als", 2, "dates"),
    ("related", "grapes", "als", 3, "cheese"),
    ("related", "ham", "als", 1, "eggs"),
    ("related", "ham", "als", 2, "bread"),
    ("related", "ham", "als", 3, "cheese"),
    ("related", "ice", "als", 1, "dates"),
    ("related", "ice", "als", 2, "cheese"),
    ("related", "ice", "als", 3, "bread"),
    ("related", "bread", "cooccurrence", 1, "cheese"),
    ("related", "bread", "cooccurrence", 2, "dates"),
    ("related", "bread", "cooccurrence", 3, "grapes"),
    ("related", "cheese", "cooccurrence", 1, "bread"),
    ("related", "cheese", "cooccurrence", 2, "dates"),
    ("related", "cheese", "cooccurrence", 3, "eggs"),
    ("related", "dates", "cooccurrence", 1, "bread"),
    ("related", "dates", "cooccurrence", 2, "cheese"),
    ("related", "dates", "cooccurrence", 3, "eggs"),
    ("related", "eggs", "cooccurrence", 1, "figs"),
    ("related", "eggs", "cooccurrence", 2, "ham"),
    ("related", "eggs", "cooccurrence", 3, "cheese"),
    ("related", "figs", "cooccurrence", 1, "grapes"),
    ("related", "figs", "cooccurrence", 2, "eggs"),
    ("related", "figs", "cooccurrence", 3, "ham"),
    ("related", "grapes", "cooccurrence", 1, "figs"),
    ("related", "grapes", "cooccurrence", 2, "eggs"),
    ("related", "grapes", "cooccurrence", 3, "ham"),
    ("related", "ham", "cooccurrence", 1, "figs"),
    ("related", "ham", "cooccurrence", 2, "eggs"),
    ("related", "ice", "cooccurrence", 1, "ham"),
    ("related", "bread", "popularity", 1, "cheese"),
    ("related", "bread", "popularity", 2, "eggs"),
    ("related", "bread", "popularity", 3, "grapes"),
    ("related", "cheese", "popularity", 1, "bread"),
    ("related", "cheese", "popularity", 2, "eggs"),
    ("related", "cheese", "popularity", 3, "grapes"),
    ("related", "dates", "popularity", 1, "bread"),
    ("related", "dates", "popularity", 2, "cheese"),
    ("related", "dates", "popularity", 3, "eggs"),
    ("related", "eggs", "popularity", 1, "bread"),
    ("related", "eggs", "popularity", 2, "cheese"),
    ("related", "eggs", "popularity", 3, "grapes"),
    ("related", "figs", "popularity", 1, "bread"),
    ("related", "figs", "popularity", 2, "cheese"),
    ("related", "figs", "popularity", 3, "eggs"),
    ("related", "grapes", "popularity", 1, "bread"),
    ("related", "grapes", "popularity", 2, "cheese"),
    ("related", "grapes", "popularity", 3, "eggs"),
    ("related", "ham", "popularity", 1, "bread"),
    ("related", "ham", "popularity", 2, "cheese"),
    ("related", "ham", "popularity", 3, "eggs"),
    ("related", "ice", "popularity", 1, "bread"),
    ("related", "ice", "popularity", 2, "cheese"),
    ("related", "ice", "popularity", 3, "eggs"),
]
# fmt: on


def lists(deployment: Deployment, surface: str) -> list[tuple[object, ...]]:
    rows = deployment.table(f"candidates_{surface}").sort("subject_id", "rank").select(COLUMNS)
    return rows.with_columns(pl.col("sources").list.join("+")).rows()


def test_published_lists_are_the_recorded_rows(published: Deployment) -> None:
    assert lists(published, "homefeed") == HOMEFEED
    assert lists(published, "related") == RELATED
    manifest = json.loads((published.home / "manifests" / f"run_date={DAY}" / "publish_candidates.json").read_text())
    short = {
        "why": "fewer than k eligible items are left that the subject has not seen",
        "subjects": 6,
        "rows": 17,
        "removed": {"hidden": 2, "seen": 23},
    }
    assert manifest["short_lists"] == {"homefeed": [short], "related": []}
    generated = json.loads((published.home / "manifests" / f"run_date={DAY}" / "generate_candidates.json").read_text())
    of_all = {"items": 8, "eligible": 7, "left_out": {"minimum_support": 0, "described": 0, "active": 1}}
    assert generated["item_rules"] == {"homefeed": of_all, "related": of_all}
    each = published.table("source_candidates").explode("sources", "ranks", "scores", "contributions")
    proposed = each.drop_nulls("ranks").sort("surface", "sources", "subject_id", "ranks")
    assert proposed.select("surface", "subject_id", "sources", "ranks", "item_id").rows() == PROPOSED
    # A source scores whatever another one proposed, where it can.
    assert 0 < each.filter(pl.col("ranks").is_null())["scores"].count() < len(each)
