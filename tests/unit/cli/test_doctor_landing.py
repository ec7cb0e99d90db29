"""What the doctor says of feeds: their days, and a few events as extraction would read them."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from shortlist.cli import doctor as looks
from shortlist.cli.doctor import Line
from shortlist.config import PathsConfig, Settings, load_settings
from tests.unit.cli.landed import LINE, land

SURFACES = "surfaces: {homefeed: {subject: user, sources: [als]}}\n"
FILMS = """\
extraction:
  feeds:
    ratings:
      format: csv
      fields: {event_id: id, event_type: rating, event_ts: at, user_id: user, item_id: film}
      event_types: {"4.0": save, "0.5": hide}
      timestamp: {format: epoch-seconds}
"""


def settings(home: Path, text: str = FILMS) -> Settings:
    """Settings with the feeds of a text, whose landing is below `home`."""
    path = home / "settings.yaml"
    path.write_text(f"paths: {{landing: {home}/landing}}\n{SURFACES}{text}")
    return load_settings(path)


def looked(home: Path, text: str = FILMS) -> tuple[dict[str, Line], list[dict[str, str]]]:
    """Lines by their names, and the first events."""
    found = list(looks.landing(settings(home, text)))
    return {line.name: line for line, _ in found}, [event for _, first in found if first for event in first.events]


def test_the_feeds_of_the_settings_are_looked_at_and_shown_as_mapped(tmp_path: Path) -> None:
    assert "ratings holds no day" in looked(tmp_path)[0]["landing ratings"].says
    rows = "id,user,film,rating,at\n" + "".join(f"{n},u{n},f,4.0,{1512047100 + n}\n" for n in range(9))
    land(tmp_path, "ratings", "ratings.csv.gz", gzip.compress(rows.encode()), "2017-11-29")
    land(tmp_path, "ratings", "ratings.csv", "", marker=False)
    lines, events = looked(tmp_path)
    assert all(line.ok for line in lines.values())
    assert lines["landing ratings"].says.endswith("2 days, the newest is 2017-11-30; complete up to 2017-11-29")
    assert lines["mapping ratings"].says == "ratings/2017-11-29/ratings.csv.gz: 5 events read, shown below"
    assert len(events) == 5
    assert events[1] == {
        "event_id": "1", "event_type": "save", "event_ts": "2017-11-30T13:05:01Z", "user_id": "u1", "item_id": "f",
    }  # fmt: skip


ORDERS = """\
extraction:
  feeds:
    orders:
      format: csv
      fields: {event_ts: at, user_id: customer, item_id: sku, session_id: order}
      constants: {event_type: checkout}
      event_id_from: [order, line]
