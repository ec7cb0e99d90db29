"""What the report says of an audience: whom it addresses, and who of an earlier one came back."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from shortlist.config import Settings
from shortlist.reports.audiences import Returned, read_audience
from shortlist.reports.facts import gather
from shortlist.reports.page import render_page
from shortlist.store.pinned_tables import Lake
from tests.published import write
from tests.unit.reports.world import BEFORE, SETTINGS, D, write_settings, write_world

LAPSING = SETTINGS.replace("k: 2}", "k: 2, lapsing: {}}")


def audience(settings: Settings, day: date, decisions: dict[str, tuple[str, float | None]]) -> None:
    rows: list[dict[str, Any]] = [
        {"surface": "homefeed", "user_id": user, "lateness": 3.0, "return_probability": chance, "decision": decision,
         "run_date": day}
        for user, (decision, chance) in decisions.items()
    ]  # fmt: skip
    write(Path(settings.paths.warehouse), "audiences", "audiences", rows)


def engagement(settings: Settings, user: str, day: date, kind: str = "checkout", delivered: date | None = None) -> None:
    row = {"event_id": f"{user}-{day}-{kind}", "event_type": kind, "user_id": user, "item_id": "c", "event_date": day,
           "event_ts": datetime(day.year, day.month, day.day, tzinfo=UTC), "ingest_date": delivered or day}  # fmt: skip
    write(Path(settings.paths.warehouse), "engagements", "engagements", [row])


def test_an_audience_and_who_came_back(home: Path) -> None:
    settings = write_settings(home, LAPSING)
    audience(
        settings, BEFORE, {"a": ("listed", 0.5), "b": ("listed", 0.5), "c": ("held_back", 0.5), "d": ("listed", 0.1)}
    )
    audience(settings, D, {"a": ("listed", 0.5), "b": ("listed", 0.25), "e": ("over_budget", 0.9)})
    engagement(settings, "a", BEFORE + timedelta(days=1))
    engagement(settings, "b", BEFORE)  # on the day itself: it was not away
    engagement(settings, "c", D)
    engagement(settings, "d", D, "impression")  # no weight
    engagement(settings, "d", D, "click", delivered=D + timedelta(days=1))  # not known then
    found = read_audience(Lake(settings.paths.warehouse), settings, D, "homefeed")
    assert found is not None
    assert (found.users, found.decisions) == (3, {"listed": 2, "over_budget": 1})
    assert (found.expected, found.since) == (0.375, BEFORE)
    assert found.returned == {"held_back": Returned(1, 1.0), "listed": Returned(3, 1 / 3)}


def test_no_audience_where_lists_are_for_everybody_or_nobody_decided(home: Path) -> None:
    settings = write_settings(home, LAPSING)
    assert read_audience(Lake(settings.paths.warehouse), settings, D, "homefeed") is None
    audience(settings, D, {"a": ("listed", None)})
    lake = Lake(settings.paths.warehouse)
    assert read_audience(lake, settings, D, "related") is None
    found = read_audience(lake, settings, D, "homefeed")
    assert found is not None
    assert (found.expected, found.returned) == (None, {})


def test_the_page_says_it(home: Path) -> None:
    settings = write_settings(home, LAPSING)
    write_world(settings)
    assert "Audience:" not in render_page(gather(settings, D))
    audience(settings, BEFORE, {"u1": ("listed", 0.5), "u2": ("held_back", 0.5)})
    audience(settings, D, {"u1": ("listed", 0.5), "u2": ("held_back", 0.5)})
    page = render_page(gather(settings, D))
    assert "2 users are lapsing by their own rhythm; 1 get a list, 1 are held back, 0 are beyond the budget." in page
    assert "Of those with a list 50 % are expected back within 7 days." in page.replace("\u202f", " ").replace(
        "\xa0", " "
    )
    assert "with a list on" in page
