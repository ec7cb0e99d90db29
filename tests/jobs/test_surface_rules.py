"""Every row of surfaces with rules, held against what was landed, by arithmetic of this file's own and of `slots`."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from shortlist.cli.eligibility import Knowledge
from shortlist.config import load_settings
from tests import tiny
from tests.jobs import slots
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 12)
LANDED = tiny.days(last=DAY)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
ALL_ITEMS = [item for group in tiny.GROUPS.values() for item in group]
# An item returns after its category's whole interval; a category without 16 repeats never does.
RULES = "mask_seen: false, pause: {share: 1.0, min_repeats: 16}, max_per_category: 2, category_level: 2"
SHOPPING = (
    f"{{subject: user, sources: [repeat, als], fallback: popularity, k: 18, depth: 40, min_item_support: 2, {RULES}}}"
)
# Two users stay away; everybody else is active every day. Their lists are those of a surface for lapsing users.
AWAY, LAST_SEEN = ("u03", "u08"), date(2017, 11, 9)
LAPSING = "lapsing: {after: 2.5, until: null, holdback: 0.0}"
GROWTH = f"{{subject: user, {LAPSING}, sources: [repeat], fallback: null, k: 3, depth: 20, mask_seen: false}}"

# Only what is promoted, to whom it is promoted; one campaign has at most 2 of 10 places.
PROMOTED = "promotions: {max_campaigns: 2, max_per_campaign: 3, max_campaign_share: 0.2}"
ADS = f"{{subject: user, {PROMOTED}, sources: [repeat], fallback: popularity, k: 5, min_item_support: 2, mask_seen: false}}"
MEMBERS = {"club": tiny.USERS[:8], "staff": tiny.USERS[5:11]}
# What an item is, beside its category: limits of a surface by price, age, creator and content_key. Some say nothing.
LIMITS = (
    "min_price: 2, max_price: 8, min_item_age_days: 10, max_item_age_days: 60, blocked_items: [a10, b11], "
    "blocked_creators: [c3], max_per_creator: 2, one_per_content_key: true"
)
LIMITED = f"{{subject: user, sources: [repeat], fallback: popularity, k: 40, depth: 60, min_item_support: 2, {LIMITS}}}"
# Lists of whatever is left, so long that every one is short: an item that is missing was taken out by a rule.
WHOLE = (
    "subject: user, sources: [repeat], fallback: popularity, k: 100, depth: 100, min_item_support: 2, mask_seen: false"
)
TIRED = f"{{{WHOLE}, fatigue: {{shown: 3, days: 5, surfaces: [feed]}}}}"
MAILS = f"{{{WHOLE}, sent: {{surface: mail, item_days: 10, user_days: 2}}, blocked_audience: staff}}"
# Half of the places for what is younger than 30 days, of lists of 20.
KEPT = "fresh: {slots: 10, max_age_days: 30}"
FRESH = f"{{subject: user, sources: [repeat], fallback: popularity, k: 20, depth: 80, min_item_support: 2, {KEPT}}}"
# Four of ten are drawn from the twenty that follow the best six; the other surface lists all of them.
LISTED = "subject: user, sources: [repeat], fallback: popularity, depth: 60, min_item_support: 2"
DRAWN = f"{{{LISTED}, k: 10, exploration: {{slots: 4, pool: 20}}}}"
UNDRAWN = f"{{{LISTED}, k: 26}}"
# Four of ten slots for each interest of a user; the other surface lists all that is proposed.
SEVERAL = "subject: user, sources: [repeat, als, interests], fallback: popularity, depth: 60, min_item_support: 2"
VARIED = f"{{{SEVERAL}, k: 10, interests: {{slots: 4}}, weights: {{als: 1, popularity: 0.5}}}}"
UNVARIED = f"{{{SEVERAL}, k: 60, weights: {{als: 1, popularity: 0.5}}}}"
# Seven of twelve slots for what is fresh and for what a user never bought; the other surface lists all that is proposed.
ALL = "subject: user, sources: [repeat, als], fallback: popularity, depth: 100, min_item_support: 2, mask_seen: false"
AGAIN = f"{{{ALL}, k: 12, fresh: {{slots: 3, max_age_days: 30}}, first_time: {{slots: 4}}}}"
UNKEPT = f"{{{ALL}, k: 100}}"
# Beside items: all that is proposed; slots of a mixed list; and lists of one relation alone.
BESIDE = "subject: item, sources: [als], fallback: popularity, depth: 100, min_item_support: 2"
RELATED = {
    "beside": "k: 100, relations: {}",
    "mixed": "k: 8, relations: {substitutes: 2, complements: 3}, fresh: {slots: 1, max_age_days: 4}",
    "swaps": "k: 30, relations: {only: substitutes}",
    "extras": "k: 30, relations: {only: complements}",
}
SERVED = datetime(2017, 11, 13, tzinfo=UTC)


def events_of(day: date) -> list[tiny.Event]:
    return [event for event in tiny.events_of(day) if day <= LAST_SEEN or event["user_id"] not in AWAY]


def exposures_of(day: date) -> list[tiny.Event]:
    """What was shown in the evening, on two surfaces, and what was sent at noon, by two."""
    chance, events = Random(f"exposures {day}"), []
    for user in tiny.USERS:
        items = tiny.GROUPS[tiny.group_of(user)][:12]
        shown = [
            ("impression", "20:00", chance.choice(["feed", "feed", "shop"]), item) for item in chance.sample(items, 6)
        ]
        sends = chance.choice([["mail"], ["push"], [], [], [], []])
        sent = [("send", "12:00", surface, item) for surface in sends for item in chance.sample(items, 3)]
        for kind, at, surface, item in [*shown, *sent]:
            name = f"{kind}-{user}-{day}-{item}"
            event = {"event_type": kind, "event_ts": f"{day}T{at}:00Z", "user_id": user, "item_id": item}
            events.append({"event_id": name, **event, "surface": surface})
    return events


def category(item: str) -> tuple[str, ...]:
    """Categories are of different sizes, so that some are bought again often and some hardly ever; one item has none."""
    return () if item == "a07" else ("food", f"{item[0]}{int(item[1:]) ** 2 // 400}", item)


def described(item: str) -> dict[str, Any]:
    """What the catalog says of an item."""
    number = int(item[1:])
    return {
        "item_id": item,
        "category": category(item) or None,
        "status": "active",
        "price": None if number % 11 == 10 else float(number % 10),
        "created_at": None if number % 13 == 12 else SERVED - timedelta(days=3 * (number % 23), hours=5),
        "creator": None if number % 7 == 6 else f"c{number % 6}",
        "content_key": None if number % 5 == 4 else f"k{number // 3}",
    }


def purchases() -> dict[tuple[str, str], list[datetime]]:
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for day in LANDED:
        for event in events_of(day):
            found[event["user_id"], event["item_id"]].append(datetime.fromisoformat(event["event_ts"]))
    return found


def intervals(bought: dict[tuple[str, str], list[datetime]]) -> dict[tuple[str, ...], float]:
    """Mean days between two purchases of an item by a user, of categories with enough of them."""
    gaps: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for (_, item), times in bought.items():
        for before, after in pairwise(sorted(times)):
            gaps[category(item)[:2]].append((after - before) / timedelta(days=1))
    return {name: sum(each) / len(each) for name, each in gaps.items() if len(each) >= 16}


def paused(bought: dict[tuple[str, str], list[datetime]]) -> Iterator[tuple[str, str]]:
    """User and item of what is not due again."""
    known, end = intervals(bought), datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=1)
    for (user, item), times in bought.items():
        days = (end - max(times)) / timedelta(days=1)
        if days < known.get(category(item)[:2], float("inf")):
            yield user, item


def promotions() -> list[dict[str, Any]]:
    """Promotions of which some are over or yet to come, some to the second, and some for an audience without anybody."""
    chance = Random("promotions")
    hours = [-240, -24, 0, 1, 24]
    return [
        {
            "promotion_id": f"p{number:03d}",
            "item_id": chance.choice(ALL_ITEMS),
            "campaign": chance.choice([*"xxxxxxxxxxxxxxxyyyyyyyyzzzzzz", None]),
            "audience": chance.choice(["club", "club", "staff", "nobody"]),
            "starts_at": SERVED + timedelta(hours=chance.choice([-500, *hours[:4]])),
            "ends_at": SERVED + timedelta(hours=chance.choice([*hours, 48])),
        }
        for number in range(400)
    ]


def allowed() -> dict[str, dict[str, dict[str, Any]]]:
    """By user and item the promotion that the item is given for: of those for the user that which ends last."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for promotion in sorted(promotions(), key=lambda each: (-each["ends_at"].timestamp(), each["promotion_id"])):
        if promotion["starts_at"] <= SERVED < promotion["ends_at"]:
            for user in MEMBERS.get(promotion["audience"], ()):
                found[user].setdefault(promotion["item_id"], promotion)
    return found


