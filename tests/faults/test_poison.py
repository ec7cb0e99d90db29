"""Landed lines that break parsers: each is in quarantine with its reason or an event, and its neighbours are kept."""

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from tests import tiny
from tests.jobs.conftest import Deployment, deploy

DAY = tiny.FIRST_DAY


def event(name: str, **fields: Any) -> dict[str, Any]:
    """An event that nothing speaks against, but for some fields."""
    return {**tiny.events_of(DAY)[0], "event_id": name, **fields}


def line(name: str, **fields: Any) -> bytes:
    return json.dumps(event(name, **fields)).encode()


def with_text(name: str, field: str, text: str) -> bytes:
    """An event with a field written as no JSON library would write it."""
    return line(name, **{field: "@@"}).replace(b'"@@"', text.encode())


# Lines with a word of the reason that they get; None: they are events.
LINES: dict[str, tuple[bytes, str | None]] = {
    "invalid UTF-8": (line("p01", user_id="@@").replace(b"@@", b"\xff\xfe"), "invalid UTF-8"),
    "cut in a character": (line("p02", user_id="@@").replace(b"@@", "é".encode()[:1]), "invalid UTF-8"),
    "a NUL byte": (line("p03", user_id="@@").replace(b"@@", b"u\x00"), "no valid JSON object"),
    "an escaped NUL": (line("p04", user_id="u\x00"), "user_id has control characters"),
    "a terminal escape": (line("p05", item_id="\x1b[2Ja00"), "item_id has control characters"),
    "ten megabytes of id": (line("p06", item_id="x" * 10_000_000), "item_id is too long"),
    "ten megabytes beside": (line("p07", beside="x" * 10_000_000), None),
    "deep lists": (with_text("p08", "beside", "[" * 100_000 + "]" * 100_000), "no valid JSON object"),
    "deep objects": (with_text("p09", "beside", '{"a":' * 100_000 + "1" + "}" * 100_000), "no valid JSON object"),
    "a huge number": (with_text("p10", "value", "1e400"), "value has the wrong type"),
    "a huge whole number": (with_text("p11", "position", "9" * 400), "position has the wrong type"),
    "a long number": (with_text("p12", "value", "1" * 100_000), "no valid JSON object"),
    "NaN": (with_text("p13", "value", "NaN"), None),
    "Infinity": (with_text("p14", "value", "-Infinity"), "value has the wrong type"),
    "NaN in words": (line("p15", value="NaN"), None),
    "a lone surrogate": (with_text("p16", "user_id", '"\\ud800"'), None),
    "a list": (b"[1, 2]", "no valid JSON object"),
    "a text": (b'"p17"', "no valid JSON object"),
    "null": (b"null", "no valid JSON object"),
    "nothing": (b"", "no valid JSON object"),
    "two objects": (line("p18") + line("p19"), None),
    "an object and more": (line("p26") + b" xx", "text after the JSON object"),
    "objects with a comma": (line("p27") + b"," + line("p28"), "text after the JSON object"),
    "a list as an id": (line("p20", user_id=["u1"]), "user_id has the wrong type"),
    "the year 0": (line("p21", event_ts="0000-01-01T00:00:00Z"), "event is too old for its delivery"),
    "the year 99999": (line("p22", event_ts="99999-01-01T00:00:00Z"), "event_ts has the wrong type"),
    "1970": (line("p23", event_ts="1970-01-01T00:00:00Z"), "event is too old for its delivery"),
    "2100": (line("p24", event_ts="2100-01-01T00:00:00Z"), "event is later than its delivery"),
    "SQL": (line("p25", user_id="u'; DROP TABLE engagements; --"), None),
}


@pytest.fixture(scope="module")
def extracted(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A file of good lines with a poisoned one between each two, one that begins with a mark and ends lines as DOS does."""
    deployment = deploy(tmp_path_factory.mktemp("poison"))
    folder = tiny.write_folder(deployment.landing, DAY, tiny.events_of(DAY))
    mixed = [part for number, (poison, _) in enumerate(LINES.values()) for part in (line(f"good{number}"), poison)]
    write(folder / "poison.json.gz", b"\n".join([*mixed, line("good-last")]))
    write(folder / "dos.json.gz", b"\xef\xbb\xbf" + b"\r\n".join([line("dos1"), b"[3]", line("dos2")]) + b"\r\n")
    deployment.run("extract_engagements", DAY, "extraction.max_rejected_share=0.9")
    return deployment


def write(file: Path, content: bytes) -> None:
    file.write_bytes(gzip.compress(content, mtime=0))


def test_every_line_is_accounted_for(extracted: Deployment) -> None:
    facts = json.loads((extracted.home / "manifests" / f"run_date={DAY}" / "extract_engagements.json").read_text())
    lines = facts["lines"]
    assert lines["landed"] == 48 + 2 * len(LINES) + 1 + 3 + 1
    assert lines["landed"] == lines["accepted"] + lines["quarantined"] + lines["duplicates"]
    (poisoned,) = [file for file in facts["files"] if "poison" in file["file"]]
    assert (poisoned["lines"], poisoned["joined"], poisoned["landed"]) == (2 * len(LINES) + 1, 1, 2 * len(LINES) + 2)


@pytest.mark.parametrize("kind", LINES)
def test_a_poisoned_line_is_kept_with_its_reason_or_is_an_event(extracted: Deployment, kind: str) -> None:
    # The line that holds two objects is two rows.
    number = list(LINES).index(kind)
    place = 2 * number + 1 + int(number > list(LINES).index("two objects"))
    poison, reason = LINES[kind]
    kept = extracted.table("quarantine").filter(pl.col("file").str.contains("poison") & (pl.col("offset") == place))
    if reason is None:
        assert kept.is_empty(), kept["reasons"].to_list()
        names = ("p18", "p19") if kind == "two objects" else (poison[14:17].decode(),)
        assert set(names) <= set(extracted.table("engagements")["event_id"])
    else:
        (reasons,) = kept["reasons"].to_list()
        assert reason in reasons
        exact = kept["raw_bytes"].item()
        assert (kept["raw"].item().encode() if exact is None else exact) == poison


def test_the_neighbours_of_poison_are_events(extracted: Deployment) -> None:
    events = set(extracted.table("engagements")["event_id"])
    assert {f"good{number}" for number in range(len(LINES))} | {"good-last", "dos1", "dos2"} <= events
    assert {each["event_id"] for each in tiny.events_of(DAY)} <= events
    # What ends a line is no part of it.
    kept = extracted.table("quarantine").filter(pl.col("file").str.contains("dos"))
    assert kept["raw"].to_list() == ["[3]"]
    assert extracted.table("engagements")["event_date"].unique().to_list() == [date(2017, 11, 1)]
