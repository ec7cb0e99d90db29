"""What a soak test of publishing ordered and what happened, checked against every promise."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from deltalake import DeltaTable

from shortlist.store.commits import commits_from, stamp_of
from shortlist.store.publications import read_history
from shortlist.store.published_days import findings
from tests.faults.places import warehouse

SURFACE: Final = "homefeed"
READERS: Final = ("polars", "delta-rs")


@dataclass(frozen=True)
class Kill:
    """When and whom: at a named step (the group), or so many seconds after the lock was taken."""

    step: str | None
    after: float
    victim: str


@dataclass(frozen=True)
class Order:
    """One publication that has to end: its attempt is its number, so that a later order of a day is the newer one."""

    number: int
    day: date
    kills: tuple[Kill, ...]

    @property
    def variant(self) -> str:
        """Names the items of its lists, and so its digest."""
        return f"v{self.number}x"


@dataclass
class Account:
    """What happened.

    Attributes:
        ended: exit code by order.
        hits: kills by the step that had been passed last.
        inside: kills inside the critical section.
        missed: kills whose publication had ended before.
        broken: promises that were broken, in words.
    """

    ended: dict[int, int] = field(default_factory=dict)
    hits: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    missed: int = 0
    broken: list[str] = field(default_factory=list)


def judge(home: Path, orders: Sequence[Order], account: Account, readers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Every promise against what is in the tables."""
    root = warehouse(home)
    table, ledger = f"{root}/candidates_{SURFACE}", f"{root}/publications"
    lost, doubled = lost_days(table, ledger, orders, account), doubled_days(table, ledger)
    partial = [f"{kind}: {each}" for kind, reader in zip(READERS, readers, strict=True) for each in reader["wrong"]]
    verified = verify(home)
    wanted = len(orders) // 4
    few = [f"only {account.inside} kills inside the critical section, more than {wanted} are wanted"]
    broken = [*account.broken, *lost, *doubled, *partial, *verified, *(few if account.inside <= wanted else [])]
    return {
        "ok": not broken,
        "lost": len(lost),
        "doubled": len(doubled),
        "partial_reads": len(partial),
        "kills": sum(account.hits.values()),
        "kills_inside": account.inside,
        "kills_missed": account.missed,
        "kills_after_step": dict(account.hits.most_common()),
        "fenced": sum(code == 4 for code in account.ended.values()),
        "days": len({order.day for order in orders}),
        "versions": DeltaTable(table).version(),
        "reads": [reader["reads"] for reader in readers],
        "states_seen": [reader["served"] for reader in readers],
        "broken": broken,
    }


def lost_days(table: str, ledger: str, orders: Sequence[Order], account: Account) -> list[str]:
    """Days that are not their highest attempt's, whole: to be fenced off (exit 4) is for lower ones."""
    highest = {order.day: order for order in sorted(orders, key=lambda order: order.number)}
    served = {day.run_date: day for day in read_history(ledger, SURFACE).current}
    newest = pl.read_delta(table)
    lost = []
    for day, order in highest.items():
        if account.ended.get(order.number) != 0:
            lost.append(f"{day}: its newest order {order.number} ended with {account.ended.get(order.number)}")
        if day not in served:
            lost.append(f"{day} is not served")
            continue
        lost += [f"{day}: {found}" for found in findings(table, served[day], served[day].table_version)]
        items = newest.filter(pl.col("run_date") == day)["item_id"].str.replace(r"\d+$", "").unique().to_list()
        if items != [order.variant]:
            lost.append(f"{day}: it has {items}, not the lists of order {order.number}")
    return lost


def doubled_days(table: str, ledger: str) -> list[str]:
    """Attempts that were committed twice, days that were announced twice, rows that occur twice."""
    stamps = [stamp_of(info) for _, info in commits_from(table, DeltaTable(table).version())]
    attempts = Counter((stamp["partition"], stamp["attempt"]) for stamp in stamps if "attempt" in stamp)
    doubled = [
        f"{day}, attempt {attempt}: committed {count} times" for (day, attempt), count in attempts.items() if count > 1
    ]
    named = pl.read_delta(ledger).group_by("run_date", "table_version").len().filter(pl.col("len") > 1)
    doubled += [f"{day} at version {version}: announced {count} times" for day, version, count in named.iter_rows()]
    rows = pl.read_delta(table).group_by("run_date", "subject_id", "rank").len().filter(pl.col("len") > 1)
    return doubled + [
        f"{day}: {subject} has rank {rank} {count} times" for day, subject, rank, count in rows.iter_rows()
    ]


def verify(home: Path) -> list[str]:
    """What `shortlist verify` finds wrong where publishers were at work."""
    config = home / "settings.yaml"
    paths = ", ".join(f"{name}: {home}/{name}" for name in ("landing", "reports", "manifests"))
    config.write_text(
        f"paths: {{warehouse: '{warehouse(home)}', {paths}}}\nsurfaces: {{{SURFACE}: {{subject: user, sources: [als]}}}}\n",
        encoding="utf-8",
    )
    return verified(config)


def verified(config: Path, *options: str) -> list[str]:
    """What `shortlist verify` finds wrong in the deployment of a settings file.

    Args:
        config: the settings file.
        options: further ones of the command.
    """
    command = [sys.executable, "-m", "shortlist.cli", "verify", *options, "--json", "--config", str(config)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode not in (0, 3):
        return [f"shortlist verify left with {ran.returncode}: {ran.stderr[-500:]}"]
    return [f"verify: {each['table']}: {each['says']}" for each in json.loads(ran.stdout)["findings"] if each["wrong"]]


def text(facts: dict[str, Any]) -> str:
    """The account for people."""
    lines = [
        f"{facts['publications']} publications of {facts['days']} days, {facts['versions']} versions, {facts['seconds']:.0f} s",
        f"{facts['kills']} kills ({facts['kills_missed']} came too late), {facts['kills_inside']} inside the critical section",
        *(f"  {count:>4}  after: {step}" for step, count in facts["kills_after_step"].items()),
        f"reads by Polars and delta-rs: {facts['reads'][0]} and {facts['reads'][1]}",
        f"{facts['lost']} lost, {facts['doubled']} doubled, {facts['partial_reads']} partial reads",
        *(f"BROKEN: {each}" for each in facts["broken"]),
    ]
    return "\n".join([*lines, "every promise was kept" if facts["ok"] else "a promise was broken"])
