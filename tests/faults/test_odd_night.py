"""A whole night with everything odd at once: the folder's name, every id, every wording, and secrets in the environment.

Nothing is lost or obeyed: ids and words come out as they went in, nothing is written beside the deployment's folder, and no
secret stands in any file, table, page or line of the log.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shortlist.cli.program import main as shortlist_main
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment
from tests.odd import ODD_IDS, UNFIT_IDS
from tests.unit.test_hostile_settings import HOSTILE

DAY = date(2017, 11, 3)
FOLDER = "o'dd;DROP-TABLE-t;--$(touch)&a+b,c!@~"
# Where no reader of tables has to find its way.
ODDER = 'ünï "x" {a}[b] #?*; DROP TABLE t; -- $(touch pwned)'
FIELD = "user'; DROP TABLE t; --"
WORDING = f"{HOSTILE['markup']} {HOSTILE['sql']} {HOSTILE['shell']}"
CANARIES = {
    "AWS_SECRET_ACCESS_KEY": "canary-of-the-access-key",
    "DB_PASSWORD": "canary-of-the-password",
    "SHORTLIST_API_TOKEN": "canary-of-the-token",
}
USERS, ITEMS = list(ODD_IDS.values()), list(ODD_IDS.values())


@dataclass(frozen=True)
class Night:
    """A deployment after its night, what stands around it, and what its processes said."""

    deployment: Deployment
    around: Path
    said: str


def landed(day: date) -> list[dict[str, Any]]:
    """The tiny day with its user under another name, and every odd user buying odd items and plain ones."""
    plain = [{**each, FIELD: each["user_id"]} for each in tiny.events_of(day)]
    odd = [
        {
            "event_id": f"{day}/{number}/{item}"[:250],
            "event_type": "checkout",
            "event_ts": f"{day}T09:00:00Z",
            FIELD: user,
            "item_id": item,
            "session_id": f"{day}/{user}"[:250],
        }
        for number, user in enumerate(USERS)
        for item in (ITEMS[number], ITEMS[(number + day.day) % len(ITEMS)], "a00", "b00")
    ]
    unfit = [{**odd[0], "event_id": f"{day}-{name}", FIELD: word} for name, word in UNFIT_IDS.items()]
    return [{name: value for name, value in each.items() if name != "user_id"} for each in [*plain, *odd, *unfit]]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    around = tmp_path_factory.mktemp("around")
    deployment = Deployment(around / FOLDER)
    deployment.home.mkdir()
    names = ("event_id", "event_type", "event_ts", "item_id", "session_id")
    surface = {"sources": ["als", "cooccurrence"], "k": 4, "depth": 20, "min_item_support": 2}
    settings = {
        "paths": {
            "warehouse": str(deployment.home / "warehouse"),
            **{name: str(deployment.home / ODDER / name) for name in ("landing", "reports", "manifests")},
        },
        "extraction": {
            "max_rejected_share": 0.2,
            # By default blanks around an id are taken off, and words such as null and NaN mean no value.
            "ids": {"trim": False},
            "feeds": {"engagements": {"fields": {**{name: name for name in names}, "user_id": FIELD}, "no_value": []}},
        },
        "surfaces": {"homefeed": {"subject": "user", **surface}, "related": {"subject": "item", **surface}},
        "als": {"factors": 8, "epochs": 3},
        "cooccurrence": {"min_support": 1, "neighbours": 20},
        "sources": {name: {"reason": f"{WORDING} {name}"} for name in ("als", "cooccurrence", "popularity")},
        "evaluation": {"bootstrap_samples": 20},
    }
    deployment.config.write_text(json.dumps(settings))
    for day in tiny.days(last=DAY):
        tiny.write_folder(deployment.home / ODDER / "landing", day, landed(day))
    log = around / "log"
    with log.open("w") as file:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.faults.night", str(deployment.home), str(DAY)],
            cwd=deployment.home,
            env={**os.environ, **CANARIES, "PYTHONPATH": str(CHECKOUT)},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    said = log.read_text()
    assert ran.returncode == 0, said[-3000:]
    return Night(deployment, around, said)


def test_every_odd_subject_has_its_list_letter_by_letter(night: Night) -> None:
    for surface, ids in (("homefeed", USERS), ("related", ITEMS)):
        rows = night.deployment.table(f"candidates_{surface}")
        assert set(ids) <= set(rows["subject_id"])
        lengths = rows.group_by("subject_id").len()
        assert set(lengths["len"]) == {4}
        assert rows["reason"].str.starts_with(WORDING).all()
    published = night.deployment.table("publications")
    assert published["status"].to_list() == ["published", "published"]


def test_what_is_no_id_is_in_quarantine(night: Night) -> None:
    kept = night.deployment.table("quarantine")
    assert len(kept) == len(UNFIT_IDS) * len(tiny.days(last=DAY))
    assert set(kept["reasons"].explode()) == {"user_id has control characters", "user_id is too long"}


def test_nothing_stands_beside_the_deployment(night: Night) -> None:
    assert {path.name for path in night.around.iterdir()} == {FOLDER, "log", "scratch"}
    assert {path.name for path in night.deployment.home.iterdir()} == {ODDER, "warehouse", night.deployment.config.name}
    assert {path.name for path in (night.deployment.home / ODDER).iterdir()} == {"landing", "reports", "manifests"}


def test_people_on_call_get_their_answers(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(night.deployment.config), "--json"]
    assert shortlist_main(["verify", *config]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert shortlist_main(["status", *config, "--as-of", "2017-11-04"]) == 0
    capsys.readouterr()
    for user in USERS:
        assert shortlist_main(["show", *config, "--", "homefeed", user]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["subject"], len(shown["candidates"])) == (user, 4)
        assert shown["history"]
        assert shortlist_main(["why", *config, "--", "homefeed", user, shown["candidates"][0]["item_id"]]) == 0
        assert "published" in json.loads(capsys.readouterr().out)["verdict"]


def test_the_report_escapes_what_it_shows(night: Night) -> None:
    (page,) = (night.deployment.home / ODDER / "reports").glob("*.html")
    text = page.read_text()
    assert "<script>alert(1)" not in text
    assert "alert(1)" in text


def test_no_secret_is_anywhere(night: Night) -> None:
    # Both speak there: the jobs, and Spark itself.
    assert "shortlist: user_factors run_date=2017-11-03: version" in night.said
    assert " WARN " in night.said
    assert [canary for canary in CANARIES.values() if canary in night.said] == []
    for file in sorted(path for path in night.deployment.home.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert [canary for canary in CANARIES.values() if canary.encode() in content] == [], file
    # Packed files say nothing to a search of bytes: every table is read.
    tables = [path.parent.name for path in (night.deployment.home / "warehouse").glob("*/_delta_log")]
    assert len(tables) > 8
    for name in tables:
        for column in night.deployment.table(name).iter_columns():
            text = str(column.to_list()) if column.dtype in (pl.String, pl.List(pl.String)) else ""
            assert "canary" not in text, f"{name}.{column.name}"
