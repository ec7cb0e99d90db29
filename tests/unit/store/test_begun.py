"""What is noted of a run from its beginning to its end, and what may be said of one that was killed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from shortlist.config.arguments import Arguments, job_parser, parse_job
from shortlist.store.begun import note_begin, note_end, unended
from shortlist.store.manifests import read_manifest, read_manifests, recorded, recorded_days
from tests.unit.reports.world import BEFORE, D, manifest, write_settings

BEGIN = """
import sys, time
from datetime import date
from shortlist.store.begun import note_begin
note_begin(sys.argv[1], "train_als", date(2017, 11, 30))
print("begun", flush=True)
time.sleep(600)
"""


def arguments(home: Path) -> Arguments:
    given = ["--config", str(home / "shortlist.yaml"), "--run-date", str(D)]
    return parse_job(job_parser("train_als", None), given)


@contextmanager
def run_elsewhere(root: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process in the middle of train_als."""
    with subprocess.Popen([sys.executable, "-c", BEGIN, root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "URL"])
def test_a_run_is_noted_from_its_beginning_to_its_end(tmp_path: Path, scheme: str) -> None:
    root = f"{scheme}{tmp_path}/_manifests"
    assert unended(root) == []
    older = note_begin(root, "build_interactions", BEFORE)
    begun = note_begin(root, "train_als", D)
    assert unended(root) in ([begun, older], [older, begun])  # of one second
    assert (begun.job, begun.run_date, begun.pid, begun.runs) == ("train_als", "2017-11-30", os.getpid(), True)
    assert not replace(begun, host="elsewhere").runs
    assert not replace(begun, started="1").runs  # the number is another process's now
    assert not replace(begun, started=None).runs
    note_end(root, begun)
    assert unended(root) == [older]
    note_end(root, begun)
    note_end(root, older)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_manifest_of_an_earlier_run_stays_while_a_newer_one_runs(home: Path) -> None:
    root = write_settings(home).paths.manifests
    with recorded(arguments(home)) as first:
        first.inputs["interactions"] = 3
        assert read_manifests(root, D) == ([], [])
    assert unended(root) == []
    with recorded(arguments(home)):
        assert read_manifest(root, D, "train_als").inputs == {"interactions": 3}
        assert [begun.job for begun in unended(root)] == ["train_als"]
        assert recorded_days(root) == [D]
    assert read_manifest(root, D, "train_als").inputs == {}
    assert unended(root) == []


def test_a_run_that_fails_has_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_settings(home).paths.manifests
    with pytest.raises(KeyboardInterrupt), recorded(arguments(home)):
        raise KeyboardInterrupt
    assert unended(root) == []

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("shortlist.store.manifests.write_manifest", fail)
    with pytest.raises(OSError, match="no space"), recorded(arguments(home)):
        pass
    assert unended(root) == []


def test_a_killed_run_has_not_ended_and_does_not_run(tmp_path: Path) -> None:
    with run_elsewhere(str(tmp_path)) as process:
        (begun,) = unended(str(tmp_path))
        assert (begun.pid, begun.runs) == (process.pid, True)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has asked for its exit code
        assert not begun.runs
    assert unended(str(tmp_path)) == [begun]
    assert not begun.runs
    note_end(str(tmp_path), note_begin(str(tmp_path), "train_als", D))  # run again
    assert unended(str(tmp_path)) == []


def test_an_older_run_that_ends_leaves_the_note_of_the_newer_one(tmp_path: Path) -> None:
    ours = note_begin(str(tmp_path), "train_als", D)
    with run_elsewhere(str(tmp_path)) as process:
        note_end(str(tmp_path), ours)
        assert [begun.pid for begun in unended(str(tmp_path))] == [process.pid]


def test_a_note_that_cannot_be_written_or_read_stops_nobody(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = write_settings(home)
    manifest(settings, "train_als")
    root = settings.paths.manifests
    note = Path(root) / f"run_date={D}" / "train_als.begun"
    note.mkdir()
    with caplog.at_level("WARNING", "shortlist"), recorded(arguments(home)):
        pass
    assert "train_als goes on, but status cannot tell that it does" in caplog.text
    assert read_manifest(root, D, "train_als").error is None
    note.rmdir()
    begun = note_begin(root, "train_als", D)
    for content in ("", "[]", '{"job": 1}', json.dumps({**vars(begun), "at": "2017-11-30T12:00:00"})):
        note.write_text(content)
        assert unended(root) == []
