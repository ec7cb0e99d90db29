"""Logs and catalogs as producers really write them, through one extraction: nothing swallowed, nothing guessed."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shortlist.errors import HeldError
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 30)
AT = f"{DAY}T10:00:00Z"
NAMES = ["event_id", "event_ts", "user_id", "item_id", "query"]
TAB = {
    "format": "csv",
    "fields": {name: name for name in NAMES},
    "constants": {"event_type": "click"},
    "csv": {"delimiter": "\t", "columns": NAMES},
}


def event(name: str, **fields: Any) -> dict[str, Any]:
    """An event that nothing speaks against, but for some fields."""
    usual = {"event_id": name, "event_type": "checkout", "event_ts": AT, "user_id": "u1", "item_id": "i1"}
    return {**usual, **fields}


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


def lines(*rows: dict[str, Any] | str) -> str:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def land_logs(deployment: Deployment) -> dict[str, Any]:
    """Logs that hide rows, name nothing in words, number from 1 and know ids by several types; and their settings."""
    (folder(deployment, "quotes") / "a.tsv").write_text(
        "".join(
            f"{name}\t{AT}\t{user}\ti1\t{query}\n"
            for name, user, query in (
                ("q1", "u1", '"12 inch'),
                ("q2", "u2", "lamp"),
                ("q3", "u3", '24"'),
                ("q4", "u4", "x"),
            )
        )
    )
    (folder(deployment, "joined") / "a.json").write_text(
        json.dumps(event("j1")) + json.dumps(event("j2")) + "\n" + json.dumps(event("j3")) + " xx\n\n"
    )
    (folder(deployment, "words") / "a.json").write_text(
        lines(
            event("w1", user_id="\\N"),
            event("w2", session_id="", position="", value="NaN"),
            json.dumps(event("w3", user_id="@")).replace('"@"', "NaN"),
            event("w4", user_id=17, position=1.0),
        )
    )
    pl.DataFrame([event("f1", user_id=17.0), event("f2", user_id=None)]).write_parquet(
        folder(deployment, "floats") / "a.parquet"
    )
    rows = pl.DataFrame([event("d1", surface="home feed"), event("d2", surface="R&D")]).to_arrow()
    deltalake.write_deltalake(folder(deployment, "delta"), rows, partition_by=["surface"])
    kind = folder(deployment, "hive", f"dt={DAY}") / "event_type=save"
    kind.mkdir()
    pl.DataFrame([event("h1")]).drop("event_type").write_parquet(kind / "a.parquet")
    numbered = [{"id": n, "at": AT, "user": "u1", "item": f"i{n}"} for n in (1, 2)]
    for feed in ("views", "orders"):
        (folder(deployment, feed) / "a.json").write_text(lines(*numbered))
    (folder(deployment, "parts") / "a.json").write_text(
        lines(*({"order": "o1", "line": n, "at": AT, "user": "u1", "item": f"i{n}"} for n in (1, 2, 2)))
    )
    fields = {"event_id": "id", "event_ts": "at", "user_id": "user", "item_id": "item"}
    parts = {name: field for name, field in fields.items() if name != "event_id"}
    return {
        "quotes": TAB,
        "joined": {},
        "words": {},
        "floats": {"format": "parquet"},
        "delta": {"format": "delta"},
        "hive": {"format": "parquet", "day_folders": "dt=%Y-%m-%d"},
        "views": {"fields": fields, "constants": {"event_type": "impression"}},
        "orders": {"fields": fields, "constants": {"event_type": "checkout"}},
        "parts": {"fields": parts, "constants": {"event_type": "checkout"}, "event_id_from": ["order", "line"]},
    }


def land_catalog(deployment: Deployment) -> None:
    """Three files in three formats, each with columns of its own, ids by type, words for nothing."""
    place = folder(deployment, "catalog")
    (place / "a.csv").write_text("item_id,status,price,brand\ni1,active,NULL,x\n17,active,2,y\n")
    (place / "b.json").write_text(lines({"item_id": 18.0, "status": "active", "category": ["home", "lamps"]}))
    table = {"item_id": [19.0, 20.0], "status": ["active", "retired"], "buyable": [True, None]}
    created = pa.array([0, None], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({**table, "created_at": created}), place / "c.parquet")


def test_every_landed_row_has_one_fate(deployment: Deployment) -> None:
    feeds = land_logs(deployment)
    land_catalog(deployment)
    deployment.run("extract_engagements", DAY, json.dumps({"extraction": {"feeds": feeds, "max_rejected_share": 1.0}}))
    found = deployment.table("engagements")
    users = dict(found.select("event_id", "user_id").rows())
    derived = sorted(name for name in users if name.startswith("parts/"))
    assert sorted(name for name in users if name not in derived) == [
        *("delta/d1", "delta/d2", "floats/f1", "hive/h1", "joined/j1", "joined/j2"),
        *("orders/1", "orders/2", "quotes/q2", "quotes/q3", "quotes/q4", "views/1", "views/2", "words/w2", "words/w4"),
    ]
    assert (len(derived), {len(name) for name in derived}) == (2, {len("parts/") + 32})
    assert (users["floats/f1"], users["words/w4"]) == ("17", "17")
    rows = {row["event_id"]: row for row in found.to_dicts()}
    assert (rows["words/w2"]["session_id"], rows["words/w2"]["value"], rows["words/w4"]["position"]) == (None, None, 1)
    assert (rows["delta/d1"]["surface"], rows["delta/d2"]["surface"]) == ("home feed", "R&D")
    assert rows["hive/h1"]["event_type"] == "save"
    assert rows["quotes/q3"]["query"] == '24"'

    kept = {(row["file"].split("/")[0], row["reasons"][0]) for row in deployment.table("quarantine").to_dicts()}
    assert kept == {
        ("quotes", "a quote is not closed in its row"),
        ("joined", "text after the JSON object"),
        ("words", "user_id is missing"),
        ("floats", "user_id is missing"),
    }
    stated = manifest(deployment)
    accounts = {file["file"].split("/")[0]: file for file in stated["files"]}
    assert (accounts["joined"]["lines"], accounts["joined"]["joined"], accounts["joined"]["blank"]) == (3, 1, 1)
    assert [accounts["joined"][name] for name in ("landed", "accepted", "quarantined")] == [3, 2, 1]
    repeated = {entry["feed"]: entry for entry in stated["duplicates"]}
    assert repeated["parts"] == {
        "feed": "parts",
        "event_id_from": ["order", "line"],
        "equal": 1,
        "conflicting": 0,
        "share": 0.333333,
    }
    assert stated["unmapped"] == {}

    catalog = {row["item_id"]: row for row in deployment.table("catalog").to_dicts()}
    assert sorted(catalog) == ["17", "18", "19", "20", "i1"]
    assert (catalog["i1"]["price"], catalog["17"]["price"]) == (None, 2.0)
    assert (catalog["18"]["category"], catalog["19"]["buyable"], catalog["20"]["buyable"]) == (
        ["home", "lamps"],
        True,
        None,
    )
    assert catalog["19"]["created_at"].year == 1970


def test_a_repeated_id_that_says_something_else_is_no_duplicate(deployment: Deployment) -> None:
    rows = [event("o1", item_id=f"i{number % 2}") for number in range(4)]
    (folder(deployment, "engagements") / "a.json").write_text(lines(*rows))
    with pytest.raises(HeldError) as error:
        deployment.run("extract_engagements", DAY)
    stated = str(error.value)
    assert "2 of 4 lines repeat an event_id and say something else" in stated
    assert "extraction.feeds.engagements.event_id_from" in stated
    assert '"item_id":"i1"' in stated
    deployment.run("extract_engagements", DAY, "extraction.max_share_by_reason={conflicting_duplicate: 0.5}")
    lines_of = manifest(deployment)["lines"]
    assert lines_of == {"landed": 4, "accepted": 1, "quarantined": 2, "duplicates": 1, "erased": 0}
    kept = deployment.table("quarantine").sort("offset")
    assert kept.select("offset", "reasons").rows() == [(1, ["conflicting duplicate"]), (3, ["conflicting duplicate"])]
    assert [json.loads(raw)["item_id"] for raw in kept["raw"]] == ["i1", "i1"]


def test_a_catalog_that_cannot_be_used_names_its_file(deployment: Deployment) -> None:
    (folder(deployment, "engagements") / "a.json").write_text(lines(event("e1")))
    place = folder(deployment, "catalog")
    (place / "a.csv").write_text("item_id,status,price\ni1,active,cheap\n,active,1\n")
    with pytest.raises(HeldError) as error:
        deployment.run("extract_engagements", DAY)
    stated = str(error.value)
    assert (
        f"catalog/{DAY}/a.csv: price has the wrong type in 1 row(s), the first is row 0, e.g. 'i1,active,cheap'"
        in stated
    )
    assert "item_id is missing in 1 row(s)" in stated
    (place / "a.csv").write_text("")
    (place / "b.parquet").write_bytes(b"")
    with pytest.raises(HeldError, match=f"catalog/{DAY}/b.parquet"):
        deployment.run("extract_engagements", DAY)


def test_missing_days_that_settings_allow_are_named_once(
    deployment: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    for day in ("2017-11-27", "2017-11-30", "2017-12-02"):
        rows = lines(event(day, event_ts=f"{day}T10:00:00Z"))
        (folder(deployment, "engagements", day) / "a.json").write_text(rows)
    allow = "extraction.missing_days=allow"
    deployment.run("extract_engagements", DAY, allow)
    assert "engagements: 2 day(s) before 2017-11-30 have no folder" in capfd.readouterr().err
    assert manifest(deployment)["missing_days"] == {"engagements": {"days": 2, "newest": ["2017-11-28", "2017-11-29"]}}
    deployment.run("extract_engagements", date(2017, 12, 2), allow)
    stated = capfd.readouterr().err
    assert "engagements: 1 day(s) before 2017-12-02 have no folder" in stated
    assert "allows: 2017-12-01; next: if the producer is late" in stated
