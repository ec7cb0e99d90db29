"""Small days that keep every rule, to be broken one rule at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from shortlist.tables import Table

DAY = date(2017, 11, 30)
LATER = date(2017, 12, 1)

Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


def candidates() -> list[Row]:
    """Two lists of three."""
    return candidate_lists({"u1": ["a", "b", "c"], "u2": ["b", "c", "d"]})


def candidate_lists(lists: Mapping[str, Sequence[str]], source: str = "als") -> list[Row]:
    """Rows of candidates, by subject the items from the best; scores are 1, 1/2, 1/3 and so on."""
    return [
        {
            "subject_id": subject,
            "rank": rank,
            "item_id": item,
            "score": 1.0 / rank,
            "source": source,
            "sources": [source],
            "reason": "goes with what you saved",
            "model_version": "als-1",
            "run_id": "2017-11-30-0a1b",
            "expires_at": None,
            "campaign": None,
            "slot": "ranked",
            "propensity": 1.0,
            "condition": None,
            "relation": None,
            "run_date": DAY,
        }
        for subject, items in lists.items()
        for rank, item in enumerate(items, start=1)
    ]


def engagements() -> list[Row]:
    """A save, a search without an item, and a checkout that was delivered on the day it happened."""
    base = {
        "event_ts": datetime(2017, 11, 29, 18, 5, 11, tzinfo=UTC),
        "event_date": date(2017, 11, 29),
        "ingest_date": DAY,
        "surface": "homefeed",
        "session_id": "s1",
        "board_id": None,
        "query": None,
        "request_id": "r1",
        "position": 1,
        "value": None,
    }
    search = {"item_id": None, "query": "red shoes", "position": None}
    checkout = {"event_date": DAY, "event_ts": datetime(2017, 11, 30, 1, 2, 3, tzinfo=UTC), "value": 12.5}
    return [
        {**base, "event_id": "e1", "event_type": "save", "user_id": "u1", "item_id": "a", "board_id": "b1"},
        {**base, "event_id": "e2", "event_type": "search", "user_id": "u1", **search},
        {**base, "event_id": "e3", "event_type": "checkout", "user_id": "u2", "item_id": "b", **checkout},
    ]


def catalog() -> list[Row]:
    """An item that is sold, and one that was."""
    base = {
        "title": "A lamp",
        "category": ["home"],
        "created_at": None,
        "price": 9.5,
        "buyable": True,
        "creator": None,
        "content_key": None,
        "snapshot_date": DAY,
    }
    return [{**base, "item_id": "a", "status": "active"}, {**base, "item_id": "b", "status": "retired"}]


def promotions() -> list[Row]:
    """Two items of one campaign."""
    starts, ends = datetime(2017, 11, 27, tzinfo=UTC), datetime(2017, 12, 4, tzinfo=UTC)
    base = {"promotion_id": "p1", "campaign": "winter", "audience": None, "snapshot_date": DAY}
    return [{**base, "item_id": item, "starts_at": starts, "ends_at": ends} for item in "ab"]


def audience_members() -> list[Row]:
    """Two users of one audience."""
    return [{"audience": "club", "user_id": user, "snapshot_date": DAY} for user in ("u1", "u2")]


def first(**values: Any) -> Change:
    """The first row with other values."""
    return lambda rows: [{**rows[0], **values}, *rows[1:]]


def frame_of(spark: SparkSession, table: Table, rows: Iterable[Row]) -> DataFrame:
    """The rows in the table's columns; all may be empty, or Spark itself would refuse what the rules are to find."""
    schema = StructType([StructField(field.name, field.dataType, nullable=True) for field in table.schema])
    return spark.createDataFrame([tuple(row[name] for name in table.columns) for row in rows], schema)
