"""What a night leaves behind, small enough to know by heart: who knew what on D3, and what came of it.

homefeed, k 2, floor 2. Users and items: u1 has a (weight 4) and hid b; u2 has a, c, d, e; u3 has c, d, e and f, u4 has b.
Support: a 2, c 2, d 2, e 2, f 1, b 1. The catalog knows all but e; d is retired. So c and a may be given. c and g are of one
category. u2 bought a on the day before D3, u3 bought g three times: on D3 - 21, D3 - 11 and D3 - 1.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deltalake import CommitProperties

from tests.published import announce, commit, scored_candidates, write
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


def write_night(
    root: Path,
    removed: Mapping[tuple[str, str], str] = {},
    models: Mapping[str, list[dict[str, Any]]] = {},
    scores: Mapping[tuple[str, str, str], float] = {},
) -> int:
    """Tables of D3; returns the published version of homefeed.

    Args:
        root: of the warehouse.
        removed: (subject, item): the rule that left it out of homefeed.
        models: rows by table, which the run read.
        scores: (subject, item, source): a score of a candidate that the source did not propose.
    """
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
            "snapshot_date": D3.replace(day=1),
        }
        for item in "abcdfgh"
    ]
    write(root, "catalog", "catalog", catalog)
    # Another surface's subject of the same name: nobody's business here.
    others = scored_candidates("related", D3, {("u2", "als"): "g"})
    proposed = scored_candidates("homefeed", D3, PROPOSED, removed)
    for row in proposed:
        own = zip(row["sources"], row["scores"], strict=True)
        row["scores"] = [scores.get((row["subject_id"], row["item_id"], source), score) for source, score in own]
    read = {
        table: write(root, table, table, [{**row, "run_date": D3} for row in rows]) for table, rows in models.items()
    }
    stamp = CommitProperties(custom_metadata={"userMetadata": json.dumps({"inputs": read})})
    write(root, "source_candidates", "source_candidates", [*proposed, *others], commit_properties=stamp)
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
