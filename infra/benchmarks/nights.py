"""Nights on a standalone cluster whose workers and drivers are killed at random, compared with the same nights undisturbed.

A tiny landing, one night a day, every job of the DAG, ALS on the cluster (engine `spark`). The schedule of kills comes from a
seed: a night has one, two or none, each at an instant within the time that the first night took. A killed worker takes its
executor with it, and another worker is started in its place; where a driver is killed (SIGKILL to all its processes) the
night is run again from the first job, until it ends. At the end nothing may be lost or doubled: every day of every surface is
published with the digest and the rows that the same nights have on one machine, once; every landed event is in engagements
once; `shortlist verify --all` finds nothing. Exit code 1 when a promise is broken. Linux only.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from infra.benchmarks._chaos_account import verified
from shortlist.config import state_home
from shortlist.store.publications import read_history
from tests import tiny
from tests.jobs.conftest import Deployment
from tests.slow.nights import NIGHT, SURFACES, candidates, landed, submitted
from tests.slow.standalone import WORKERS, Cluster, standalone_cluster

FIRST_DAY: Final = tiny.FIRST_DAY
# The first night has so many days behind it.
BEHIND: Final = 6
DRIVER: Final = "driver"
TRIES: Final = 6
# Seconds after which a night that says nothing is ended.
SILENCE: Final = 900.0


@dataclass(frozen=True)
class Kill:
    """Whom to kill, and after which share of a night's usual time."""

    victim: str
    after: float


@dataclass
class Account:
    """What happened.

    Attributes:
        killed: by victim and the job that had begun last.
        missed: kills whose night had ended before.
        again: nights that were run again after their driver was killed.
        broken: promises that were broken, in words.
    """

    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: int = 0
    again: int = 0
    broken: list[str] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the soak, print the account, write it as JSON; the exit code."""
    parser = argparse.ArgumentParser(
        prog="infra/bench nights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=20, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the schedule of kills (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.nights < 1:
        parser.error("--nights must be at least 1")
    folder = state_home() / "bench"
    home = folder / "nights"
    shutil.rmtree(home, ignore_errors=True)
    began = time.perf_counter()
    days = [FIRST_DAY + timedelta(days=BEHIND + night) for night in range(options.nights)]
    here, there = (landed(home / name, tiny.days(FIRST_DAY, days[-1])) for name in ("here", "there"))
    alone(here, days)
    (home / "cluster").mkdir()
    with standalone_cluster(home / "cluster") as cluster:
        account = soak(cluster, there, days, schedule(options.nights, options.seed))
    account.broken += judge(here, there, days)
    facts = {
        "ok": not account.broken,
        "nights": options.nights,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - began, 1),
        "killed": [[*name, count] for name, count in sorted(account.killed.items())],
        "missed": account.missed,
        "again": account.again,
        "broken": account.broken,
    }
    (folder / "nights.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    print(text(facts))
    if facts["ok"]:
        shutil.rmtree(home)
    return 0 if facts["ok"] else 1


def schedule(nights: int, seed: int) -> list[tuple[Kill, ...]]:
    """Kills of each night, the same for a seed; the first night has none, it says how long one takes."""
    chance = random.Random(seed)
    drawn = [
        tuple(
            sorted(
                (Kill(chance.choice((DRIVER, *WORKERS)), chance.random()) for _ in range(chance.choice((0, 1, 1, 2)))),
                key=lambda each: each.after,
            )
        )
        for _ in range(nights)
    ]
    return [(), *drawn[1:]]


def alone(deployment: Deployment, days: Sequence[date]) -> None:
    """The nights on one machine, one after the other, in one session.

    Raises:
        SystemExit: one of them failed.
    """
    log = deployment.home / "nights.log"
    running = submitted({}, NIGHT, str(deployment.home), *(day.isoformat() for day in days))
    assert running.stdout is not None
    try:
        with running, log.open("w") as written:
            written.writelines(running.stdout)
    except BaseException:
        kill_driver(running)
        raise
    if running.returncode:
        raise SystemExit(f"the nights on one machine left with {running.returncode}; next: read {log}")


def soak(cluster: Cluster, deployment: Deployment, days: Sequence[date], kills: Sequence[tuple[Kill, ...]]) -> Account:
    """Every night to its end on the cluster, whatever is killed meanwhile."""
    account, usual = Account(), 0.0
    for number, (day, planned) in enumerate(zip(days, kills, strict=True), start=1):
        began, left = time.perf_counter(), list(planned)
        for tried in range(TRIES):
            account.again += tried > 0
            if night(cluster, deployment, day, left, usual, account):
                break
        else:
            account.broken.append(f"{day}: did not end in {TRIES} tries, see {deployment.home / 'nights.log'}")
        account.missed += len(left)
        took = time.perf_counter() - began
        usual = usual or took
        killed = account.killed.total()
        print(f"night {number} of {len(days)} in {took:.0f} s, {killed} kills so far", file=sys.stderr, flush=True)
    return account


def night(
    cluster: Cluster, deployment: Deployment, day: date, left: list[Kill], usual: float, account: Account
) -> bool:
    """One try of a night.

    Args:
        left: kills that have not yet been made; those that are made are taken out.
        usual: seconds that a night takes.

    Returns:
        Whether it has ended; False when its driver was killed. A driver that leaves otherwise breaks a promise.
    """
    at_work = {"job": "before any job"}
    running = cluster.submit(NIGHT, str(deployment.home), day.isoformat())
    ended, shot = threading.Event(), threading.Event()

    def kill_in_turn() -> None:
        began = time.perf_counter()
        while left:
            if ended.wait(max(0.0, left[0].after * usual - (time.perf_counter() - began))):
                return
            victim = left.pop(0).victim
            account.killed[victim, at_work["job"]] += 1
            if victim == DRIVER:
                shot.set()
                kill_driver(running)
                return
            try:
                cluster.replace(victim)
            except (RuntimeError, OSError) as error:
                account.broken.append(f"{day}: {error}")

    killer, watch = threading.Thread(target=kill_in_turn), threading.Timer(SILENCE, kill_driver, (running,))
    killer.start()
    watch.start()
    assert running.stdout is not None
    with (deployment.home / "nights.log").open("a") as log:
        for line in running.stdout:
            log.write(line)
            if line.startswith("begins: "):
                at_work["job"] = line.split()[1]
    code = running.wait()
    ended.set()
    watch.cancel()
    killer.join()
    if code and not shot.is_set():
        account.broken.append(f"{day}: its driver left with {code}, see {deployment.home / 'nights.log'}")
    return code == 0


def kill_driver(running: "subprocess.Popen[str]") -> None:
    """SIGKILL to spark-submit, its JVM, its Python and all that they started."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)


