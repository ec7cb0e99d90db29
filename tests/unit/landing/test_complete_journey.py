"""Landing Complete Journey, on a shop of five products whose landing was worked out by hand."""

import fcntl
import gzip
import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pytest

from shortlist.errors import SettingsError
from shortlist.landing.complete_journey import (
    Journey,
    LandedSummary,
    audience_snapshot,
    catalog_snapshot,
    checkout_events,
    land,
    promotions_snapshot,
    read_journey,
    redemption_events,
)

MILK, CAT_FOOD, NAMELESS, VOUCHER, FUEL = 10, 11, 12, 13, 14

PRODUCTS = [
    (MILK, "GROCERY", "Private", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY", "1 GA"),
    (CAT_FOOD, "GROCERY", "National", "CAT FOOD", "CAN CATFD: GOURMET/SUP PREM (GR", "CR    8 OZ"),
    (NAMELESS, "MISCELLANEOUS", "National", None, None, None),
    (VOUCHER, "COUPON", "National", "COUPONS/STORE & MFG", None, None),
    (FUEL, "FUEL", "National", "FUEL", "GASOLINE-REG UNLEADED", None),
]
# household, basket, product, quantity, dollars, time (UTC).
# No sale on 3 January; 1:30 on the 2nd is the 1st at the stores.
SALES = [
    (1, 100, MILK, 2, 5.0, "2017-01-01 12:00:00"),
    (1, 100, CAT_FOOD, 1, 0.1 + 0.2, "2017-01-01 12:00:00"),
    (2, 101, MILK, 1, 3.0, "2017-01-02 01:30:00"),
    (2, 101, VOUCHER, 1, 1.0, "2017-01-02 01:30:00"),
    (1, 102, MILK, 0, 0.0, "2017-01-04 09:00:00"),
    (1, 103, FUEL, 10_000, 25.0, "2017-01-04 10:00:00"),
    (1, 105, MILK, 1, 9.0, "2017-01-05 12:00:00"),
    (3, 104, CAT_FOOD, 1, 9.0, "2017-08-01 23:59:59"),
]
CAMPAIGNS = [
    (1, "2016-12-20 00:00:00", "2017-01-15 00:00:00"),
    (2, "2017-01-10 00:00:00", "2017-02-28 00:00:00"),
    (3, "2017-02-02 00:00:00", "2017-03-20 00:00:00"),
    (4, "2017-02-01 00:00:00", "2017-03-20 00:00:00"),
    (5, "2016-11-01 00:00:00", "2016-12-31 00:00:00"),
]
COUPONS = [
    (500, MILK, 1), (500, CAT_FOOD, 1), (500, CAT_FOOD, 1), (500, MILK, 2), (501, NAMELESS, 1), (502, MILK, 4),
    (503, MILK, 3), (504, MILK, 5),
]  # fmt: skip
MEMBERS = [(2, 3), (1, 2), (1, 1), (5, 1), (4, 1)]
REDEMPTIONS = [
    (1, 500, 1, "2017-01-01 00:00:00"),
    (2, 500, 1, "2017-01-01 00:00:00"),
    (1, 501, 1, "2017-01-01 00:00:00"),
    (1, 500, 1, "2017-01-03 00:00:00"),
]


TIMES = cs.ends_with("_date", "_timestamp")


def write_data(folder: Path, sales: list[tuple[Any, ...]] | None = None, backwards: bool = False) -> Path:
    folder.mkdir(parents=True)
    tables: dict[str, tuple[list[tuple[Any, ...]], list[str]]] = {
        "transactions": (
            SALES if sales is None else sales,
            ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"],
        ),
        "products": (
            PRODUCTS,
            ["product_id", "department", "brand", "product_category", "product_type", "package_size"],
        ),
        "campaign_descriptions": (CAMPAIGNS, ["campaign_id", "start_date", "end_date"]),
        "coupons": (COUPONS, ["coupon_upc", "product_id", "campaign_id"]),
        "campaigns": (MEMBERS, ["campaign_id", "household_id"]),
        "coupon_redemptions": (REDEMPTIONS, ["household_id", "coupon_upc", "campaign_id", "redemption_date"]),
    }
    for name, (rows, columns) in tables.items():
        frame = pl.DataFrame(rows[::-1] if backwards else rows, schema=columns, orient="row")
        # As published: naive nanoseconds.
        published = frame.with_columns(TIMES.str.to_datetime(time_unit="ns"))
        published.write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


@pytest.fixture
def journey(data: Path) -> Journey:
    return read_journey(data)


def lines(landing: Path, day: str) -> list[dict[str, Any]]:
    packed = (landing / "engagements" / day / "part-00000.json.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).decode().splitlines()]


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def test_a_day_as_a_producer_leaves_it(tmp_path: Path, data: Path) -> None:
    summary = land(tmp_path / "landing", date(2017, 1, 1), date(2017, 1, 4), data_folder=data)

    purchase = {"event_type": "checkout", "event_ts": "2017-01-01T12:00:00Z", "user_id": "1", "surface": "store"}
    assert lines(tmp_path / "landing", "2017-01-01") == [
        {"event_id": "100-10", "item_id": "10", "session_id": "100", "value": 5.0, **purchase},
        {"event_id": "100-11", "item_id": "11", "session_id": "100", "value": 0.3, **purchase},
        {
            "event_id": "redemption-1-500-1-2017-01-01",
            "event_type": "outbound",
            "event_ts": "2017-01-01T12:00:00Z",
            "user_id": "1",
            "item_id": "10",
            "surface": "ads",
            "request_id": "campaign-1",
        },
    ]
    found = {str(path.relative_to(tmp_path / "landing")) for path in (tmp_path / "landing").rglob("*.*")}
    engagements = {f"engagements/2017-01-0{day}/part-00000.json.gz" for day in (1, 2, 3, 4)}
    assert found == engagements | {
        ".land.lock",
        "catalog/2017-01-01/part-00000.parquet",
        "promotions/2017-01-01/part-00000.parquet",
        "audience_members/2017-01-01/part-00000.parquet",
    }
    written = sum(len(content) for content in files(tmp_path / "landing").values())
    assert summary == LandedSummary(
        days=4,
        days_left_alone=0,
        events=8,
        redemptions=2,
        redemptions_without_purchase=2,
        snapshots=3,
        promotions_left_out=1,
        size_bytes=written,
    )


def test_a_redemption_meets_the_purchase_of_its_day_at_the_stores(journey: Journey) -> None:
    events, without_purchase = redemption_events(journey)
    assert events.sort("event_ts").select("user_id", "item_id", "event_ts").rows() == [
        ("1", "10", utc(2017, 1, 1, 12)),
        # Half past one in London, the evening of the day before in New York.
        ("2", "10", utc(2017, 1, 2, 1, 30)),
    ]
    # Nothing of coupon 501 was bought on the day; nothing at all was on the 3rd.
    assert sorted(without_purchase.select("household_id", "coupon_upc", "redemption_date").rows()) == [
        (1, 500, date(2017, 1, 3)),
        (1, 501, date(2017, 1, 1)),
    ]


def test_event_ids_are_unique_and_values_whole_cents(journey: Journey) -> None:
    checkouts, (outbounds, _) = checkout_events(journey), redemption_events(journey)
    ids = [*checkouts["event_id"], *outbounds["event_id"]]
    assert len(set(ids)) == len(ids) == len(SALES) + 2
    assert checkouts["value"].to_list() == [5.0, 0.3, 3.0, 1.0, 0.0, 25.0, 9.0, 9.0]


def test_a_day_without_sales_gets_its_folder_and_marker(tmp_path: Path, data: Path) -> None:
    summary = land(tmp_path / "landing", date(2017, 1, 2), date(2017, 1, 4), data_folder=data)
    assert lines(tmp_path / "landing", "2017-01-03") == []
    assert summary.redemptions_without_purchase == 1, "the one of the 3rd; that of the 1st is not in these days"
    assert (tmp_path / "landing/engagements/2017-01-03/_SUCCESS").read_bytes() == b""


def test_snapshots_are_monthly_and_on_the_first_day(tmp_path: Path, data: Path) -> None:
    land(tmp_path / "landing", date(2017, 1, 30), date(2017, 3, 1), data_folder=data)
    for kind in ("catalog", "promotions", "audience_members"):
        days = sorted(folder.name for folder in (tmp_path / "landing" / kind).iterdir())
        assert days == ["2017-01-30", "2017-02-01", "2017-03-01"]
        assert all((tmp_path / "landing" / kind / day / "_SUCCESS").exists() for day in days)


def test_catalog_on_the_first_day_and_three_days_later(journey: Journey) -> None:
    columns = ["item_id", "title", "category", "created_at", "price", "buyable", "status"]
    noon, night = utc(2017, 1, 1, 12), utc(2017, 1, 2, 1, 30)
    milk = (
        "10",
        "Fluid milk white only, 1 GA, store brand",
        ["GROCERY", "FLUID MILK PRODUCTS", "FLUID MILK WHITE ONLY"],
    )
    cat_food = (
        "11",
        "Can catfd, gourmet/sup premium, CR 8 OZ",
        ["GROCERY", "CAT FOOD", "CAN CATFD: GOURMET/SUP PREM (GR"],
    )
    nameless = ("12", "Miscellaneous", ["MISCELLANEOUS"])
    voucher = ("13", "Coupons/store & mfg", ["COUPON", "COUPONS/STORE & MFG"])
    fuel = ("14", "Gasoline-reg unleaded", ["FUEL", "FUEL", "GASOLINE-REG UNLEADED"])

    first = catalog_snapshot(journey, date(2017, 1, 1))
    assert first.columns == columns
    assert first.rows() == [
        (*milk, noon, 2.5, True, "active"),
        (*cat_food, noon, 0.3, True, "active"),
        (*nameless, None, None, True, "active"),
        (*voucher, None, None, False, "active"),
        (*fuel, None, None, True, "active"),
    ]
    assert catalog_snapshot(journey, date(2017, 1, 4)).rows() == [
        (*milk, noon, 2.75, True, "active"),
        (*cat_food, noon, 0.3, True, "active"),
        (*nameless, None, None, False, "active"),
        (*voucher, night, 1.0, False, "active"),
        (*fuel, utc(2017, 1, 4, 10), 2.5, True, "active"),
    ]


def test_a_price_is_a_median(journey: Journey) -> None:
    # Milk went for 2.50, 3.00, nothing (a line without quantity), and 9.00.
    assert catalog_snapshot(journey, date(2017, 1, 5)).filter(item_id=str(MILK))["price"].to_list() == [3.0]


@pytest.mark.parametrize(
    ("day", "buyable", "status"),
    [
        (date(2017, 4, 3), True, "active"),  # sold on the 90th day back, counting today
        (date(2017, 4, 4), False, "active"),
        (date(2017, 7, 2), False, "active"),  # sold on the 180th
        (date(2017, 7, 3), False, "retired"),
    ],
)
def test_a_product_leaves_the_shelves_and_retires(journey: Journey, day: date, buyable: bool, status: str) -> None:
    fuel = catalog_snapshot(journey, day).filter(item_id=str(FUEL))
    assert fuel.select("buyable", "status").row(0) == (buyable, status)


def test_a_product_that_sells_again_is_back(journey: Journey) -> None:
    before, after = (
        catalog_snapshot(journey, day).filter(item_id="11") for day in (date(2017, 7, 31), date(2017, 8, 1))
    )
    assert before.select("price", "buyable", "status").row(0) == (0.3, False, "retired")
    assert after.select("price", "buyable", "status", "created_at").row(0) == (
        4.65,
        True,
        "active",
        utc(2017, 1, 1, 12),
    )


@pytest.mark.parametrize("day", [date(2017, 1, 1), date(2017, 1, 3), date(2017, 1, 31), date(2017, 7, 31)])
def test_a_snapshot_knows_no_future(journey: Journey, day: date) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    past = journey.transactions.filter(pl.col("transaction_timestamp") < midnight)
    later = past.head(5).with_columns(
        household_id=pl.lit(9, pl.Int64),
        basket_id=pl.lit(999, pl.Int64),
        product_id=pl.Series([product[0] for product in PRODUCTS][: min(5, past.height)], dtype=pl.Int64),
        sales_value=pl.lit(1000.0),
        quantity=pl.lit(1, pl.Int64),
        transaction_timestamp=pl.lit(midnight).cast(pl.Datetime("us", "UTC")),
    )
    known = catalog_snapshot(replace(journey, transactions=past), day)
    assert catalog_snapshot(journey, day).equals(known)
    # The first instant of the next day is not this day's.
    assert catalog_snapshot(replace(journey, transactions=pl.concat([past, later])), day).equals(known)
    changed = catalog_snapshot(replace(journey, transactions=pl.concat([past, later])), day + timedelta(days=1))
    assert not changed.filter(pl.col("price") >= 500).is_empty(), (
        "the planted sale is seen a day later, so the comparison above can fail"
    )


def test_households_are_in_the_audiences_of_running_and_announced_campaigns(journey: Journey) -> None:
    """Campaign 3 has no households, campaign 5 is over."""
    january = [("campaign-1", "1"), ("campaign-1", "2"), ("campaign-2", "3"), ("campaign-4", "1")]
    assert audience_snapshot(journey, date(2017, 1, 1)).rows() == january
    assert audience_snapshot(journey, date(2017, 2, 1)).rows() == january[2:]


def test_promotions_are_announced_a_month_ahead_and_have_one_row_per_key(journey: Journey) -> None:
    january, left_out = promotions_snapshot(journey, date(2017, 1, 1))
    first = ("campaign-1", "campaign-1", utc(2016, 12, 20, 5), utc(2017, 1, 16, 5))
    # Summer time starts within campaign 4: its last midnight is an hour earlier in UTC.
    fourth = ("campaign-4", "campaign-4", utc(2017, 2, 1, 5), utc(2017, 3, 21, 4))
    assert january.columns == ["promotion_id", "item_id", "campaign", "audience", "starts_at", "ends_at"]
    assert january.rows() == [
        ("500", "10", *first),
        ("500", "11", *first),
        ("501", "12", *first),
        ("502", "10", *fourth),
    ]
    assert left_out == 1  # campaign 2's offer of (500, 10)

    february, left_out = promotions_snapshot(journey, date(2017, 2, 1))
    assert february.select("promotion_id", "item_id", "campaign").rows() == [
        ("500", "10", "campaign-2"),
        ("502", "10", "campaign-4"),
        ("503", "10", "campaign-3"),
    ]
    assert left_out == 0


def test_a_campaign_is_live_on_its_last_day_and_not_after(journey: Journey) -> None:
    live = [set(promotions_snapshot(journey, date(2017, 1, day))[0]["campaign"]) for day in (15, 16)]
    assert ["campaign-1" in campaigns for campaigns in live] == [True, False]


def test_same_bytes_whatever_the_order_of_the_rows(tmp_path: Path, data: Path) -> None:
    shuffled = write_data(tmp_path / "shuffled", backwards=True)
    for landing, folder in (("one", data), ("two", shuffled)):
        land(tmp_path / landing, date(2017, 1, 1), date(2017, 2, 1), data_folder=folder)
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert len(one) == 2 * (32 + 2 + 2 + 2) + 1
    assert one == two
    header = one["engagements/2017-01-01/part-00000.json.gz"][:10]
    assert header[4:8] == b"\0\0\0\0", "the gzip header holds no time"


def test_a_restart_rewrites_what_is_half_written_and_nothing_else(tmp_path: Path, data: Path) -> None:
    landing, window = tmp_path / "landing", (date(2017, 1, 1), date(2017, 1, 4))
    land(landing, *window, data_folder=data)
    whole = files(landing)

    for folder in ("engagements/2017-01-02", "catalog/2017-01-01"):
        (landing / folder / "_SUCCESS").unlink()
        next((landing / folder).glob("part-*")).write_bytes(b"torn")
        (landing / folder / "part-00001.tmp").write_bytes(b"torn too")
    stale = landing / "engagements" / ".2017-01-02.partial"
    stale.mkdir()
    (stale / "part-00009.json.gz").write_bytes(b"left by a killed process")
    kept = landing / "engagements/2017-01-04/part-00000.json.gz"
    kept.write_bytes(b"complete: not ours to touch")

    again = land(landing, *window, data_folder=data)
    assert files(landing) == {**whole, str(kept.relative_to(landing)): b"complete: not ours to touch"}
    assert (again.days, again.days_left_alone, again.snapshots, again.events, again.redemptions) == (1, 3, 1, 3, 1)
    once_more = land(landing, *window, data_folder=data)
    assert (once_more.days, once_more.snapshots, once_more.events, once_more.size_bytes) == (0, 0, 0, 0)


def test_a_second_writer_waits(tmp_path: Path, data: Path) -> None:
    landing = tmp_path / "landing"
    landing.mkdir()
    with (landing / ".land.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        window = (landing, date(2017, 1, 1), date(2017, 1, 1))
        second = threading.Thread(target=lambda: land(*window, data_folder=data))
        second.start()
        second.join(timeout=1)
        assert second.is_alive()
        assert not (landing / "engagements").exists()
    second.join(timeout=30)
    assert (landing / "engagements/2017-01-01/_SUCCESS").exists()


def test_another_marker(tmp_path: Path, data: Path) -> None:
    land(tmp_path / "landing", date(2017, 1, 2), date(2017, 1, 2), data_folder=data, marker="_DONE")
    assert sorted(path.name for path in (tmp_path / "landing/engagements/2017-01-02").iterdir()) == [
        "_DONE",
        "part-00000.json.gz",
    ]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (date(2017, 1, 3), date(2017, 1, 2), ["--since '2017-01-03'", "after --until 2017-01-02", "swap"]),
        (date(2016, 12, 31), date(2017, 1, 2), ["--since '2016-12-31'", "2017-01-01 to 2017-08-01"]),
        (date(2017, 1, 1), date(2017, 8, 2), ["--until '2017-08-02'", "2017-01-01 to 2017-08-01"]),
    ],
)
def test_days_that_the_data_do_not_have_are_refused(
    tmp_path: Path, data: Path, since: date, until: date, words: list[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        land(tmp_path / "landing", since, until, data_folder=data)
    assert [word for word in words if word not in str(refused.value)] == []
    assert not (tmp_path / "landing").exists()


def test_data_that_would_give_one_id_twice_are_refused(tmp_path: Path) -> None:
    folder = write_data(tmp_path / "twice", [*SALES, SALES[0]])
    with pytest.raises(SettingsError, match=r"transactions\.parquet .*'basket_id': 100, 'product_id': 10"):
        read_journey(folder)


def test_a_missing_table_is_named(tmp_path: Path, data: Path) -> None:
    (data / "coupons.parquet").unlink()
    with pytest.raises(SettingsError, match=r"coupons\.parquet.* cannot be read .*next: name a folder"):
        read_journey(data)
