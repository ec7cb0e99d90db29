"""A reader in a process of its own, which holds everything that it is served against what may be served.

    python -m tests.faults.reader polars|delta-rs HOME [STOP]

`polars` follows publications: the day that is named, at its version, must have the rows, subjects and digest that are named,
and the served day never becomes an older one. `delta-rs` reads the newest version, as readers that take no version do: every
day of it must be one whole variant of `day_of`. Reads until the file STOP is there (or once, without one), then prints one
line of JSON: reads, wrong (what was found), served (different days and versions seen). Says `reading` after the first read.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder

from shortlist.store.publications import read_history
from shortlist.store.published_days import findings
from shortlist.store.reading_errors import UNREADABLE
from tests.faults.places import warehouse

SURFACE, LISTS = "homefeed", 3
SUBJECTS = 40
_PAUSE = 0.1


def main(kind: str, home: Path, stop: Path | None) -> None:
    """Read until told to stop."""
    wrong: list[str] = []
    served: list[tuple[str, int]] = []
    reads = 0
    while True:
        ended = stop is None or stop.exists()
        try:
            found, seen = (by_publications if kind == "polars" else by_newest_version)(home)
            wrong += found
            if served and seen[0] < served[-1][0]:
                wrong.append(f"the served day went back from {served[-1]} to {seen}")
            if not served or seen != served[-1]:
                served.append(seen)
        except UNREADABLE as error:
            wrong.append(str(error)[:500])
        reads += 1
        if reads == 1:
            print("reading", flush=True)
        if ended:
            break
        time.sleep(_PAUSE)
    print(json.dumps({"reads": reads, "wrong": wrong[:50], "served": len(set(served))}), flush=True)


def by_publications(home: Path) -> tuple[list[str], tuple[str, int]]:
    """What is wrong with the day that publications names, and which it is."""
    now = read_history(f"{warehouse(home)}/publications", SURFACE).current[-1]
    found = findings(f"{warehouse(home)}/candidates_{SURFACE}", now, now.table_version)
    return [f"{now.run_date} at {now.table_version}: {each}" for each in found], (
        now.run_date.isoformat(),
        now.table_version or 0,
    )


def by_newest_version(home: Path) -> tuple[list[str], tuple[str, int]]:
    """What is wrong with any day of the newest version, by delta-rs' own engine, and its newest day."""
    table = DeltaTable(f"{warehouse(home)}/candidates_{SURFACE}")
    query = "SELECT run_date, subject_id, rank, item_id FROM candidates"
    rows = pa.table(QueryBuilder().register("candidates", table).execute(query).read_all()).to_pylist()
    days: dict[date, list[tuple[str, int, str]]] = {}
    for row in rows:
        days.setdefault(row["run_date"], []).append((str(row["subject_id"]), int(row["rank"]), str(row["item_id"])))
    found = [f"version {table.version()}: {day} is no whole day" for day, lists in days.items() if not whole(lists)]
    return found, (max(days).isoformat(), int(table.version()))


def whole(lists: list[tuple[str, int, str]]) -> bool:
    """Whether rows are all lists of one variant, each row once."""
    variant = lists[0][2].rstrip("0123456789")
    wanted = [
        (f"u{number:02d}", place + 1, f"{variant}{number + place}")
        for number in range(SUBJECTS)
        for place in range(LISTS)
    ]
    return sorted(lists) == sorted(wanted)


if __name__ == "__main__":
    place = Path(sys.argv[2])
    main(sys.argv[1], place, Path(sys.argv[3]) if len(sys.argv) > 3 else None)
