"""A job is told to end in the middle of a fit, as Airflow does with a task: nothing of it is left, and it can be run again."""

import os
import random
import shutil
import signal
import subprocess
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from tests import tiny
from tests.published import write

CHECKOUT = Path(__file__).parents[2]
DAY = date(2017, 11, 30)
# Seconds of computing: an ended driver needs none, one that goes on with its fit has several before it.
COMPUTED = 1.0
MASTER = ["--master", "local[2]", "--conf", "spark.driver.memory=1g"]


def train(home: Path, *overrides: str) -> "subprocess.Popen[str]":
    """jobs/train_als.py by spark-submit, as Airflow starts it, in a session of its own."""
    settings = [part for override in overrides for part in ("--set", override)]
    job = ["jobs/train_als.py", "--config", str(home / "settings.yaml"), "--run-date", str(DAY), *settings]
    return subprocess.Popen(
        ["spark-submit", *MASTER, *job],
        cwd=CHECKOUT,
        env={**os.environ, "SPARK_LOCAL_DIRS": str(home / "scratch")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def alive(session: int) -> dict[int, float]:
    """Seconds of computing that the living processes of a session have had, by process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # After the name in brackets: state, parent, group, session; ticks of the program and of the kernel for it.
            facts = (process / "stat").read_text().rpartition(")")[2].split()
            if int(facts[3]) == session and facts[0] != "Z":
                found[int(process.name)] = (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it ended meanwhile
            continue
    return found


def wait_for_the_end(session: int) -> None:
    """Wait until nothing of a session is left that has been told to end; what still computes does it for nobody."""
    before = alive(session)
    try:
        while left := alive(session):
            for process, seconds in left.items():
                assert seconds - before.get(process, 0.0) < COMPUTED
            time.sleep(0.2)
    finally:
        for process in alive(session):
            os.kill(process, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked at in /proc, which is Linux's")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="without setpriv a driver does not end with its JVM")
def test_a_fit_that_is_told_to_end_leaves_nothing_and_is_run_again(tmp_path: Path) -> None:
    chance = random.Random(7)
    (tmp_path / "settings.yaml").write_text(tiny.settings(tmp_path))
    rows = [
        {
            "user_id": f"u{user}",
            "item_id": f"i{item}",
            "weight": 1.0,
            "events": 1,
            "last_ts": datetime(2017, 11, 1, tzinfo=UTC),
            "hidden": False,
            "run_date": DAY,
        }
        for user in range(3000)
        for item in chance.sample(range(1000), 10)
    ]
    warehouse = tmp_path / "warehouse"
    write(warehouse, "interactions", "interactions", rows)

    fit = train(tmp_path, "als.factors=128", "als.epochs=200", "als.cg_steps=50")
    assert fit.stdout is not None
    said = []
    for line in fit.stdout:
        said.append(line)
        if "epoch 2 of 200" in line:
            os.kill(fit.pid, signal.SIGTERM)
            break
    rest = fit.stdout.read()
    assert fit.wait() in (128 + signal.SIGTERM, -signal.SIGTERM), "".join(said) + rest
    wait_for_the_end(fit.pid)
    assert not (warehouse / "user_factors").exists()
    assert not (warehouse / "item_factors").exists()

    again = train(tmp_path, "als.factors=8", "als.epochs=2")
    printed = again.communicate()[0]
    assert again.returncode == 0, printed
    users, items = (pl.read_delta(str(warehouse / name)) for name in ("user_factors", "item_factors"))
    assert (users["id"].n_unique(), items["id"].n_unique()) == (3000, 1000)
