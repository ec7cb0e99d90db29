"""What the soak of nights makes of what it finds: a lost, a doubled and a different day are told; nothing is killed here."""

import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infra.benchmarks import nights as bench
from tests.jobs.conftest import Deployment
from tests.published import announce, commit, publish

DAYS = [date(2017, 11, 29), date(2017, 11, 30)]
LISTS: dict[str, Any] = {"u1": "ab", "u2": "bc"}


def test_a_schedule_is_its_seeds() -> None:
    planned = bench.schedule(20, 7)
    assert planned == bench.schedule(20, 7) != bench.schedule(20, 8)
    assert (len(planned), planned[0]) == (20, ())
    kills = [kill for night in planned for kill in night]
    assert len(kills) > 10
    assert {kill.victim for kill in kills} == {"driver", "worker-1", "worker-2"}
    assert all(0 <= kill.after < 1 for kill in kills)
    assert [sorted(night, key=lambda kill: kill.after) for night in planned] == [list(night) for night in planned]


@pytest.fixture
def both(tmp_path: Path) -> tuple[Deployment, Deployment]:
    """Two deployments with the same two days."""
    for name in ("here", "there"):
        for day in DAYS:
            publish(tmp_path / name / "warehouse", "homefeed", day, LISTS)
    return Deployment(tmp_path / "here"), Deployment(tmp_path / "there")


def differ(both: tuple[Deployment, Deployment], *days: date) -> list[str]:
    return bench.lists_differ(*both, "homefeed", days or DAYS)


def test_equal_days_are_neither_lost_nor_doubled(both: tuple[Deployment, Deployment]) -> None:
    assert differ(both) == []


def test_a_day_that_is_not_there_is_lost(both: tuple[Deployment, Deployment]) -> None:
    here, there = both
    later = DAYS[-1] + timedelta(days=1)
    publish(here.home / "warehouse", "homefeed", later, LISTS)
    found = differ(both, later)
    assert [each.partition(":")[0] for each in found] == [f"homefeed {later}"] * 2
    assert "None is served" in found[0]
    assert "(0, 4)" in found[1]
    assert "None on one machine" in differ((there, here), later)[0]


def test_other_rows_are_told(both: tuple[Deployment, Deployment]) -> None:
    publish(both[1].home / "warehouse", "homefeed", DAYS[-1], {"u1": "ab", "u2": "cb"}, 2)
    assert len(differ(both)) == 2
    assert all(str(DAYS[-1]) in each for each in differ(both))


def test_a_day_that_is_announced_twice_is_doubled(both: tuple[Deployment, Deployment]) -> None:
    warehouse = both[1].home / "warehouse"
    version = commit(warehouse, "homefeed", DAYS[-1], LISTS, 2)
    for _ in range(2):
        announce(warehouse, "homefeed", DAYS[-1], LISTS, version)
    assert [each for each in differ(both) if "announced 2 times" in each] == [
        f"homefeed {DAYS[-1]} at version {version}: announced 2 times"
    ]


def test_events_that_are_missing_or_there_twice_are_told(tmp_path: Path) -> None:
    events = pl.DataFrame({"event_id": ["e1", "e2"], "user_id": ["u1", "u2"]})
    for name, rows in {"here": events, "less": events.head(1), "twice": pl.concat([events, events.head(1)])}.items():
        rows.write_delta(str(tmp_path / name / "warehouse" / "engagements"))
    here, less, twice = (Deployment(tmp_path / name) for name in ("here", "less", "twice"))
    assert bench.engagements_differ(here, here) == []
    assert bench.engagements_differ(here, less) == ["engagements: 1 rows, 2 on one machine, 0 of them twice"]
    assert bench.engagements_differ(here, twice) == ["engagements: 3 rows, 2 on one machine, 1 of them twice"]


def test_a_driver_is_killed_with_all_that_it_started() -> None:
    running = subprocess.Popen(
        ["bash", "-c", "sleep 600 & wait"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    bench.kill_driver(running)
    assert running.stdout is not None
    assert running.stdout.read() == ""  # its child too has let go of it
    assert running.wait() == -9
    bench.kill_driver(running)
