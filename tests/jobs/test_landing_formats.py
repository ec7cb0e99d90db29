"""Producers' own logs, by the mappings of infra/examples and in every format, through extract_engagements."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
import pytest
import yaml

from shortlist.errors import LandingError
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment

DAY = date(2017, 11, 30)
NAMES = ["event_id", "event_type", "event_ts", "user_id", "item_id", "surface", "session_id", "board_id", "request_id"]
NAMES += ["position", "value", "ingest_date"]


def example(name: str) -> str:
    """An example's settings as one override."""
    return json.dumps(yaml.safe_load((CHECKOUT / "infra" / "examples" / f"{name}.yaml").read_text()))


def folder(deployment: Deployment, feed: str, name: str = str(DAY)) -> Path:
    """A day's folder of a feed, complete."""
    place = deployment.landing / feed / name
    place.mkdir(parents=True)
    (place / "_SUCCESS").touch()
    return place


def manifest(deployment: Deployment) -> dict[str, Any]:
    path = deployment.home / "manifests" / f"run_date={DAY}" / "extract_engagements.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_the_examples_are_read_as_they_say(deployment: Deployment) -> None:
    impression = {
        "meta": {"uuid": "8f1c", "at_ms": 1512036000000},
        "viewer": {"id": 17},
        "slot": {"pin": "p4", "rank": 3},
        "request": "r9",
        "screen": "homefeed",
    }
    packed = pa.compress(f"{json.dumps(impression)}\n".encode(), "zstd", asbytes=True)
    (folder(deployment, "impressions") / "part-0.json.zst").write_bytes(packed)
    (folder(deployment, "saves") / "part-0.csv").write_text(
        "id;action;when;member;pin;board\n"
        's-1;pin_create;30/11/2017 11:00:00;u1;p4;"b;2"\n'
        "s-2;pin_hide;30/11/2017 00:30:00;u1;p5;\n"
        "s-3;pin_eaten;30/11/2017 11:00:00;u1;p5;b2\n"
    )
    pl.DataFrame(
        {
            "line_id": ["o1-1", "o1-2"],
            "order_id": ["o1", "o1"],
            "customer": [17, 17],
            "sku": ["p4", "p9"],
            "amount": [2.5, 1.0],
            "ordered_at": [datetime(2017, 11, 30, 5), datetime(2017, 11, 29, 20)],
        }
    ).write_parquet(folder(deployment, "orders") / "part-0.parquet")
    overrides = [example(name) for name in ("impressions", "saves", "orders")]
    deployment.run("extract_engagements", DAY, *overrides, "extraction.max_rejected_share=0.5")

    ten, day = datetime(2017, 11, 30, 10, tzinfo=UTC), DAY
    found = deployment.table("engagements").select(NAMES).sort("event_id").rows()
    assert found == [
        ("impressions/8f1c", "impression", ten, "17", "p4", "homefeed", None, None, "r9", 3, None, day),
        ("orders/o1-1", "checkout", ten, "17", "p4", "store", "o1", None, None, None, 2.5, day),
        (
            "orders/o1-2",
            "checkout",
            datetime(2017, 11, 30, 1, tzinfo=UTC),
            "17",
            "p9",
            "store",
            "o1",
            None,
            None,
            None,
            1.0,
            day,
        ),
        ("saves/s-1", "save", ten, "u1", "p4", None, None, "b;2", None, None, None, day),
        (
            "saves/s-2",
            "hide",
            datetime(2017, 11, 29, 23, 30, tzinfo=UTC),
            "u1",
            "p5",
            None,
            None,
            None,
            None,
            None,
            None,
            day,
        ),
    ]
    kept = deployment.table("quarantine").select("raw", "header", "file", "offset", "reasons").rows()
    header = '["id", "action", "when", "member", "pin", "board"]'
    raw = "s-3;pin_eaten;30/11/2017 11:00:00;u1;p5;b2"
    assert kept == [(raw, header, f"saves/{DAY}/part-0.csv", 2, ["unknown event_type"])]
    assert manifest(deployment)["lines"] == {"landed": 6, "accepted": 5, "quarantined": 1, "duplicates": 0, "erased": 0}


