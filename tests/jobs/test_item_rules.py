"""Every row of lists with every kind of status, with what can be bought, and with hides, held against what was landed."""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 8)
LANDED = tiny.days(last=DAY)
ITEMS = [item for group in tiny.GROUPS.values() for item in group]
UNDESCRIBED = {"a03", "b07"}
# Lists of whatever is left, so long that every one is short: an item that is missing was taken out by a rule.
USERS = "subject: user, sources: [repeat], fallback: popularity, k: 100, depth: 100, min_item_support: 2"
SURFACES = {
    "plain": f"{{{USERS}, mask_seen: false}}",
    "shop": f"{{{USERS}, mask_seen: false, buyable_items_only: true}}",
    "unseen": f"{{{USERS}, buyable_items_only: true}}",
    "anything": f"{{{USERS}, mask_seen: false, active_items_only: false, mask_hidden: false}}",
    "beside": "{subject: item, sources: [als], fallback: popularity, k: 100, depth: 100, min_item_support: 2, "
    "buyable_items_only: true}",
}


def described(item: str) -> dict[str, Any]:
    """What the catalog says of an item: some are sold no more, some cannot be bought, of some it does not say whether."""
    chance = Random(f"described {item}")
    status = chance.choice(["active", "active", "active", "retired"])
    return {"item_id": item, "status": status, "buyable": chance.choice([True, True, False, None])}


CATALOG = {item: described(item) for item in ITEMS if item not in UNDESCRIBED}


def hides_of(day: date) -> list[tiny.Event]:
    """What was hidden on a day, in the morning or in the evening: before and after purchases, and what nobody had bought."""
    chance = Random(f"hides {day}")
    return [
        {
            "event_id": f"hide-{user}-{day}",
            "event_type": "hide",
            "event_ts": f"{day}T{chance.choice(['06', '20'])}:00:00Z",
            "user_id": user,
            "item_id": chance.choice(tiny.GROUPS[tiny.group_of(user)] if chance.random() < 0.7 else ITEMS),
        }
        for user in tiny.USERS
    ]


def pairs(events: list[tiny.Event]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for event in events:
        found[event["user_id"]].add(event["item_id"])
    return found


def test_every_row_is_of_an_item_that_may_be_shown_and_was_not_hidden(
    spark: SparkSession, deployment: Deployment
) -> None:
    for day in LANDED:
        tiny.write_folder(deployment.landing, day, tiny.events_of(day) + hides_of(day))
    folder = deployment.landing / "catalog" / str(LANDED[0])
    folder.mkdir(parents=True)
    types = {"item_id": pl.String, "status": pl.String, "buyable": pl.Boolean}
    pl.DataFrame(list(CATALOG.values()), types).write_parquet(folder / "items.parquet")
    (folder / "_SUCCESS").touch()
    lines = [line for line in deployment.config.read_text().splitlines() if not line.startswith("  related:")]
    surfaces = "\n".join(f"  {name}: {surface}" for name, surface in SURFACES.items())
    lines = [surfaces if line.startswith("  homefeed:") else line for line in lines]
    deployment.config.write_text("\n".join(lines) + "\n")
    for job in ("extract_engagements", "build_interactions", "train_als", "generate_candidates"):
        deployment.run(job, DAY)

    bought = pairs([event for day in LANDED for event in tiny.events_of(day)])
    hidden = pairs([event for day in LANDED for event in hides_of(day)])
    supported = {item for item in ITEMS if sum(item in theirs for theirs in bought.values()) >= 2}
    active = {item for item, facts in CATALOG.items() if facts["status"] == "active"} & supported
    buyable = {item for item in active if CATALOG[item]["buyable"]}
    # All kinds are there: hidden and bought, hidden at sight, sold no more, not to be bought.
    assert any(hidden[user] & bought[user] & buyable for user in tiny.USERS)
    assert any((hidden[user] - bought[user]) & buyable for user in tiny.USERS)
    assert buyable < active < supported
    assert {CATALOG[item]["buyable"] for item in active} == {True, False, None}
    assert supported > UNDESCRIBED
    # By surface what anybody may be shown, and of a subject what each rule takes away.
    shown: dict[str, tuple[set[str], Callable[[str], dict[str, set[str]]]]] = {
        "plain": (active, lambda user: {"hidden": hidden[user]}),
        "shop": (buyable, lambda user: {"hidden": hidden[user]}),
        "unseen": (buyable, lambda user: {"hidden": hidden[user], "seen": bought[user] - hidden[user]}),
        "anything": (supported, lambda user: {}),
        "beside": (buyable, lambda item: {"itself": {item}}),
    }
    listed, short = deployment.table("unchecked_candidates"), deployment.table("short_lists")
    for surface, (eligible, masks) in shown.items():
        rows = listed.filter(pl.col("surface") == surface)
        lists = {subject: set(of["item_id"]) for (subject,), of in rows.group_by("subject_id")}
        removed = {
            row["subject_id"]: json.loads(row["removed"])
            for row in short.filter(pl.col("surface") == surface).to_dicts()
        }
        subjects = supported if surface == "beside" else set(tiny.USERS)
        assert set(lists) == subjects
        assert set(removed) == subjects
        for subject in subjects:
            masked = {rule: len(items & eligible) for rule, items in masks(subject).items() if items & eligible}
            assert lists[subject] == eligible.difference(*masks(subject).values()), (surface, subject)
            assert removed[subject] == masked, (surface, subject)