"""


def test_ids_and_missing_values_are_shown_as_extraction_reads_them(tmp_path: Path) -> None:
    rows = "order,line,at,customer,sku\n1001,1,2017-11-30T10:00:00Z,17.0, B-1 \n-,2,2017-11-30T10:00:00Z,NULL,1.50\n"
    land(tmp_path, "orders", "orders.csv", rows)
    lines, events = looked(tmp_path, ORDERS)
    assert lines["mapping orders"].ok
    at, kind = "2017-11-30T10:00:00Z", "checkout"
    assert events == [
        {"event_type": kind, "event_ts": at, "user_id": "17", "item_id": "B-1", "session_id": "1001"},
        {"event_type": kind, "event_ts": at, "item_id": "1.50"},
    ]


def test_a_part_of_an_event_id_that_no_event_has_is_named(tmp_path: Path) -> None:
    land(tmp_path, "orders", "orders.csv", "order,lines,at,customer,sku\n1001,1,2017-11-30T10:00:00Z,17.0,B-1\n")
    line = looked(tmp_path, ORDERS)[0]["mapping orders"]
    assert not line.ok
    assert "event_id_from[1] is to be field 'line' (near it: lines)" in line.says


@pytest.mark.parametrize(
    ("grade", "kind"), [("4", "save"), ("2.49", "hide"), ("0", "0 (below all of event_types_by_number)")]
)
def test_numbers_are_shown_as_the_types_that_they_mean(tmp_path: Path, grade: str, kind: str) -> None:
    text = FILMS.replace('event_types: {"4.0": save, "0.5": hide}', "event_types_by_number: {2.5: save, 0.5: hide}")
    land(tmp_path, "ratings", "ratings.csv", f"id,user,film,rating,at\n1,u,f,{grade},1512047100\n")
    lines, events = looked(tmp_path, text)
    assert [event["event_type"] for event in events] == [kind]
    assert lines["mapping ratings"].ok == (grade != "0")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "id,userId,film,rating,at\n1,u,f,4.0,1\n",
            "no event has user_id is to be field 'user' (near it: userId); its fields are",
        ),
        ("id,user,film,rating,at\n1,u,f,4.0,2017-11-30\n", "no event has a event_ts that the settings can read"),
        ("id,user,film,rating,at\n1,u,f,3.5,1512047100\n", "3.5 (no word of event_types)"),
        ("id,user,film,rating,at\n", "it holds no event"),
    ],
)
def test_a_mapping_that_finds_nothing_is_wrong(tmp_path: Path, content: str, problem: str) -> None:
    land(tmp_path, "ratings", "ratings.csv", content)
    line = looked(tmp_path)[0]["mapping ratings"]
    assert (line.ok, line.code) == (False, 2)
    assert problem in line.says
    assert "extraction.feeds.ratings in the settings" in line.mend


@pytest.mark.parametrize(
    ("pattern", "folder"), [("dt=%Y-%m-%d", "dt=2017-11-30"), ("%Y/%m/%d", "2017/11/30"), ("%Y%m%d", "20171130")]
)
def test_folders_are_named_as_the_settings_say(tmp_path: Path, pattern: str, folder: str) -> None:
    text = f"extraction: {{feeds: {{events: {{day_folders: '{pattern}'}}}}}}\n"
    assert f"/events/{folder}/" in looked(tmp_path, text)[0]["landing events"].mend
    land(tmp_path, "events", "part.json", LINE, folder)
    lines, events = looked(tmp_path, text)
    assert lines["landing events"].says.endswith("1 days, the newest is 2017-11-30; complete up to 2017-11-30")
    assert [event["event_id"] for event in events] == ["e"]


@pytest.mark.parametrize("kind", ["json", "parquet", "avro", "delta"])
def test_every_format_is_read(tmp_path: Path, kind: str) -> None:
    rows = [{"event_id": "e", "event_type": "save", "event_ts": "2017-11-30T10:00:00Z", "user_id": "u", "item_id": "i"}]
    frame = pl.DataFrame(rows)
    land(tmp_path, "events", "_started", "")
    place = tmp_path / "landing/events/2017-11-30"
    if kind == "json":
        (place / "part.json").write_text(json.dumps(rows[0]))
    elif kind == "parquet":
        frame.write_parquet(place / "part.parquet")
    elif kind == "avro":
        frame.write_avro(place / "part.avro")
    else:
        frame.write_delta(str(place))
    lines, events = looked(tmp_path, f"extraction: {{feeds: {{events: {{format: {kind}}}}}}}\n")
    assert all(line.ok for line in lines.values()), lines
    assert events == rows
    if kind != "json":
        next(path for path in place.rglob("*") if path.suffix in (".parquet", ".avro")).write_bytes(b"torn")
        assert not looked(tmp_path, f"extraction: {{feeds: {{events: {{format: {kind}}}}}}}\n")[0]["mapping events"].ok


def test_a_landing_that_is_not_complete_or_not_there(tmp_path: Path) -> None:
    land(tmp_path, "ratings", "ratings.csv", "x", marker=False)
    line = looked(tmp_path)[0]["landing ratings"]
    assert (line.ok, line.code) == (False, 5)
    assert "none has _SUCCESS" in line.says
    remote = settings(tmp_path).model_copy(update={"paths": PathsConfig(landing="nowhere://host/x")})
    [(line, _)] = looks.landing(remote)
    assert (line.ok, line.code) == (False, 5)