def test_order_lines_without_event_ids_are_read_as_their_example_says(deployment: Deployment) -> None:
    """Day folders of New York's days; the id of an event is a hash of order and line, so line 1 delivered twice is one event."""
    (folder(deployment, "order_lines", f"dt={DAY}") / "part-0.csv").write_text(
        "order,line,when,customer,sku,amount\n"
        "1001,1,11/30/2017 05:00 EST,17.0,B-1,2.50\n"
        "1001,2,11/30/2017 23:30 EST,17.0,B-2,1\n"
        "1001,1,11/30/2017 05:00 EST,17.0,B-1,2.50\n"
        "1002,1,11/30/2017 05:00 CST,18.0,B-1,2.50\n"
        "1003,1,12/01/2017 00:10 EST,18.0,B-1,2.50\n"
    )
    (folder(deployment, "catalog") / "items.csv").write_text("sku,name,path\nB-1,Lamp,home > lamps\nB-2,Desk,home\n")
    # Users are named in one way, whoever names them.
    (folder(deployment, "audience_members") / "club.csv").write_text("group,customer\nclub, 17.0 \nclub,18\n")
    members = 'extraction.audience_members.fields={"audience": "group", "user_id": "customer"}'
    deployment.run("extract_engagements", DAY, example("order_lines"), members, "extraction.max_rejected_share=0.5")

    hashes = [hashlib.sha256(f'["1001","{line}"]'.encode()).hexdigest()[:32] for line in (1, 2)]
    names = ["event_id", "event_type", "event_ts", "event_date", "user_id", "item_id", "session_id", "value"]
    at = [datetime(2017, 11, 30, 10, tzinfo=UTC), datetime(2017, 12, 1, 4, 30, tzinfo=UTC)]
    assert deployment.table("engagements").select(names).sort("item_id").rows() == [
        (hashes[0], "checkout", at[0], DAY, "17", "B-1", "1001", 2.5),
        (hashes[1], "checkout", at[1], DAY, "17", "B-2", "1001", 1.0),
    ]
    assert deployment.table("quarantine").sort("offset").select("offset", "reasons").rows() == [
        (3, ["event_ts names its zone by letters that several zones use, such as CST"]),
        (4, ["event is later than its delivery"]),
    ]
    assert manifest(deployment)["lines"] == {"landed": 5, "accepted": 2, "quarantined": 2, "duplicates": 1, "erased": 0}
    items = deployment.table("catalog").select("item_id", "title", "category", "status").sort("item_id").rows()
    assert items == [("B-1", "Lamp", ["home", "lamps"], "active"), ("B-2", "Desk", ["home"], "active")]
    assert deployment.table("audience_members").sort("user_id").rows() == [("club", "17", DAY), ("club", "18", DAY)]


def test_avro_and_delta_folders_are_read_like_the_others(deployment: Deployment) -> None:
    """The same events in both formats and as JSON: each is accepted once, from the first file by name."""
    events = tiny.events_of(DAY)
    frame = pl.DataFrame(events)
    tiny.write_folder(deployment.landing, DAY, events)
    frame.write_avro(folder(deployment, "avro") / "part-0.avro")
    delta = folder(deployment, "delta")
    deltalake.write_deltalake(delta, frame.head(4).to_arrow(), partition_by=["surface"])
    deltalake.write_deltalake(delta, frame.to_arrow(), mode="overwrite")
    # What an overwritten version left behind is not part of the table any more.
    assert len(list(delta.rglob("*.parquet"))) == 2
    feeds = {"engagements": {}, "avro": {"format": "avro"}, "delta": {"format": "delta"}}
    deployment.run("extract_engagements", DAY, json.dumps({"extraction": {"feeds": feeds, "event_ids": "shared"}}))
    assert deployment.table("engagements").sort("event_id").select(list(events[0])).drop("event_ts").rows() == [
        tuple(event[name] for name in event if name != "event_ts")
        for event in sorted(events, key=lambda event: str(event["event_id"]))
    ]
    accounts = {file["file"].split("/")[0]: file for file in manifest(deployment)["files"]}
    assert {feed: (file["accepted"], file["duplicates"]) for feed, file in accounts.items()} == {
        "avro": (48, 0),
        "delta": (0, 48),
        "engagements": (0, 48),
    }


def test_a_delta_folder_that_is_none_is_refused(deployment: Deployment) -> None:
    place = folder(deployment, "delta")
    (place / "part-0.parquet").write_bytes(b"")
    with pytest.raises(LandingError, match="is no Delta table of reader version 1: it has no _delta_log"):
        deployment.run(
            "extract_engagements", DAY, json.dumps({"extraction": {"feeds": {"delta": {"format": "delta"}}}})
        )
    assert not deployment.exists("engagements")
