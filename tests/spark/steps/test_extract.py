"""The table is a function of what lies in the landing: shuffled, repeated, split, late, renamed and changed deliveries.

The rule is said again in plain Python, and compared with what the extraction leaves behind.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from shortlist.config.arguments import job_parser, parse_job
from shortlist.landing.folders import Landing
from shortlist.steps import extract as extraction
from shortlist.subjects import Subject
from shortlist.warehouse.run import open_run
from tests import tiny
from tests.published import write

DAY = date(2017, 11, 10)
LATE, LOOKBACK = 4, 2
# An event: its id, and how many days before its delivery it happened. A file: its events. A folder: its files.
Event = tuple[str, int]
Folder = Sequence[Sequence[Event]]


def lines(day: date, number: int, events: Sequence[Event]) -> list[str]:
    """A file; what a row says besides its id differs from any other row's."""
    return [
        json.dumps(
            {
                "event_id": event,
                "event_type": "save",
                "event_ts": f"{day - timedelta(days=age)}T10:00:00Z",
                "user_id": f"{event} in row {place} of file {number} of {day}, aged {age}",
                "item_id": "i",
            }
        )
        for place, (event, age) in enumerate(events)
    ]


def land(home: Path, offset: int, folder: Folder) -> None:
    """Put a folder in place of what was there."""
    day = DAY + timedelta(days=offset)
    shutil.rmtree(home / "landing" / "engagements" / str(day), ignore_errors=True)
    for number, events in enumerate(folder):
        tiny.write_folder(home / "landing", day, lines(day, number, events), name=f"part-{number}")


def extract(home: Path, offset: int, *overrides: str) -> None:
    """One run without checks: what a check holds is another question."""
    day = DAY + timedelta(days=offset)
    given = [
        f"extraction.max_late_days={LATE}",
        f"extraction.lookback_days={LOOKBACK}",
        "extraction.missing_days=allow",
        # Events of one id differ here, so that the kept one is known by its row.
        "extraction.max_share_by_reason={conflicting_duplicate: 1.0}",
    ]
    arguments = ["--config", str(home / "settings.yaml"), "--run-date", str(day)]
    arguments += [part for override in (*given, *overrides) for part in ("--set", override)]
    parsed = parse_job(job_parser("extract_engagements", ""), arguments)
    with open_run(parsed) as run:
        landing = Landing(str(home / "landing"), "_SUCCESS")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(extraction, "require_usable", lambda *_: None)
            patch.setattr(extraction, "require_sound", lambda *_: None)
            extraction.extract_days(run, landing)


def table(home: Path) -> set[tuple[str, date]]:
    """Which row of which folder is in the table, for each event."""
    rows = pl.read_delta(str(home / "warehouse" / "engagements")).select("user_id", "ingest_date").rows()
    assert len(rows) == len(set(rows))
    return set(rows)


def reference(landed: Mapping[int, Folder]) -> set[tuple[str, date]]:
    """The rule: in the order of folders, files and rows, an event is kept unless it is near one that was kept before."""
    kept: list[tuple[str, date, str, date]] = []
    for offset in sorted(landed):
        day = DAY + timedelta(days=offset)
        for number, events in enumerate(landed[offset]):
            for (event, age), line in zip(events, lines(day, number, events), strict=True):
                happened = day - timedelta(days=age)
                if not any(other == event and abs((happened - when).days) <= LOOKBACK for other, when, _, _ in kept):
                    kept.append((event, happened, json.loads(line)["user_id"], day))
    return {(user, day) for _, _, user, day in kept}


def fresh_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="shortlist-"))
    (home / "settings.yaml").write_text(tiny.settings(home))
    return home


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, LATE)), min_size=1, max_size=3)
FOLDERS = st.lists(EVENTS, min_size=1, max_size=2)
# Folders are landed and extracted in this order; one that comes again replaces itself.
STEPS = st.lists(st.tuples(st.integers(0, 3), FOLDERS), min_size=1, max_size=4)


