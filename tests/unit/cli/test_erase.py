"""A request is landed whole before the job is started, and no id reaches a command line or a terminal.

The job itself is tested where it lives; here a program stands at its door and says what it was given.
"""

import io
import json
from pathlib import Path

import pytest

from shortlist.cli import spark_jobs
from shortlist.config import job_program
from tests.unit.cli.conftest import Shortlist

FOLDER = "landing/erasures/2017-11-30"


@pytest.fixture
def submitted(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program at the door writes its arguments and what was landed when it came; it leaves with 3."""
    program, called = home / "submit", home / "called"
    program.write_text(
        f'#!/bin/sh\necho "$@" > {called}\nls -A {home}/{FOLDER} >> {called}\necho "from the job"\nexit 3\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(spark_jobs, "SUBMIT", str(program))
    return called


def test_a_request_is_landed_then_the_job_runs(home: Path, shortlist: Shortlist, submitted: Path) -> None:
    answer = shortlist("erase", "u'1/ü", "--day", "2017-11-30", "--yes", "--json", "--set", "als.factors=8")
    assert (answer.code, answer.facts["exit_code"], answer.facts["requests"]) == (3, 3, 1)
    arguments, *landed = submitted.read_text().splitlines()
    config = home / "shortlist.yaml"
    assert arguments == f"{job_program('erase_subject')} --run-date 2017-11-30 --config {config} --set=als.factors=8"
    (request,) = (home / FOLDER).glob("*.json")
    assert sorted(landed) == sorted([request.name, "_SUCCESS"])
    assert json.loads(request.read_text()) == {"kind": "user", "id": "u'1/ü"}
    assert "u'1" not in answer.out + answer.err


def test_ids_by_standard_input(
    home: Path, shortlist: Shortlist, submitted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a\n\nb\n"))
    answer = shortlist("erase", "-", "--kind", "item", "--day", "2017-11-30", "--yes")
    assert answer.code == 3
    assert "the job left with 3: nobody may count as erased" in " ".join(answer.out.split())
    requests = [json.loads(file.read_text()) for file in (home / FOLDER).glob("*.json")]
    assert sorted(requests, key=str) == [{"kind": "item", "id": "a"}, {"kind": "item", "id": "b"}]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([" ", "--yes"], "SUBJECT '': names nobody"),
        (["u1", "--yes", "--set", "paths.landing=s3://bucket/landing"], "is no local folder"),
        (["u1"], "nothing was changed"),
    ],
)
def test_wrong_use_lands_nothing(
    home: Path,
    shortlist: Shortlist,
    submitted: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    answer = shortlist("erase", *argv)
    assert answer.code == 2
    assert said in answer.err
    assert not (home / "landing").exists()
    assert not submitted.exists()