def land(folder: Path, rows: pl.DataFrame) -> None:
    folder.mkdir(parents=True)
    rows.write_parquet(folder / "rows.parquet")
    (folder / "_SUCCESS").touch()


def test_every_row_obeys_every_rule(spark: SparkSession, deployment: Deployment) -> None:
    for day in LANDED:
        tiny.write_folder(deployment.landing, day, events_of(day) + exposures_of(day))
    offered = [promotion for promotion in promotions() if promotion["ends_at"] > promotion["starts_at"]]
    members = [{"audience": name, "user_id": user} for name, users in MEMBERS.items() for user in users]
    land(deployment.landing / "promotions" / str(LANDED[0]), pl.DataFrame(offered))
    land(deployment.landing / "audience_members" / str(LANDED[0]), pl.DataFrame(members))
    items = ALL_ITEMS
    land(deployment.landing / "catalog" / str(LANDED[0]), pl.DataFrame([described(item) for item in items]))
    text = deployment.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("  related:")]
    surfaces = f"  shopping: {SHOPPING}\n  growth: {GROWTH}\n  ads: {ADS}\n  limited: {LIMITED}"
    surfaces += f"\n  fresh: {FRESH}\n  tired: {TIRED}\n  mails: {MAILS}"
    surfaces += f"\n  drawn: {DRAWN}\n  undrawn: {UNDRAWN}\n  varied: {VARIED}\n  unvaried: {UNVARIED}"
    surfaces += f"\n  again: {AGAIN}\n  unkept: {UNKEPT}"
    surfaces += "".join(f"\n  {name}: {{{BESIDE}, {rest}}}" for name, rest in RELATED.items())
    lines = [surfaces if line.startswith("  homefeed:") else line for line in lines]
    deployment.config.write_text("\n".join(lines) + "\n")
    for job in ("extract_engagements", "build_interactions", "train_als", "generate_candidates"):
        deployment.run(job, DAY)

    everything, bought = deployment.table("unchecked_candidates"), purchases()
    listed = everything.filter(pl.col("surface") == "shopping")
    rows = list(listed.select("subject_id", "item_id").iter_rows())
    forbidden = set(paused(bought))
    assert not forbidden & set(rows)
    assert len(intervals(bought)) > 1
    # Both ways: some of what was bought is given again, some is not.
    assert set(rows) & set(bought)
    assert forbidden
    in_category = Counter((user, category(item)[:2]) for user, item in rows if category(item))
    assert max(in_category.values()) == 2

    lapsing = everything.filter(pl.col("surface") == "growth")
    assert set(lapsing["subject_id"]) == set(AWAY)
    assert len(lapsing) == 3 * len(AWAY)
    audience = deployment.table("audiences").drop("run_date")
    assert sorted(audience.rows()) == [("growth", user, 3.0, None, "listed") for user in AWAY]

    short = deployment.table("short_lists").filter(pl.col("surface") == "shopping")
    lengths = Counter(user for user, _ in rows)
    assert {row["subject_id"]: row["length"] for row in short.iter_rows(named=True)} == {
        user: lengths[user] for user in tiny.USERS if lengths[user] < 18
    }
    counted = {row["subject_id"]: json.loads(row["removed"]) for row in short.to_dicts()}
    assert counted
    supported = {item for item in items if sum(each == item for _, each in bought) >= 2}
    for user, removed in counted.items():
        assert removed["paused"] == sum(each == user and item in supported for each, item in forbidden)
        assert removed["max_per_category"] > 0
    check_ads(deployment, everything.filter(pl.col("surface") == "ads"), supported)
    ages = {item: at for item in supported if (at := described(item)["created_at"]) is not None}
    young, newest = ({item for item, at in ages.items() if SERVED - at <= timedelta(days=most)} for most in (30, 4))
    slots.check_fresh(everything, supported, young, bought)
    check_resting(deployment, everything, supported, bought)
    check_limited(deployment, everything.filter(pl.col("surface") == "limited"), supported, bought)
    slots.check_drawn(everything)
    slots.check_varied(everything, bought)
    slots.check_kept(everything, young, bought)
    slots.check_related(
        everything,
        deployment.table("short_lists"),
        {item: category(item)[1] for item in supported if category(item)},
        newest,
    )
    check_seen(deployment, everything, bought)
    check_published(deployment, everything)