# One landing by chance in each run: an extraction of it takes ten seconds, and runs add up.
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
# One event in two folders with two dates, the later folder first: the earlier one wins, and the other date gives way.
@example(steps=[(3, [[("a", 0)]]), (1, [[("a", 0)]])])
# A folder that comes again lacks an event, which a later folder had too: that folder's delivery comes to its right.
@example(steps=[(0, [[("a", 0), ("b", 0)]]), (1, [[("a", 1), ("c", 0)]]), (0, [[("b", 0)]])])
# A row gives way to one of another date, which does not keep out what it kept out.
@example(steps=[(1, [[("a", 0)]]), (3, [[("a", 0), ("b", 0)]]), (0, [[("a", 1)]])])
# A folder whose only event was kept out has nothing in the table; when what kept it out goes, it comes to its right.
@example(steps=[(3, [[("a", 4)]]), (2, [[("a", 1)], [("b", 0)]]), (2, [[("b", 0)]])])
def test_the_table_is_a_function_of_the_landing(spark: SparkSession, steps: list[tuple[int, Folder]]) -> None:
    home = fresh_home()
    try:
        landed: dict[int, Folder] = {}
        for offset, folder in steps:
            land(home, offset, folder)
            landed[offset] = folder
            extract(home, offset)
            assert table(home) == reference(landed)
        extract(home, min(landed))  # again, and out of order
        assert table(home) == reference(landed)
        # All at once is the same as one after another.
        shutil.rmtree(home / "warehouse")
        extract(home, max(landed))
        assert table(home) == reference(landed)
    finally:
        shutil.rmtree(home)


def test_a_file_that_was_landed_twice_changes_nothing(spark: SparkSession) -> None:
    home = fresh_home()
    try:
        land(home, 0, [[("a", 0), ("b", 1)]])
        bad = [*lines(DAY, 0, [("a", 0), ("b", 1)]), "{broken"]
        tiny.write_folder(home / "landing", DAY, bad, name="part-0")
        extract(home, 0)
        engagements, quarantine = table(home), pl.read_delta(str(home / "warehouse" / "quarantine"))
        for name in ("part-0", "renamed", "a-first"):  # the same, and the same bytes with names after and before it
            tiny.write_folder(home / "landing", DAY, bad, name=name)
            extract(home, 0)
            assert table(home) == engagements
            again = pl.read_delta(str(home / "warehouse" / "quarantine"))
            assert again.drop("file").equals(quarantine.drop("file"))
    finally:
        shutil.rmtree(home)


def test_erased_subjects_do_not_come_back(spark: SparkSession) -> None:
    """Neither into engagements nor into quarantine, and every row of theirs is counted."""
    home = fresh_home()
    try:
        gone = {
            "event_id": "x",
            "event_type": "stare",
            "event_ts": f"{DAY}T10:00:00Z",
            "user_id": "gone",
            "item_id": "i",
        }
        rows = [
            *lines(DAY, 0, [("a", 0)]),
            json.dumps(gone),
            json.dumps({**gone, "event_id": "y", "event_type": "save"}),
        ]
        tiny.write_folder(home / "landing", DAY, rows)
        proof = {"subject_digest": Subject("user", "gone").digest, "subject_kind": "user", "run_date": DAY}
        proof |= {"table_name": "publications", "rows": 0, "table_version": 0, "files_removed": 0, "run_id": "r"}
        write(home / "warehouse", "erasures", "erasures", [{**proof, "erased_at": datetime(2017, 11, 10, tzinfo=UTC)}])
        extract(home, 0)
        assert {row[0].split()[0] for row in table(home)} == {"a"}
        assert pl.read_delta(str(home / "warehouse" / "quarantine")).is_empty()
        manifest = json.loads((home / "manifests" / f"run_date={DAY}" / "extract_engagements.json").read_text())
        assert manifest["lines"] == {"landed": 3, "accepted": 1, "quarantined": 0, "duplicates": 0, "erased": 2}
    finally:
        shutil.rmtree(home)
