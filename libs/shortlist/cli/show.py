"""`shortlist show`: one subject's list beside what it did lately."""

from datetime import date
from typing import Any

import polars as pl
from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.cli.served import Served, served
from shortlist.columns import (
    CONDITION,
    EVENT_DATE,
    EVENT_TYPE,
    ITEM_ID,
    PROPENSITY,
    RANK,
    REASON,
    RELATION,
    SCORE,
    SLOT,
    SOURCE,
    SOURCES,
)
from shortlist.config import Settings
from shortlist.reports.surfaces import read_histories, read_titles
from shortlist.subjects import SUBJECTS


def show(settings: Settings, surface: str, wanted: str | None, day: date | None, history: int) -> dict[str, Any]:
    """A subject's list and its recent history.

    Args:
        settings: settings in force.
        surface: the surface.
        wanted: user, item or query; None: one that has a list, drawn by lot, the same one for a day. A query without a list is
            answered by the text of the catalog.
        day: a published day; None means the one that readers are served.
        history: at most so many items of the history.

    Returns:
        surface, subject, drawn (by lot), by_text, title (of an item), run_date, table_version, k, candidates (rank, item_id,
        title, score, source, sources, reason, slot, propensity, condition, relation), history (day, event_type, item_id,
        title; of users), newest first, as the day knew it.
    """
    view = served(settings, surface, day)
    config = settings.surfaces[surface]
    kind = SUBJECTS[config.subject]
    subject = view.some_subject() if wanted is None else kind.name_of(wanted)
    candidates = view.list_of(subject)
    by_text = candidates.is_empty() and kind.history == "clicks"
    if by_text:
        candidates = view.answer(subject)
    events = read_histories(view.lake, settings, view.day, [subject], history) if kind.history == "interactions" else {}
    did = events.get(subject, [])
    titles = _titles(view, candidates, [event[ITEM_ID] for event in did], subject)
    return {
        "surface": surface,
        "subject": subject,
        "drawn": wanted is None,
        "by_text": by_text,
        "title": titles.get(subject) if kind.in_catalog else None,
        "run_date": view.day.isoformat(),
        "table_version": view.decision.table_version,
        "k": config.k,
        "candidates": [
            {
                "rank": row[RANK],
                "item_id": row[ITEM_ID],
                "title": titles.get(row[ITEM_ID]),
                "score": row[SCORE],
                "source": row[SOURCE],
                "sources": row[SOURCES],
                "reason": row[REASON],
                "slot": row.get(SLOT),
                "propensity": row.get(PROPENSITY),
                "condition": row.get(CONDITION),
                "relation": row.get(RELATION),
            }
            for row in candidates.to_dicts()
        ],
        "history": [
            {
                "day": event[EVENT_DATE].isoformat(),
                "event_type": event[EVENT_TYPE],
                "item_id": event[ITEM_ID],
                "title": titles.get(event[ITEM_ID]),
            }
            for event in did
        ],
    }


def _titles(view: Served, candidates: pl.DataFrame, more: list[str], subject: str) -> dict[str, str]:
    return read_titles(view.lake, view.day, sorted({*candidates[ITEM_ID].to_list(), *more, subject}))


def render(facts: Facts, to: Console) -> None:
    """For people."""
    named = f"{facts['title']}, {facts['subject']}" if facts["title"] else facts["subject"]
    say(to, f"{facts['surface']} {facts['run_date']} (version {facts['table_version']}): {named}", "bold")
    if facts["history"]:
        did = [(each["day"], each["event_type"], each["title"], each["item_id"]) for each in facts["history"]]
        print_table(to, ["day", "did", "item", "id"], did, "recent history, as the day knew it")
    if not facts["candidates"]:
        say(to, f"no list; next: shortlist why {facts['surface']} {facts['subject']}")
        say(to, f"or, to see the list of somebody who has one: shortlist show {facts['surface']}")
        return
    columns = {"rank": "rank", "item": "title", "id": "item_id", "sources": "sources", "reason": "reason"}
    if any(each["relation"] for each in facts["candidates"]):
        columns["relation"] = "relation"
    listed = [{**each, "sources": ", ".join(each["sources"])} for each in facts["candidates"]]
    rows = [[each[name] for name in columns.values()] for each in listed]
    print_table(to, list(columns), rows, f"list: {len(rows)} of {facts['k']}")
    if facts["by_text"]:
        say(to, "no list was published for this query: it was answered just now, by the text of the day's catalog")
    if facts["drawn"]:
        say(to, f"drawn by lot; next: shortlist show {facts['surface']} ID shows the list of another")