def check_seen(deployment: Deployment, listed: pl.DataFrame, bought: dict[tuple[str, str], list[datetime]]) -> None:
    """Nothing that a user bought is on a list of a surface without repeat purchases; some is on each of the others."""
    again = {
        surface: {*rows.select("subject_id", "item_id").iter_rows()} & set(bought)
        for (surface,), rows in listed.group_by("surface")
    }
    users = {name: each for name, each in load_settings(deployment.config).surfaces.items() if each.subject == "user"}
    masked = {name for name, surface in users.items() if surface.mask_seen}
    assert masked == {"limited", "fresh", "drawn", "undrawn", "varied", "unvaried"}
    assert {name for name in users if not again[name]} == masked


def check_published(deployment: Deployment, listed: pl.DataFrame) -> None:
    """Two surfaces with every kind of kept slot pass their checks, and readers find what was generated."""
    surfaces, published = load_settings(deployment.config).surfaces, {"again", "mixed"}
    others = tuple(f"  {name}: " for name in set(surfaces) - published)
    lines = [line for line in deployment.config.read_text().splitlines() if not line.startswith(others)]
    deployment.config.write_text("\n".join(lines) + "\n")
    # In so small a shop one item may be everybody's first.
    deployment.run(
        "publish_candidates", DAY, *(f"surfaces.{name}.guardrails.max_top_item_share=1.0" for name in published)
    )
    columns = ["subject_id", "rank", "item_id", "score", "slot", "relation"]
    for name in published:
        rows = deployment.table(f"candidates_{name}").select(columns).sort("subject_id", "rank")
        assert rows.equals(listed.filter(pl.col("surface") == name).select(columns).sort("subject_id", "rank"))


