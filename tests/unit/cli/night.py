"""What a night leaves behind, small enough to know by heart: who knew what on D3, and what came of it.

homefeed, k 2, floor 2. Users and items: u1 has a (weight 4) and hid b; u2 has a, c, d, e; u3 has c, d, e and f, u4 has b.
Support: a 2, c 2, d 2, e 2, f 1, b 1. The catalog knows all but e; d is retired. So c and a may be given. c and g are of one
category and creator, c and h are the same thing, c is new. u2 bought a on the day before D3, u3 bought g three times: on D3 - 21,
D3 - 11 and D3 - 1.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.published import announce, commit, write
from tests.unit.cli.conftest import D3

HOMEFEED = {"u1": "c", "u2": "h"}
_AT = datetime(2017, 11, 29, 12, tzinfo=UTC)
# purchases and the first of them; the last was at _AT.
BOUGHT = {("u2", "a"): (1, _AT), ("u3", "g"): (3, _AT - timedelta(days=20))}

HISTORY = {
    "u1": {"a": 4.0, "b": 0.0},
    "u2": {"a": 1.0, "c": 1.0, "d": 1.0, "e": 1.0},
    "u3": {"c": 1.0, "d": 1.0, "e": 1.0, "f": 1.0, "g": 1.0, "h": 1.0},
    "u4": {"b": 1.0, "g": 1.0, "h": 1.0},
}
PROPOSED = {
    ("u1", "als"): "cg",
    ("u1", "cooccurrence"): "c",
    ("u1", "popularity"): "cgh",
    ("u2", "als"): "h",
}


def write_night(root: Path) -> int:
    """Tables of D3; returns the published version of homefeed."""
    interactions: list[dict[str, Any]] = [
        {
            "user_id": user,
            "item_id": item,
            "weight": weight,
            "events": int(weight > 0),
            "last_ts": _AT,
            "hidden": weight == 0,
            "purchases": BOUGHT.get((user, item), (0, None))[0],
            "first_purchase_ts": BOUGHT.get((user, item), (0, None))[1],
            "last_purchase_ts": _AT if (user, item) in BOUGHT else None,
            "run_date": D3,
        }
        for user, items in HISTORY.items()
        for item, weight in items.items()
    ]
    write(root, "interactions", "interactions", interactions)
    catalog = [
        {
            "item_id": item,
            "title": f"Item {item.upper()}",
            "status": "retired" if item == "d" else "active",
            "buyable": item != "c",
            "category": ["food", "milk"] if item in "cg" else ["food"],
            "created_at": _AT if item == "c" else _AT.replace(year=2016),
            "creator": "dairy" if item in "cg" else None,
            "content_key": "oat" if item in "ch" else None,
            "snapshot_date": D3.replace(day=1),
        }
        for item in "abcdfgh"
    ]
    write(root, "catalog", "catalog", catalog)
    proposed = [
        {
            "surface": "homefeed",
            "subject_id": subject,
            "source": source,
            "rank": rank,
            "item_id": item,
            "score": 1.0 / rank,
            "run_date": D3,
        }
        for (subject, source), items in PROPOSED.items()
        for rank, item in enumerate(items, start=1)
    ]
    # Another surface's subject of the same name: nobody's business here.
    proposed.append({**proposed[-1], "surface": "related", "subject_id": "u2", "item_id": "g"})
    write(root, "source_candidates", "source_candidates", proposed)
    engagements = [
        {
            "event_id": f"{user}-{item}",
            "event_type": "checkout" if weight else "hide",
            "event_ts": _AT,
            "event_date": _AT.date(),
            "ingest_date": _AT.date(),
            "user_id": user,
            "item_id": item,
        }
        for user, items in HISTORY.items()
        for item, weight in items.items()
    ]
    write(root, "engagements", "engagements", engagements)
    version = commit(root, "homefeed", D3, HOMEFEED)
    announce(root, "homefeed", D3, HOMEFEED, version)
    return version
