"""What is gathered of a world known by heart: counted by hand, nothing later than the day, no crash on damage."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from shortlist.config import load_settings
from shortlist.reports.facts import ChangedSetting, QuarantineReason, RunFacts, changed_settings, gather
from shortlist.reports.lists import ReasonFacts
from shortlist.reports.page import render_page
from shortlist.reports.show import shown
from shortlist.reports.surfaces import Candidate, Engaged, Named
from tests.unit.reports.world import BEFORE, SETTINGS, D, candidates, manifest, publication, write_settings, write_world


@pytest.fixture
def facts(home: Path) -> RunFacts:
    settings = write_settings(home)
    write_world(settings)
    manifest(settings, "extract_engagements")
    manifest(settings, "write_report")
    return gather(settings, D)


def test_gather__decisions_up_to_the_day(facts: RunFacts) -> None:
    homefeed, related = facts.surfaces
    assert homefeed.decision is not None
    assert homefeed.served is not None
    assert homefeed.before is not None
    assert (homefeed.published, homefeed.decision.run_date, homefeed.served.run_date) == (True, D, D)
    assert (homefeed.before.run_date, homefeed.before.table_version) == (BEFORE, 0)
    assert related.decision is not None
    assert (related.published, related.decision.status, related.served) == (False, "held", None)
    assert related.decision.why == "guardrail: overlap fell to 2 %"
    assert (related.lists, related.missing) == (None, "nothing was published for this day")


def test_gather__lists_of_the_published_version(facts: RunFacts) -> None:
    homefeed = facts.surfaces[0]
    assert homefeed.lists is not None
    assert (homefeed.lists.rows, homefeed.lists.subjects, homefeed.lists.short) == (3, 2, 1)
    assert homefeed.top_item == Named("a", "Apples")
    assert homefeed.reasons == ReasonFacts(named=1 / 3, commonest=1 / 3)
    assert homefeed.change is not None
    # u1 kept c of two; u2 is new, u3 gone.
    assert (homefeed.change.since, homefeed.change.overlap) == (BEFORE, 0.5)
    assert (homefeed.change.subjects, homefeed.change.arrived, homefeed.change.left) == (1, 1, 1)


def test_gather__a_sentence_without_an_item_names_none(home: Path) -> None:
    """b is behind one row in three; the sentence of its source does not say so."""
    write_world(write_settings(home))
    silent = load_settings(home / "shortlist.yaml", ['{"sources": {"cooccurrence": {"reason": "bought together"}}}'])
    assert gather(silent, D).surfaces[0].reasons == ReasonFacts(named=0.0, commonest=0.0)


def test_gather__samples_know_no_more_than_the_day(facts: RunFacts) -> None:
    first, second = facts.surfaces[0].samples
    assert (first.subject.item_id, second.subject.item_id) == ("u1", "u2")
    # Not d (delivered after D), not e (impressions do not count), a once and at its newest.
    assert first.history == (
        Engaged(date(2017, 11, 29), "checkout", Named("b", "Bread")),
        Engaged(date(2017, 11, 22), "checkout", Named("a", "Apples")),
    )
    assert first.candidates == (
        Candidate(1, Named("c", "Corn"), "als", "goes with c"),
        Candidate(2, Named("d", "Dates"), "cooccurrence", "goes with d"),
    )
    assert [event.item.item_id for event in second.history] == ["c"]


def test_gather__what_candidates_are_to_the_item_of_their_list(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    candidates(settings, "related", D, {"a": "bcd"}, {"b": "substitute", "c": "complement"})
    publication(settings, "related", D, 0, rows=3, subjects=1)
    related = gather(settings, D).surfaces[1]
    assert [(each.item.item_id, each.relation) for each in related.samples[0].candidates] == [
        ("b", "substitute"),
        ("c", "complement"),
        ("d", None),
    ]
    assert "als, substitute" in render_page(gather(settings, D))
    shown_lines = [line.split() for line in shown(gather(settings, D), settings.paths.reports)]
    assert ["2", "Corn", "cooccurrence,", "complement:", "goes", "with", "c"] in shown_lines


def test_gather__counts_along_the_flow(facts: RunFacts) -> None:
    counted = {table.name: (table.rows, table.what) for table in facts.tables}
    assert counted["engagements"] == (2, "delivered")
    assert counted["quarantine"] == (2, "delivered")
    assert counted["catalog"] == (6, "as of 2017-11-01")
    assert counted["promotions"] == (None, "no such table yet")
    assert counted["interactions"] == (None, "no such table yet")
    assert counted["candidates_homefeed"] == (3, "published")
    assert counted["candidates_related"] == (None, "nothing was published for this day")
    assert counted["evaluations"] == (36, "")
    assert facts.catalog_items == 5
    by_day = {day.day: (day.events, day.quarantined) for day in facts.volume}
    assert len(by_day) == 60
    assert by_day[D] == (2, 2)
    assert by_day[date(2017, 11, 28)] == (0, 0)  # its one event came late
    assert (by_day[BEFORE], by_day[date(2017, 11, 20)]) == ((0, 1), (1, 0))
    assert facts.quarantine == (
        QuarantineReason("event_type unknown", 2, "{"),
        QuarantineReason("no JSON", 1, "{"),
    )


def test_gather__jobs(facts: RunFacts) -> None:
    assert [record.job for record in facts.jobs] == ["extract_engagements"]
    assert facts.missing_jobs[0] == "build_interactions"
    assert len(facts.missing_jobs) == 7
    assert facts.problems == ()


def test_gather__held_after_published_still_shows_what_is_served(home: Path) -> None:
    settings = write_settings(home)
    candidates(settings, "homefeed", D, {"u1": "ab"})
    publication(settings, "homefeed", D, 0, rows=2, subjects=1)
    publication(settings, "homefeed", D, None, rows=2, subjects=1, status="held", why="again", minute=1)
    homefeed = gather(settings, D).surfaces[0]
    assert homefeed.decision is not None
    assert homefeed.served is not None
    assert (homefeed.decision.status, homefeed.served.table_version) == ("held", 0)
    assert homefeed.lists is not None
    assert (homefeed.lists.rows, homefeed.incomparable) == (2, "no earlier day has been published")


def test_gather__nothing_at_all(home: Path) -> None:
    facts = gather(write_settings(home), D)
    assert [surface.decision for surface in facts.surfaces] == [None, None]
    assert {table.rows for table in facts.tables} == {None}
    assert (facts.volume, facts.quarantine, facts.catalog_items, facts.jobs) == ((), (), None, ())
    assert facts.problems == ()


@pytest.mark.parametrize("table", ["engagements", "publications", "candidates_homefeed", "evaluations", "catalog"])
def test_gather__a_broken_table_is_told_and_the_rest_stands(home: Path, table: str) -> None:
    settings = write_settings(home)
    write_world(settings)
    for part in (home / "warehouse" / table).rglob("*.parquet"):
        part.write_bytes(b"not parquet")
    facts = gather(settings, D)
    said = [*facts.problems, *(surface.missing for surface in facts.surfaces)]
    assert any(f"table {table}" in sentence and "cannot be read" in sentence for sentence in said), said
    assert len(facts.tables) == len(gather(settings, D + timedelta(days=1)).tables)


def test_gather__a_version_that_is_gone(home: Path) -> None:
    settings = write_settings(home)
    candidates(settings, "homefeed", D, {"u1": "ab"})
    publication(settings, "homefeed", D, 7, rows=2, subjects=1)
    homefeed = gather(settings, D).surfaces[0]
    assert homefeed.lists is None
    assert "table candidates_homefeed: version 7 cannot be read" in homefeed.missing


def test_changed_settings__only_what_differs(home: Path) -> None:
    changed = changed_settings(write_settings(home, SETTINGS + "paths: {landing: /data}\n"))
    assert ChangedSetting("als.factors", "32", "64") in changed
    assert ChangedSetting("surfaces.homefeed.k", "2", "50") in changed
    assert ChangedSetting("surfaces.related.sources", '["cooccurrence"]', None) in changed
    assert not any(setting.field.startswith(("paths", "interactions", "baskets")) for setting in changed)


def test_gather__volume_of_days_without_events(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    volume = gather(settings, date(2016, 1, 1)).volume
    assert [day.events for day in volume] == [0] * 60


def test_gather__a_day_that_was_rolled_back(home: Path) -> None:
    """Its decision says so, and readers are served the day before."""
    settings = write_settings(home)
    write_world(settings)
    publication(settings, "homefeed", D, 3, 3, 2, status="rolled_back", why="broken model", minute=30)
    homefeed, _ = gather(settings, D).surfaces
    assert homefeed.decision is not None
    assert homefeed.served is not None
    assert (homefeed.decision.status, homefeed.decision.why) == ("rolled_back", "broken model")
    assert homefeed.served.run_date == BEFORE
    assert homefeed.lists is None
