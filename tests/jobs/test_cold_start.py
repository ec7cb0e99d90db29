"""Whoever and whatever is new, on the first night of six surfaces: nothing is said of who did nothing, one event is enough."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.cli.show import show
from shortlist.cli.why import why
from shortlist.config import Settings, load_settings
from tests import tiny
from tests.jobs.conftest import Deployment, deploy

DAY = tiny.FIRST_DAY + timedelta(days=4)
NIGHT = (
    "extract_engagements",
    "build_interactions",
    "train_als",
    "train_cooccurrence",
    "generate_candidates",
    "publish_candidates",
)
# Users with no event, with one and with three; items that nobody, one and three users took.
BOUGHT = {"n0": [], "n1": ["a01"], "n3": ["b01", "b02", "b03"]}
TAKEN = {"c0": [], "c1": ["u00"], "c3": ["u00", "u01", "u02"]}
FLOOR = "min_item_support: 2, depth: 40, guardrails: {max_short_share: 1, max_fallback_share: 1, max_top_item_share: 1}"
AGAIN = f"mask_seen: false, {FLOOR}"
LAPSING = "{min_active_days: 2, after: 1.5, holdback: 0}"
SURFACES = {
    "homefeed": f"{{subject: user, sources: [als, cooccurrence], fallback: popularity, k: 5, {FLOOR}}}",
    "shopping": f"{{subject: user, sources: [repeat, cooccurrence], fallback: popularity, k: 5, {AGAIN}}}",
    "ads": f"{{subject: user, promotions: {{}}, sources: [repeat], fallback: popularity, k: 2, {AGAIN}}}",
    "growth": f"{{subject: user, lapsing: {LAPSING}, sources: [repeat], fallback: popularity, k: 3, {AGAIN}}}",
    "related": f"{{subject: item, sources: [cooccurrence, content], fallback: popularity, k: 5, {FLOOR}}}",
    "everything": f"{{subject: item, sources: [content], k: 5, {FLOOR.replace('support: 2', 'support: 0')}}}",
    "search": f"{{subject: query, sources: [query_clicks, words], k: 5, {AGAIN.replace('support: 2', 'support: 0')}}}",
}
# Away for longer than is usual for them, and known well enough to say so.
LAPSED = "u05"


def events_of(day: date) -> list[tiny.Event]:
    """The tiny log, what new users bought and who took new items, and a query that all of group a's users ask."""
    events = [event for event in tiny.events_of(day) if event["user_id"] != LAPSED]
    new = [(user, item) for user, items in BOUGHT.items() for item in items]
    new += [(user, item) for item, users in TAKEN.items() for user in users]
    age = (DAY - day).days
    for number, (user, item) in enumerate(new):
        if number % 3 == age:
            name = f"{user}-{item}"
            event = {"event_id": name, "event_type": "checkout", "user_id": user, "item_id": item, "session_id": name}
            events.append({**event, "event_ts": f"{day}T12:00:00Z", "surface": "store", "value": 1.5})
    clicks = [
        {**event, "event_id": f"click {event['event_id']}", "event_type": "click", "query": "apple"}
        for event in tiny.events_of(day)
        if event["item_id"][0] == "a"
    ]
    return [*events, *clicks, {**clicks[0], "event_id": f"alone {day}", "query": "only mine"}]


def rhythm(day: date) -> list[tiny.Event]:
    """One who bought on two days running, and then no more."""
    if day > tiny.FIRST_DAY + timedelta(days=1):
        return []
    return [event for event in tiny.events_of(day) if event["user_id"] == LAPSED]