def judge(here: Deployment, there: Deployment, days: Sequence[date]) -> list[str]:
    """What was lost or doubled there, beside the nights that were left alone."""
    lists = [each for surface in SURFACES for each in lists_differ(here, there, surface, days)]
    return [*lists, *engagements_differ(here, there), *verified(there.config, "--all")]


def lists_differ(here: Deployment, there: Deployment, surface: str, days: Sequence[date]) -> list[str]:
    """Days of a surface that are not served as they are on one machine, and those that were announced twice."""
    broken = []
    for day in days:
        wanted, found = (served(each, surface, day) for each in (here, there))
        if wanted is None or found != wanted:
            broken.append(f"{surface} {day}: {found} is served, {wanted} on one machine")
        mine, other = (candidates(each, surface, day) for each in (here, there))
        if not other.equals(mine):
            broken.append(f"{surface} {day}: other rows than on one machine ({other.height}, {mine.height})")
    named = there.table("publications").filter(pl.col("surface") == surface, pl.col("status") == "published")
    twice = named.group_by("run_date", "table_version").len().filter(pl.col("len") > 1)
    return broken + [
        f"{surface} {day} at version {version}: announced {count} times" for day, version, count in twice.rows()
    ]


def served(deployment: Deployment, surface: str, day: date) -> tuple[str | None, int] | None:
    """Digest and number of rows of what readers are served."""
    history = read_history(str(deployment.home / "warehouse" / "publications"), surface)
    return next(((each.digest, each.rows) for each in history.current if each.run_date == day), None)


def engagements_differ(here: Deployment, there: Deployment) -> list[str]:
    """Events that are missing, are there twice, or say something else."""
    mine, other = (each.table("engagements").sort("event_id") for each in (here, there))
    if other.equals(mine):
        return []
    twice = other.height - other["event_id"].n_unique()
    return [f"engagements: {other.height} rows, {mine.height} on one machine, {twice} of them twice"]


def text(facts: dict[str, Any]) -> str:
    """The account for people."""
    kills = sum(count for *_, count in facts["killed"])
    lines = [
        f"{facts['nights']} nights, {facts['seconds']:.0f} s with those on one machine",
        f"{kills} kills ({facts['missed']} came too late), {facts['again']} nights run again",
        *(f"  {count:>3}  {victim} in {job}" for victim, job, count in facts["killed"]),
        *(f"BROKEN: {each}" for each in facts["broken"]),
    ]
    return "\n".join([*lines, "nothing lost, nothing doubled" if facts["ok"] else "a promise was broken"])


if __name__ == "__main__":
    sys.exit(main())
