"""Nights of the tiny landing that slow tests and benchmarks run on one machine and on clusters, and compare."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from shortlist.config import state_home
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment, deploy
from tests.local import INTERPRETED

_SUBMIT: Final = CHECKOUT / "infra" / "submit"
NIGHT: Final = str(CHECKOUT / "tests/slow/cluster_night.py")
SURFACES: Final = ("homefeed", "related")
# As tests have it elsewhere: quick to compile, plans interpreted, for sessions that are small.
_BRIEF: Final = {"spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1", **INTERPRETED}
_OPTIONS: Final = [part for name, value in _BRIEF.items() for part in ("--conf", f"{name}={value}")]


def submitted(environment: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """A program that infra/submit starts, in a process group of its own, its output in one stream.

    Args:
        environment: what is to be known of the cluster besides this process's environment.
        arguments: of infra/submit.
    """
    return subprocess.Popen(
        [str(_SUBMIT), *_OPTIONS, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def make_state(folder: Path) -> None:
    """A state folder of a command's own, with the environments of this process's: the state of this machine may be in use."""
    folder.mkdir(exist_ok=True)
    for name in ("envs", "numba"):
        (folder / name).symlink_to(state_home() / name)


def landed(home: Path, days: Sequence[date]) -> Deployment:
    """The tiny landing of some days; ALS runs on Spark."""
    home.mkdir(parents=True, exist_ok=True)
    deployment = deploy(home)
    text = tiny.settings(home)
    deployment.config.write_text(text.replace("epochs: 5}", "epochs: 5, engine: spark}"))
    assert deployment.config.read_text() != text
    tiny.write_landing(deployment.landing, days)
    return deployment


def checked(running: "subprocess.Popen[str]") -> tuple[int, str]:
    """What check_cluster leaves with, and says."""
    with running as checking:
        said = checking.communicate()[0]
    return checking.returncode, said


def require_equal_night(
    submit: Callable[..., "subprocess.Popen[str]"], lose: Callable[[], None], home: Path, days: Sequence[date]
) -> Deployment:
    """The newest day's night on a cluster that loses something in the middle of ALS publishes what one machine publishes.

    Args:
        submit: starts a program on the cluster.
        lose: takes something away from the cluster.
        home: folder for both deployments.
        days: the days that are landed.

    Returns:
        The deployment on the cluster.
    """
    here, there, day = landed(home / "here", days), landed(home / "there", days), days[-1]
    with submitted({}, NIGHT, str(here.home), day.isoformat()) as alone:
        printed = alone.communicate()[0]
    assert alone.returncode == 0, printed
    said, lost = [], False
    with submit(NIGHT, str(there.home), day.isoformat()) as night:
        assert night.stdout is not None
        for line in night.stdout:
            said.append(line)
            if not lost and "engine spark" in line and "epoch 1" in line:
                lose()
                lost = True
    assert night.returncode == 0, "".join(said[-60:])
    assert lost
    assert published(there, day) == published(here, day)
    assert set(published(there, day)) == set(SURFACES)
    for surface in SURFACES:
        assert candidates(there, surface, day).equals(candidates(here, surface, day))
    return there


def published(deployment: Deployment, day: date) -> dict[str, str]:
    """The digest of each surface that is published for a day."""
    rows = deployment.table("publications").filter(run_date=day, status="published")
    return dict(rows.select("surface", "digest").iter_rows())


def candidates(deployment: Deployment, surface: str, day: date) -> pl.DataFrame:
    """All rows of a day but for what names the run: its settings hold the deployment's paths."""
    rows = deployment.table(f"candidates_{surface}").filter(run_date=day)
    return rows.drop("run_id").sort("subject_id", "rank")