@pytest.fixture(scope="module")
def first_night(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    deployment = deploy(tmp_path_factory.mktemp("cold"))
    for day in tiny.days(last=DAY):
        tiny.write_folder(deployment.landing, day, [*events_of(day), *rhythm(day)])
    items = [*tiny.GROUPS["a"], *tiny.GROUPS["b"], *TAKEN]
    titles = {"a": "Red apple", "b": "Blue boat", "c": "Purple kettle"}
    catalog = {
        "item_id": items,
        "title": [f"{titles[item[0]]} {item}" for item in items],
        "status": ["active"] * len(items),
    }
    land(deployment, "catalog", catalog)
    ends = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(days=9)
    starts = ends - timedelta(days=30)
    promoted: dict[str, list[object]] = {
        "promotion_id": ["p", "q"],
        "item_id": ["a01", "c0"],
        "campaign": ["x", "x"],
        "audience": [None, "club"],
    }
    land(deployment, "promotions", {**promoted, "starts_at": [starts] * 2, "ends_at": [ends] * 2})
    land(deployment, "audience_members", {"audience": ["club", "club"], "user_id": ["n0", "n1"]})
    text = deployment.config.read_text().splitlines()
    lines = [line for line in text if not line.startswith(("  related:", "  homefeed:"))]
    at = lines.index("surfaces:") + 1
    lines[at:at] = [f"  {name}: {surface}" for name, surface in SURFACES.items()]
    lines.append("interactions: {lookback_days: 30}")
    deployment.config.write_text("\n".join(lines) + "\n")
    for job in NIGHT:
        deployment.run(job, DAY)
    return deployment


def land(deployment: Deployment, table: str, columns: Mapping[str, Sequence[object]]) -> None:
    folder: Path = deployment.landing / table / str(tiny.FIRST_DAY)
    folder.mkdir(parents=True)
    pl.DataFrame(columns).write_parquet(folder / "all.parquet")
    (folder / "_SUCCESS").touch()


def listed(deployment: Deployment, surface: str) -> dict[str, list[str]]:
    rows = deployment.table(f"candidates_{surface}").sort("subject_id", "rank")
    found: dict[str, list[str]] = {}
    for subject, item in rows.select("subject_id", "item_id").iter_rows():
        found.setdefault(subject, []).append(item)
    return found


def verdict(settings: Settings, surface: str, subject: str, item: str | None = None) -> str:
    return str(why(settings, surface, subject, item, None)["verdict"])


def test_every_surface_is_published_on_its_first_day(first_night: Deployment) -> None:
    decided = first_night.table("publications").select("surface", "status").rows()
    assert sorted(decided) == sorted((surface, "published") for surface in SURFACES)


@pytest.mark.parametrize("surface", ["homefeed", "shopping", "ads"])
def test_a_user_has_a_list_from_the_first_event_on(first_night: Deployment, surface: str) -> None:
    lists, settings = listed(first_night, surface), load_settings(first_night.config)
    assert set(lists) == {*tiny.USERS, "n1", "n3"}
    assert verdict(settings, surface, "n0") == "no_history"
    assert verdict(settings, surface, "n1") == ("full" if surface != "ads" else "short_nothing_left")
    holds: Mapping[str, Callable[[list[str], list[str]], bool]] = {
        # What they bought is not given again, and it tells what else they may like.
        "homefeed": lambda items, own: len(items) == 5 and not set(items) & set(own),
        "shopping": lambda items, own: len(items) == 5 and set(own) <= set(items),
        # Only what is promoted to them and somebody took: c0 is promoted to n1, but below the floor.
        "ads": lambda items, own: items == ["a01"],
    }
    for user in ("n1", "n3"):
        assert holds[surface](lists[user], BOUGHT[user]), (user, lists[user])


def test_one_event_tells_a_users_group(first_night: Deployment) -> None:
    lists = listed(first_night, "homefeed")
    assert {item[0] for item in lists["n1"][:2]} == {"a"}
    assert {item[0] for item in lists["n3"][:2]} == {"b"}


def test_who_has_no_rhythm_yet_is_not_lapsing(first_night: Deployment) -> None:
    settings = load_settings(first_night.config)
    assert not {"n0", "n1", "n3"} & set(listed(first_night, "growth"))
    assert verdict(settings, "growth", "n0") == "no_history"
    assert verdict(settings, "growth", "n1") == verdict(settings, "growth", "n3") == "not_lapsing"


def test_an_item_has_a_list_once_enough_users_took_it(first_night: Deployment) -> None:
    settings, lists = load_settings(first_night.config), listed(first_night, "related")
    assert "c3" in lists
    assert not {"c0", "c1"} & set(lists)
    assert verdict(settings, "related", "c1") == verdict(settings, "related", "c0") == "below_floor"


def test_an_item_may_be_listed_once_enough_users_took_it(first_night: Deployment) -> None:
    settings = load_settings(first_night.config)
    for surface in ("homefeed", "shopping", "related"):
        everything = {item for items in listed(first_night, surface).values() for item in items}
        assert not {"c0", "c1"} & everything
    for item, answers in {
        "c0": {"not_eligible"},
        "c1": {"not_eligible"},
        "c3": {"published", "below_k", "not_proposed"},
    }.items():
        assert verdict(settings, "shopping", "u03", item) in answers


def test_without_a_floor_the_catalog_is_enough(first_night: Deployment) -> None:
    lists = listed(first_night, "everything")
    assert set(TAKEN) <= set(lists)
    assert "c0" in lists["c3"]
    assert set(lists["c0"]) >= {"c1", "c3"}


def test_a_new_query_is_answered_by_text(first_night: Deployment) -> None:
    settings, lists = load_settings(first_night.config), listed(first_night, "search")
    assert set(lists) == {"apple"}
    # One person's words are theirs.
    assert verdict(settings, "search", "only mine") == "not_clicked"
    answer = show(settings, "search", "purple kettles", None, 3)
    assert answer["by_text"]
    assert {row["item_id"] for row in answer["candidates"]} == set(TAKEN)