def check_ads(deployment: Deployment, listed: pl.DataFrame, supported: set[str]) -> None:
    """Every row of the surface of promotions, and what its short lists say."""
    offers = {user: {item: of[item] for item in supported & set(of)} for user, of in allowed().items()}
    offers = {user: of for user, of in offers.items() if of}
    rows = listed.sort("subject_id", "rank").to_dicts()
    for row in rows:
        promotion = offers[row["subject_id"]][row["item_id"]]
        assert (row["campaign"], row["expires_at"]) == (promotion["campaign"], promotion["ends_at"])
        assert row["expires_at"] > SERVED
    by_list = {user: [row["campaign"] for row in rows if row["subject_id"] == user] for user in offers}
    for user, campaigns in by_list.items():
        counts = Counter(name for name in campaigns if name is not None)
        assert len(counts) <= 2
        assert max(counts.values(), default=0) <= 3
        assert len(campaigns) <= 5
        assert [row["rank"] for row in rows if row["subject_id"] == user] == [*range(1, len(campaigns) + 1)]
    most = 2 * len(offers) * 5 // 10
    totals = Counter(row["campaign"] for row in rows if row["campaign"] is not None)
    assert max(totals.values()) == most  # there is more of one campaign than it may have

    short = deployment.table("short_lists").filter(pl.col("surface") == "ads").to_dicts()
    assert {row["subject_id"]: row["length"] for row in short} == {
        user: len(campaigns) for user, campaigns in by_list.items() if len(campaigns) < 5
    }
    promoted = supported & {each["item_id"] for each in promotions() if each["starts_at"] <= SERVED < each["ends_at"]}
    left_out = 0
    for row in short:
        removed = json.loads(row["removed"])
        assert removed.get("audience", 0) == len(promoted - set(offers[row["subject_id"]]))
        left_out += removed.get("campaign_share", 0)
    assert left_out


def within_limits(item: str) -> bool:
    """Whether the surface of limits may show an item."""
    facts = described(item)
    price, created = facts["price"], facts["created_at"]
    if price is None or created is None or item in ("a10", "b11") or facts["creator"] == "c3":
        return False
    return bool(2 <= price <= 8 and timedelta(days=10) <= SERVED - created <= timedelta(days=60))


