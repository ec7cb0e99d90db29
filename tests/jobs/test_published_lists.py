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
ALIKE, BESIDE = "fits what similar shoppers take", "often in one basket with "
# What the jobs published on 2026-11-28, before sources were scorers on arrays; reasons as of 2026-11-29 (rarity).
# fmt: off
HOMEFEED = [
    ("anna", 1, "eggs", 0.032786885246, "als", "als+cooccurrence+popularity", ALIKE),
    ("anna", 2, "ham", 0.032258064516, "als", "als+cooccurrence+popularity", ALIKE),
    ("bert", 1, "ham", 0.032522474881, "als", "als+cooccurrence+popularity", ALIKE),
    ("bert", 2, "figs", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("bert", 3, "grapes", 0.032002048131, "als", "als+cooccurrence+popularity", ALIKE),
    ("cora", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("cora", 2, "bread", 0.016393442623, "als", "als+popularity", ALIKE),
    ("cora", 3, "dates", 0.016129032258, "als", "als+popularity", ALIKE),
    ("dora", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("dora", 2, "bread", 0.016393442623, "als", "als+popularity", ALIKE),
    ("dora", 3, "dates", 0.016129032258, "als", "als+popularity", ALIKE),
    ("emil", 1, "eggs", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Figs"),
    ("emil", 2, "dates", 0.032266458496, "als", "als+cooccurrence+popularity", ALIKE),
    ("emil", 3, "ham", 0.032002048131, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Figs"),
    ("fred", 1, "bread", 0.032786885246, "als", "als+cooccurrence+popularity", ALIKE),
    ("fred", 2, "figs", 0.032002048131, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Ham"),
    ("fred", 3, "grapes", 0.016129032258, "als", "als+popularity", ALIKE),
    ("gina", 1, "cheese", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Bread"),
    ("gina", 2, "dates", 0.032522474881, "als", "als+cooccurrence+popularity", ALIKE),
    ("gina", 3, "grapes", 0.031498015873, "als", "als+cooccurrence+popularity", ALIKE),
    ("gina", 4, "ham", 0.015873015873, "cooccurrence", "cooccurrence", BESIDE + "Ice"),
]
RELATED = [
    ("bread", 1, "cheese", 0.032266458496, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Bread"),
    ("bread", 2, "grapes", 0.032266458496, "als", "als+cooccurrence+popularity", ALIKE),
    ("bread", 3, "dates", 0.032258064516, "cooccurrence", "als+cooccurrence", BESIDE + "Bread"),
    ("cheese", 1, "bread", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Cheese"),
    ("cheese", 2, "dates", 0.032522474881, "als", "als+cooccurrence", ALIKE),
    ("cheese", 3, "eggs", 0.015873015873, "cooccurrence", "cooccurrence+popularity", BESIDE + "Cheese"),
    ("dates", 1, "bread", 0.032522474881, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "item dates"),
    ("dates", 2, "cheese", 0.032522474881, "als", "als+cooccurrence+popularity", ALIKE),
    ("dates", 3, "eggs", 0.015873015873, "cooccurrence", "cooccurrence+popularity", BESIDE + "item dates"),
    ("eggs", 1, "ham", 0.032522474881, "als", "als+cooccurrence", ALIKE),
    ("eggs", 2, "cheese", 0.031746031746, "cooccurrence", "als+cooccurrence+popularity", BESIDE + "Eggs"),
    ("eggs", 3, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Eggs"),
    ("figs", 1, "grapes", 0.032786885246, "cooccurrence", "als+cooccurrence", BESIDE + "Figs"),
    ("figs", 2, "bread", 0.016129032258, "als", "als+popularity", ALIKE),
    ("figs", 3, "eggs", 0.016129032258, "cooccurrence", "cooccurrence+popularity", BESIDE + "Figs"),
    ("grapes", 1, "bread", 0.016393442623, "als", "als+popularity", ALIKE),
    ("grapes", 2, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Grapes"),
    ("grapes", 3, "dates", 0.016129032258, "als", "als", ALIKE),
    ("ham", 1, "eggs", 0.032522474881, "als", "als+cooccurrence+popularity", ALIKE),
    ("ham", 2, "figs", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Ham"),
    ("ham", 3, "bread", 0.016129032258, "als", "als+popularity", ALIKE),
    ("ice", 1, "dates", 0.016393442623, "als", "als", ALIKE),
    ("ice", 2, "ham", 0.016393442623, "cooccurrence", "cooccurrence", BESIDE + "Ice"),
    ("ice", 3, "cheese", 0.016129032258, "als", "als+popularity", ALIKE),
]
# surface, subject, source, rank, item, because: what the sources proposed then.
PROPOSED = [
    ("homefeed", "anna", "als", 1, "eggs", None),
    ("homefeed", "anna", "als", 2, "ham", None),
    ("homefeed", "bert", "als", 1, "ham", None),
    ("homefeed", "bert", "als", 2, "grapes", None),
    ("homefeed", "bert", "als", 3, "figs", None),
    ("homefeed", "cora", "als", 1, "bread", None),
    ("homefeed", "cora", "als", 2, "dates", None),
    ("homefeed", "cora", "als", 3, "cheese", None),
    ("homefeed", "dora", "als", 1, "bread", None),
    ("homefeed", "dora", "als", 2, "dates", None),
    ("homefeed", "dora", "als", 3, "cheese", None),
    ("homefeed", "emil", "als", 1, "dates", None),
    ("homefeed", "emil", "als", 2, "eggs", None),
    ("homefeed", "emil", "als", 3, "ham", None),
    ("homefeed", "fred", "als", 1, "bread", None),
    ("homefeed", "fred", "als", 2, "grapes", None),
    ("homefeed", "fred", "als", 3, "figs", None),
    ("homefeed", "gina", "als", 1, "dates", None),
    ("homefeed", "gina", "als", 2, "cheese", None),
    ("homefeed", "gina", "als", 3, "grapes", None),
    ("homefeed", "gina", "als", 4, "figs", None),
    ("homefeed", "anna", "cooccurrence", 1, "eggs", "dates"),
    ("homefeed", "anna", "cooccurrence", 2, "ham", "grapes"),
    ("homefeed", "bert", "cooccurrence", 1, "figs", "eggs"),
    ("homefeed", "bert", "cooccurrence", 2, "ham", "eggs"),
    ("homefeed", "bert", "cooccurrence", 3, "grapes", "bread"),
    ("homefeed", "cora", "cooccurrence", 1, "cheese", "eggs"),
    ("homefeed", "dora", "cooccurrence", 1, "cheese", "eggs"),
    ("homefeed", "emil", "cooccurrence", 1, "eggs", "figs"),
    ("homefeed", "emil", "cooccurrence", 2, "ham", "figs"),
    ("homefeed", "emil", "cooccurrence", 3, "dates", "bread"),
    ("homefeed", "fred", "cooccurrence", 1, "bread", "dates"),
    ("homefeed", "fred", "cooccurrence", 2, "figs", "ham"),
    ("homefeed", "gina", "cooccurrence", 1, "cheese", "bread"),
    ("homefeed", "gina", "cooccurrence", 2, "dates", "bread"),
    ("homefeed", "gina", "cooccurrence", 3, "ham", "ice"),
    ("homefeed", "gina", "cooccurrence", 4, "grapes", "bread"),
    ("homefeed", "anna", "popularity", 1, "eggs", None),
    ("homefeed", "anna", "popularity", 2, "ham", None),
    ("homefeed", "bert", "popularity", 1, "grapes", None),
    ("homefeed", "bert", "popularity", 2, "figs", None),
    ("homefeed", "bert", "popularity", 3, "ham", None),
    ("homefeed", "cora", "popularity", 1, "bread", None),
    ("homefeed", "cora", "popularity", 2, "cheese", None),
    ("homefeed", "cora", "popularity", 3, "dates", None),
    ("homefeed", "dora", "popularity", 1, "bread", None),
    ("homefeed", "dora", "popularity", 2, "cheese", None),
    ("homefeed", "dora", "popularity", 3, "dates", None),
    ("homefeed", "emil", "popularity", 1, "eggs", None),
    ("homefeed", "emil", "popularity", 2, "dates", None),
    ("homefeed", "emil", "popularity", 3, "ham", None),
    ("homefeed", "fred", "popularity", 1, "bread", None),
    ("homefeed", "fred", "popularity", 2, "grapes", None),
    ("homefeed", "fred", "popularity", 3, "figs", None),
    ("homefeed", "gina", "popularity", 1, "cheese", None),
    ("homefeed", "gina", "popularity", 2, "eggs", None),
    ("homefeed", "gina", "popularity", 3, "grapes", None),
    ("homefeed", "gina", "popularity", 4, "dates", None),
    ("related", "bread", "als", 1, "grapes", None),
    ("related", "bread", "als", 2, "dates", None),
    ("related", "bread", "als", 3, "cheese", None),
    ("related", "cheese", "als", 1, "dates", None),
    ("related", "cheese", "als", 2, "bread", None),
    ("related", "cheese", "als", 3, "grapes", None),
    ("related", "dates", "als", 1, "cheese", None),
    ("related", "dates", "als", 2, "bread", None),
    ("related", "dates", "als", 3, "grapes", None),
    ("related", "eggs", "als", 1, "ham", None),
    ("related", "eggs", "als", 2, "bread", None),
    ("related", "eggs", "als", 3, "cheese", None),
    ("related", "figs", "als", 1, "grapes", None),
    ("related", "figs", "als", 2, "bread", None),
    ("related", "figs", "als", 3, "dates", None),
    ("related", "grapes", "als", 1, "bread", None),
    ("related", "grapes", "als", 2, "dates", None),
    ("related", "grapes", "als", 3, "cheese", None),
    ("related", "ham", "als", 1, "eggs", None),
    ("related", "ham", "als", 2, "bread", None),
    ("related", "ham", "als", 3, "cheese", None),
    ("related", "ice", "als", 1, "dates", None),
    ("related", "ice", "als", 2, "cheese", None),
    ("related", "ice", "als", 3, "bread", None),
    ("related", "bread", "cooccurrence", 1, "cheese", "bread"),
    ("related", "bread", "cooccurrence", 2, "dates", "bread"),
    ("related", "bread", "cooccurrence", 3, "grapes", "bread"),
    ("related", "cheese", "cooccurrence", 1, "bread", "cheese"),
    ("related", "cheese", "cooccurrence", 2, "dates", "cheese"),
    ("related", "cheese", "cooccurrence", 3, "eggs", "cheese"),
    ("related", "dates", "cooccurrence", 1, "bread", "dates"),
    ("related", "dates", "cooccurrence", 2, "cheese", "dates"),
    ("related", "dates", "cooccurrence", 3, "eggs", "dates"),
    ("related", "eggs", "cooccurrence", 1, "figs", "eggs"),
    ("related", "eggs", "cooccurrence", 2, "ham", "eggs"),
    ("related", "eggs", "cooccurrence", 3, "cheese", "eggs"),
    ("related", "figs", "cooccurrence", 1, "grapes", "figs"),
    ("related", "figs", "cooccurrence", 2, "eggs", "figs"),
    ("related", "figs", "cooccurrence", 3, "ham", "figs"),
    ("related", "grapes", "cooccurrence", 1, "figs", "grapes"),
    ("related", "grapes", "cooccurrence", 2, "eggs", "grapes"),
    ("related", "grapes", "cooccurrence", 3, "ham", "grapes"),
    ("related", "ham", "cooccurrence", 1, "figs", "ham"),
    ("related", "ham", "cooccurrence", 2, "eggs", "ham"),
    ("related", "ice", "cooccurrence", 1, "ham", "ice"),
    ("related", "bread", "popularity", 1, "cheese", None),
    ("related", "bread", "popularity", 2, "eggs", None),
    ("related", "bread", "popularity", 3, "grapes", None),
    ("related", "cheese", "popularity", 1, "bread", None),
    ("related", "cheese", "popularity", 2, "eggs", None),
    ("related", "cheese", "popularity", 3, "grapes", None),
    ("related", "dates", "popularity", 1, "bread", None),
    ("related", "dates", "popularity", 2, "cheese", None),
    ("related", "dates", "popularity", 3, "eggs", None),
    ("related", "eggs", "popularity", 1, "bread", None),
    ("related", "eggs", "popularity", 2, "cheese", None),
    ("related", "eggs", "popularity", 3, "grapes", None),
    ("related", "figs", "popularity", 1, "bread", None),
    ("related", "figs", "popularity", 2, "cheese", None),
    ("related", "figs", "popularity", 3, "eggs", None),
    ("related", "grapes", "popularity", 1, "bread", None),
    ("related", "grapes", "popularity", 2, "cheese", None),
    ("related", "grapes", "popularity", 3, "eggs", None),
    ("related", "ham", "popularity", 1, "bread", None),
    ("related", "ham", "popularity", 2, "cheese", None),
    ("related", "ham", "popularity", 3, "eggs", None),
    ("related", "ice", "popularity", 1, "bread", None),
    ("related", "ice", "popularity", 2, "cheese", None),
    ("related", "ice", "popularity", 3, "eggs", None),
]
# fmt: on


def lists(deployment: Deployment, surface: str) -> list[tuple[object, ...]]:
    rows = deployment.table(f"candidates_{surface}").sort("subject_id", "rank").select(COLUMNS)
    return rows.with_columns(pl.col("sources").list.join("+")).rows()


def test_published_lists_are_the_recorded_rows(published: Deployment) -> None:
    assert lists(published, "homefeed") == HOMEFEED
    assert lists(published, "related") == RELATED
    manifest = json.loads((published.home / "manifests" / f"run_date={DAY}" / "publish_candidates.json").read_text())
    short = {"why": "fewer than k eligible items are left that the subject has not seen", "subjects": 6, "rows": 17}
    assert manifest["short_lists"] == {"homefeed": [short], "related": []}
    columns = ("surface", "subject_id", "source", "rank", "item_id", "because_item_id")
    proposed = published.table("source_candidates").sort("surface", "source", "subject_id", "rank").select(columns)
    on_a_list = {
        (surface, row[0], row[2]) for surface, rows in (("homefeed", HOMEFEED), ("related", RELATED)) for row in rows
    }
    # A source explains only what came on the list.
    expected = [row if (row[0], row[1], row[4]) in on_a_list else (*row[:5], None) for row in PROPOSED]
    assert proposed.rows() == expected
