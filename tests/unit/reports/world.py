"""A warehouse small enough to know by heart: two published days of one surface, a held one of another.

2017-11-30 is D, 2017-11-23 the day before it that was published, and whatever is later must not be seen by D's report.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from shortlist.config import Settings, load_settings

D, BEFORE, LATER = date(2017, 11, 30), date(2017, 11, 23), date(2017, 12, 7)
NOVEMBER, DECEMBER = date(2017, 11, 1), date(2017, 12, 1)

SETTINGS = """
surfaces:
  homefeed: {subject: user, sources: [als, cooccurrence], fallback: popularity, k: 2}
  related: {subject: item, sources: [cooccurrence], k: 3}
als: {factors: 32}
evaluation: {horizons: [7]}
"""

HOSTILE = "<script>alert('x')</script>\"'&\u202e\x1b[31m"


def write_settings(home: Path, text: str = SETTINGS) -> Settings:
    """Settings of the world, with all paths below `home` ($SHORTLIST_HOME)."""
    path = home / "shortlist.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def append(settings: Settings, table: str, rows: list[dict[str, Any]], schema: dict[str, Any]) -> None:
    """One more version of a table."""
    frame = pl.DataFrame(rows, schema=schema or None)
    partition = {"partition_by": ["snapshot_date"]} if "snapshot_date" in frame.columns else {}
    frame.write_delta(f"{settings.paths.warehouse}/{table}", mode="append", delta_write_options=partition)


def write_world(settings: Settings, title: str = "Corn") -> None:
    """All tables; `title` is what the catalog calls item c."""
    _catalog(settings, title)
    _engagements(settings)
    for day, lists in (
        (BEFORE, {"u1": "ce", "u3": "a"}),
        (D, {"u1": "cd", "u2": "a"}),
        (LATER, {"u9": "f"}),
    ):
        candidates(settings, "homefeed", day, lists)
    publication(settings, "homefeed", BEFORE, 0, rows=3, subjects=2)
    publication(settings, "homefeed", D, 1, rows=3, subjects=2)
    publication(settings, "homefeed", LATER, 2, rows=1, subjects=1)
    publication(settings, "related", D, None, rows=0, subjects=4, status="held", why="guardrail: overlap fell to 2 %")
    evaluations(settings)


def candidates(
    settings: Settings, surface: str, day: date, lists: dict[str, str], relations: dict[str, str] | None = None
) -> None:
    """A day's lists, one letter an item: the first of each is by als, the others by cooccurrence.

    Args:
        settings: Of the warehouse.
        surface: Whose table.
        day: Run date.
        lists: Items by subject.
        relations: What items are to their subjects; None: the table is from before it had the column.
    """
    rows: list[dict[str, Any]] = [
        {
            "subject_id": subject,
            "rank": rank,
            "item_id": item,
            "score": 1.0 / rank,
            "source": "als" if rank == 1 else "cooccurrence",
            "reason": f"goes with {item}",
            "run_date": day,
        }
        for subject, items in lists.items()
        for rank, item in enumerate(items, start=1)
    ]
    schema = {"subject_id": pl.String, "rank": pl.Int32, "item_id": pl.String, "score": pl.Float64}
    schema |= {"source": pl.String, "reason": pl.String, "run_date": pl.Date}
    if relations is not None:
        rows = [{**row, "relation": relations.get(row["item_id"])} for row in rows]
        schema |= {"relation": pl.String}
    append(settings, f"candidates_{surface}", rows, schema)
    because = {"als": None, "cooccurrence": "b"}
    made = [
        {
            "surface": surface,
            "source": row["source"],
            "because_item_id": because[str(row["source"])],
            "run_date": row["run_date"],
        }
        for row in rows
    ]
    append(
        settings,
        "unchecked_candidates",
        made,
        {"surface": pl.String, "source": pl.String, "because_item_id": pl.String, "run_date": pl.Date},
    )


def publication(
    settings: Settings,
    surface: str,
    day: date,
    version: int | None,
    rows: int,
    subjects: int,
    status: str = "published",
    why: str | None = None,
    minute: int = 0,
) -> None:
    """One decision, taken in the last hour of its day."""
    decided = datetime(day.year, day.month, day.day, 23, minute, tzinfo=UTC)
    row = {
        "surface": surface,
        "published_at": decided,
        "run_date": day,
        "table_version": version,
        "run_id": f"{day}-abc",
    }
    row |= {
        "rows": rows,
        "subjects": subjects,
        "digest": "d1" if version is not None else None,
        "status": status,
        "why": why,
    }
    schema = {"surface": pl.String, "published_at": pl.Datetime("us", "UTC"), "run_date": pl.Date}
    schema |= {"table_version": pl.Int64, "run_id": pl.String, "rows": pl.Int64, "subjects": pl.Int64}
    append(settings, "publications", [row], schema | {"digest": pl.String, "status": pl.String, "why": pl.String})


def evaluations(settings: Settings, day: date = D, blend: float = 0.5) -> None:
    """The blend, als .4 and cooccurrence .3 in every metric at 5 and 10, for all and for new items."""
    rows = [
        {
            "surface": "homefeed",
            "candidates_date": BEFORE,
            "horizon_days": 7,
            "source": source,
            "segment": segment,
            "metric": metric,
            "k": k,
            "value": value,
            "ci_low": value - 0.05,
            "ci_high": value + 0.05,
            "subjects": 40,
            "without_list": 3,
            "blend_minus_source": None if source == "blend" else blend - value,
            "blend_minus_source_low": None if source == "blend" else blend - value - 0.15,
            "blend_minus_source_high": None if source == "blend" else blend - value + 0.02,
            "run_date": day,
        }
        for source, value in (("cooccurrence", 0.3), ("blend", blend), ("als", 0.4))
        for segment in ("new", "all")
        for metric in ("ndcg", "recall", "recall_capped")
        for k in (10, 5)
    ]
    append(settings, "evaluations", rows, {})


def manifest(settings: Settings, job: str, day: date = D, **facts: Any) -> None:
    """What a job leaves, with `facts` on top."""
    content = {"job": job, "run_date": str(day), "run_id": f"{day}-abc", "attempt": 1, "seconds": 12.5, "error": None}
    content |= {"inputs": {"engagements": 4}, "outputs": {}, "settings": {}}
    path = Path(settings.paths.manifests) / f"run_date={day}" / f"{job}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content | facts), encoding="utf-8")


def _catalog(settings: Settings, title: str) -> None:
    titles = {"a": "Apples", "b": "Bread", "c": title, "d": "Dates", "e": None}
    rows = [{"item_id": i, "title": t, "status": "active", "snapshot_date": NOVEMBER} for i, t in titles.items()]
    rows += [{"item_id": "f", "title": "Figs", "status": "retired", "snapshot_date": NOVEMBER}]
    rows += [{"item_id": i, "title": "of December", "status": "active", "snapshot_date": DECEMBER} for i in "abcdefgh"]
    append(
        settings,
        "catalog",
        rows,
        {"item_id": pl.String, "title": pl.String, "status": pl.String, "snapshot_date": pl.Date},
    )


def _engagements(settings: Settings) -> None:
    events = [
        ("u1", "a", "checkout", "2017-11-20", "2017-11-20"),
        ("u1", "b", "checkout", "2017-11-29", "2017-11-29"),
        ("u1", "a", "checkout", "2017-11-22", "2017-11-22"),
        ("u1", "e", "impression", "2017-11-30", "2017-11-30"),
        ("u1", "d", "checkout", "2017-11-28", "2017-12-02"),  # late: D did not know it
        ("u2", "c", "checkout", "2017-11-30", "2017-11-30"),
        ("u2", "a", "checkout", "2017-12-01", "2017-12-01"),
    ]
    rows = [
        {
            "event_id": str(n),
            "user_id": user,
            "item_id": item,
            "event_type": kind,
            "event_ts": datetime.fromisoformat(f"{day}T12:00:00+00:00"),
            "event_date": date.fromisoformat(day),
            "ingest_date": date.fromisoformat(delivered),
        }
        for n, (user, item, kind, day, delivered) in enumerate(events)
    ]
    append(settings, "engagements", rows, {})
    refused = [
        {"raw": '{"event_type": "purchse"}', "reasons": ["event_type unknown"], "ingest_date": D},
        {"raw": "{", "reasons": ["no JSON", "event_type unknown"], "ingest_date": D},
        {"raw": "of another day", "reasons": ["no JSON"], "ingest_date": BEFORE},
    ]
    append(settings, "quarantine", refused, {"raw": pl.String, "reasons": pl.List(pl.String), "ingest_date": pl.Date})