def check_limited(
    deployment: Deployment, listed: pl.DataFrame, supported: set[str], bought: dict[tuple[str, str], list[datetime]]
) -> None:
    """Every row of the surface of limits; nothing that it might show is missing from a list that is short."""
    shown = {item for item in supported if within_limits(item)}
    assert 0 < len(shown) < len(supported)
    lists: dict[str, list[str]] = defaultdict(list)
    for user, item in listed.sort("subject_id", "rank").select("subject_id", "item_id").iter_rows():
        lists[user].append(item)
    assert set(listed["item_id"]) <= shown
    for name, most in (("creator", 2), ("content_key", 1)):
        counts = Counter((user, described(item)[name]) for user, items in lists.items() for item in items)
        assert max(count for (_, value), count in counts.items() if value is not None) == most
        assert max(count for (_, value), count in counts.items() if value is None) > 1  # no limit where nothing is said
    short = deployment.table("short_lists").filter(pl.col("surface") == "limited").to_dicts()
    assert short
    for row in short:
        theirs = lists[row["subject_id"]]
        removed = json.loads(row["removed"])
        left = shown - set(theirs) - {item for user, item in bought if user == row["subject_id"]}
        assert len(left) == removed.get("one_per_content_key", 0) + removed.get("max_per_creator", 0)
        # What is left is a copy of something else that they may be given, or would be a third item of its creator.
        creators = Counter(described(item)["creator"] for item in theirs)
        for item in left:
            key, creator = described(item)["content_key"], described(item)["creator"]
            others = {described(other)["content_key"] for other in (left | set(theirs)) - {item}}
            assert key in others - {None} or (creator is not None and creators[creator] == 2)


def tired(bought: dict[tuple[str, str], list[datetime]]) -> set[tuple[str, str]]:
    """User and item of what the feed showed three times within five days, and the user did not buy afterwards."""
    shown = Counter[tuple[str, str]]()
    for day in LANDED[-5:]:
        for event in exposures_of(day):
            pair, at = (event["user_id"], event["item_id"]), datetime.fromisoformat(event["event_ts"])
            if (
                event["event_type"] == "impression"
                and event["surface"] == "feed"
                and at > max(bought.get(pair, [NEVER]))
            ):
                shown[pair] += 1
    return {pair for pair, count in shown.items() if count >= 3}


def sent(days: int) -> set[tuple[str, str]]:
    """User and item of what was mailed."""
    events = [event for day in LANDED[-days:] for event in exposures_of(day)]
    mails = [event for event in events if event["event_type"] == "send" and event["surface"] == "mail"]
    return {(event["user_id"], event["item_id"]) for event in mails}


def check_resting(
    deployment: Deployment, listed: pl.DataFrame, supported: set[str], bought: dict[tuple[str, str], list[datetime]]
) -> None:
    """Every list of the two surfaces is all that may be shown but for what rests, and the command line knows what rests."""
    lately = {user for user, _ in sent(2)}
    assert lately - set(MEMBERS["staff"])
    assert sent(10) - set(bought)  # some of it is in nobody's history
    rests = {"tired": ("served", tired(bought)), "mails": ("sent", sent(10))}
    passed_over = {"tired": set(), "mails": lately | set(MEMBERS["staff"])}
    short = deployment.table("short_lists")
    settings = load_settings(deployment.config)
    tables = {name: deployment.table(name).lazy() for name in ("interactions", "engagements", "audience_members")}
    for surface, (rule, pairs) in rests.items():
        assert pairs
        config = settings.surfaces[surface]
        known = Knowledge(
            tables["interactions"],
            None,
            config,
            DAY,
            members=tables["audience_members"],
            engagements=tables["engagements"],
            engaging=tuple(settings.interactions.weights),
        )
        rows = listed.filter(pl.col("surface") == surface)
        assert set(rows["subject_id"]) == set(tiny.USERS) - passed_over[surface]
        for user in tiny.USERS:
            theirs = {item for who, item in pairs if who == user}
            assert {item for item in ALL_ITEMS if known.mask(user, item) == rule} == theirs
            assert (known.passed_over(user) is not None) == (user in passed_over[surface])
            if user not in passed_over[surface]:
                assert set(rows.filter(pl.col("subject_id") == user)["item_id"]) == supported - theirs
        for row in short.filter(pl.col("surface") == surface).to_dicts():
            theirs = {item for user, item in pairs if user == row["subject_id"]}
            assert json.loads(row["removed"]) == ({rule: len(theirs & supported)} if theirs & supported else {})
