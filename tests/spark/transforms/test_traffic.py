"""Deliveries counted by hand."""

from datetime import UTC, date, datetime

from pyspark.sql import SparkSession

from shortlist.config import OptionalColumn
from shortlist.tables import CATALOG, ENGAGEMENTS
from shortlist.transforms.traffic import OPTIONAL, daily_traffic
from tests.spark.checks.rows import DAY, Row, frame_of

BEFORE = date(2017, 11, 29)


def event(number: int, **values: object) -> Row:
    base: Row = dict.fromkeys(ENGAGEMENTS.columns)
    base |= {"event_id": f"e{number}", "event_type": "save", "user_id": "u", "item_id": "a", "surface": "home"}
    base |= {"event_ts": datetime(2017, 11, 29, number, tzinfo=UTC), "event_date": BEFORE, "ingest_date": DAY}
    return base | values


def counted(spark: SparkSession, rows: list[Row], catalog: list[str] | None) -> dict[tuple[object, ...], Row]:
    described = None
    if catalog is not None:
        items = [dict.fromkeys(CATALOG.columns) | {"item_id": item} for item in catalog]
        described = frame_of(spark, CATALOG, items)
    frame = daily_traffic(frame_of(spark, ENGAGEMENTS, rows), described)
    assert frame.columns == [
        *("ingest_date", "surface", "event_type", "events", "newest", "items", "unknown_items", "empty"),
    ]
    return {(row["ingest_date"], row["surface"], row["event_type"]): row.asDict() for row in frame.collect()}


def test_one_row_for_a_folder_a_surface_and_a_type(spark: SparkSession) -> None:
    rows = [
        event(1),
        event(2, item_id="gone", session_id="s"),
        event(3, item_id=None, event_type="search"),
        event(4, surface=None, ingest_date=BEFORE),
        event(5, surface=None, ingest_date=BEFORE, item_id="b", position=3),
    ]
    found = counted(spark, rows, ["a", "b", "b"])  # an item described twice does not count its events twice
    assert set(found) == {(DAY, "home", "save"), (DAY, "home", "search"), (BEFORE, "", "save")}
    saves = found[DAY, "home", "save"]
    assert (saves["events"], saves["items"], saves["unknown_items"]) == (2, 2, 1)
    assert saves["newest"].astimezone(UTC) == datetime(2017, 11, 29, 2, tzinfo=UTC)
    assert (saves["empty"]["session_id"], saves["empty"]["surface"], saves["empty"]["value"]) == (1, 0, 2)
    search = found[DAY, "home", "search"]
    assert (search["events"], search["items"], search["unknown_items"]) == (1, 0, 0)
    nameless = found[BEFORE, "", "save"]
    assert (nameless["unknown_items"], nameless["empty"]["surface"], nameless["empty"]["position"]) == (0, 2, 1)


def test_without_a_catalog_unknown_items_are_not_counted(spark: SparkSession) -> None:
    found = counted(spark, [event(1, item_id="gone")], None)
    assert found[DAY, "home", "save"]["unknown_items"] is None


def test_columns_that_may_be_empty_are_those_of_the_contract_and_of_the_settings() -> None:
    from typing import get_args

    assert set(OPTIONAL) == set(get_args(OptionalColumn))
