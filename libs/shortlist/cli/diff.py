"""`shortlist diff`: how a surface's lists changed between two published days."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.cli.served import Served, served
from shortlist.columns import ITEM_ID, RANK, SOURCE, SUBJECT_ID
from shortlist.config import Settings
from shortlist.contracts import candidates_name
from shortlist.reports.lists import compare_lists
from shortlist.reports.surfaces import read_titles

_MOST = 10


def diff(settings: Settings, surface: str, first: date, second: date, subject: str | None) -> dict[str, Any]:
    """Compare two published days of a surface.

    Args:
        settings: settings in force.
        surface: the surface.
        first: the day that changes count from.
        second: the day that they lead to.
        subject: compare this subject's lists only, rank by rank.

    Returns:
        surface, first, second (run_date, table_version, rows, subjects, items), subjects (both, arrived, left), overlap (mean
        over subjects with both lists of the items that both have, by the longer list; None without such subjects),
        entered and left (items in most more or fewer lists: item_id, title, lists), sources (source, first, second:
        shares of all rows), and with a subject ranks: item_id, title, first, second (ranks, None where it is absent).
    """
    then, now = served(settings, surface, first), served(settings, surface, second)
    before, after = _rows(then, subject), _rows(now, subject)
    change = compare_lists(after, before, first)
    moved = _moved(before, after)
    ranks = _ranks(before, after) if subject is not None else []
    titles = read_titles(now.lake, now.day, sorted({*moved[ITEM_ID].to_list(), *(each[ITEM_ID] for each in ranks)}))
    gone, come = before[SUBJECT_ID].n_unique(), after[SUBJECT_ID].n_unique()
    both = change.subjects if change else 0
    return {
        "surface": surface,
        "subject": subject,
        "first": _day(then, before),
        "second": _day(now, after),
        "subjects": {"both": both, "arrived": come - both, "left": gone - both},
        "overlap": change.overlap if change else None,
        "entered": _titled(
            moved.filter(pl.col("lists") > 0).sort(["lists", ITEM_ID], descending=[True, False]), titles
        ),
        "left": _titled(
            moved.filter(pl.col("lists") < 0)
            .with_columns(-pl.col("lists"))
            .sort(["lists", ITEM_ID], descending=[True, False]),
            titles,
        ),
        "sources": _sources(before, after),
        "ranks": [{**each, "title": titles.get(each[ITEM_ID])} for each in ranks],
    }


def _rows(view: Served, subject: str | None) -> pl.DataFrame:
    rows = view.rows().select(SUBJECT_ID, RANK, ITEM_ID, SOURCE)
    wanted = rows if subject is None else rows.filter(pl.col(SUBJECT_ID) == subject)
    return view.lake.collect(candidates_name(view.surface), wanted, view.decision.table_version)


def _day(view: Served, rows: pl.DataFrame) -> dict[str, Any]:
    return {
        "run_date": view.day.isoformat(),
        "table_version": view.decision.table_version,
        "rows": rows.height,
        "subjects": rows[SUBJECT_ID].n_unique(),
        "items": rows[ITEM_ID].n_unique(),
    }


def _moved(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """item_id and how many more lists have it after than before; items without a change are absent."""
    signed = [
        rows.group_by(ITEM_ID).agg(lists=pl.len().cast(pl.Int64) * sign) for rows, sign in ((before, -1), (after, 1))
    ]
    return pl.concat(signed).group_by(ITEM_ID).agg(pl.col("lists").sum()).filter(pl.col("lists") != 0)


def _titled(moved: pl.DataFrame, titles: dict[str, str]) -> list[dict[str, Any]]:
    return [{**row, "title": titles.get(row[ITEM_ID])} for row in moved.head(_MOST).to_dicts()]


def _sources(before: pl.DataFrame, after: pl.DataFrame) -> list[dict[str, Any]]:
    shares = [_shares(rows) for rows in (before, after)]
    return [
        {"source": source, "first": shares[0].get(source, 0.0), "second": shares[1].get(source, 0.0)}
        for source in sorted({*shares[0], *shares[1]})
    ]


def _shares(rows: pl.DataFrame) -> dict[str, float]:
    return {source: count / rows.height for source, count in rows.group_by(SOURCE).len().rows()}


def _ranks(before: pl.DataFrame, after: pl.DataFrame) -> list[dict[str, Any]]:
    first, second = (dict(rows.select(ITEM_ID, RANK).rows()) for rows in (before, after))
    absent = len(first) + len(second) + 1
    order = sorted({*first, *second}, key=lambda item: (second.get(item, absent), first.get(item, absent)))
    return [{ITEM_ID: item, "first": first.get(item), "second": second.get(item)} for item in order]


def render(facts: Facts, to: Console) -> None:
    """For people."""
    first, second = facts["first"], facts["second"]
    who = f", {facts['subject']}" if facts["subject"] else ""
    say(to, f"{facts['surface']}{who}: {first['run_date']} to {second['run_date']}", "bold")
    measured = ("rows", "subjects", "items", "table_version")
    print_table(
        to, ["", first["run_date"], second["run_date"]], [(name, first[name], second[name]) for name in measured]
    )
    subjects, overlap = facts["subjects"], facts["overlap"]
    overlapping = (
        "no subject has a list on both days" if overlap is None else f"mean overlap of their lists {overlap:.1%}"
    )
    say(
        to,
        f"{subjects['both']} subjects on both days, {subjects['arrived']} arrived, {subjects['left']} left; {overlapping}",
    )
    shares = [(each["source"], f"{each['first']:.1%}", f"{each['second']:.1%}") for each in facts["sources"]]
    print_table(to, ["source", first["run_date"], second["run_date"]], shares, "shares of all rows")
    if facts["subject"]:
        ranks = [(each["item_id"], each["title"], each["first"], each["second"]) for each in facts["ranks"]]
        print_table(to, ["id", "item", f"rank {first['run_date']}", f"rank {second['run_date']}"], ranks)
        return
    _items(to, "in more lists", facts["entered"])
    _items(to, "in fewer lists", facts["left"])


def _items(to: Console, title: str, items: Sequence[Facts]) -> None:
    if items:
        print_table(
            to, ["lists", "id", "item"], [(each["lists"], each["item_id"], each["title"]) for each in items], title
        )
