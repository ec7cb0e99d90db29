"""A landing of a few days with a structure that must be found: two groups of users, each buying from its own items.

Standard library only: the Airflow environment's tests use it too.
"""

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

FIRST_DAY = date(2017, 11, 1)
LAST_DAY = date(2017, 11, 16)
USERS = [f"u{number:02d}" for number in range(16)]
GROUPS = {"a": [f"a{number:02d}" for number in range(40)], "b": [f"b{number:02d}" for number in range(40)]}

Event = dict[str, Any]


def days(first: date = FIRST_DAY, last: date = LAST_DAY) -> list[date]:
    """Every day from first to last."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def group_of(user: str) -> str:
    """Users with an even number buy from group a, the others from b."""
    return "ab"[int(user[1:]) % 2]


def events_of(day: date) -> list[Event]:
    """What was done on a day: each user one shopping session of three items of its group; the same at every call."""
    chance = random.Random(f"tiny {day}")
    events = []
    for user in USERS:
        session = f"{user}-{day}"
        for place, item in enumerate(sorted(chance.sample(GROUPS[group_of(user)], 3))):
            events.append(
                {
                    "event_id": f"{session}-{item}",
                    "event_type": "checkout",
                    "event_ts": f"{day}T{8 + place:02d}:00:00Z",
                    "user_id": user,
                    "item_id": item,
                    "surface": "store",
                    "session_id": session,
                    "value": 1.5,
                }
            )
    return events


def write_folder(
    root: Path, day: date, events: Iterable[Event | str], marker: bool = True, name: str = "part-00000"
) -> Path:
    """One day's folder of engagements; a text in place of an event is written as it stands."""
    folder = root / "engagements" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    (folder / f"{name}.json.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    if marker:
        (folder / "_SUCCESS").touch()
    return folder


def write_landing(root: Path, which: Sequence[date] | None = None) -> None:
    """The landing of the given days (default: all of them)."""
    for day in days() if which is None else which:
        write_folder(root, day, events_of(day))


def settings(home: Path) -> str:
    """Settings, as YAML, that fit the tiny landing and keep all state below `home`."""
    return f"""\
paths:
  landing: {home}/landing
  warehouse: {home}/warehouse
  reports: {home}/reports
  manifests: {home}/manifests
surfaces:
  homefeed: {{subject: user, sources: [als, cooccurrence], fallback: popularity, k: 4, depth: 20, min_item_support: 2}}
  related: {{subject: item, sources: [cooccurrence, als], fallback: popularity, k: 3, depth: 20, min_item_support: 2}}
als: {{factors: 8, epochs: 5}}
cooccurrence: {{min_support: 1, neighbours: 20}}
evaluation: {{ks: [1, 3], bootstrap_samples: 50}}
"""
