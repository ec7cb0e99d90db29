"""`shortlist backtest`: what a backtest found, its tried lists beside those that were served."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import polars as pl
from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.columns import (
    BACKTEST,
    BLEND_MINUS_SOURCE,
    BLEND_MINUS_SOURCE_HIGH,
    BLEND_MINUS_SOURCE_LOW,
    CANDIDATES_DATE,
    CI_HIGH,
    CI_LOW,
    HELD_BY,
    METRIC,
    RUN_DATE,
    SEGMENT,
    SETTINGS_FINGERPRINT,
    SOURCE,
    SUBJECTS,
    SURFACE,
    VALUE,
    K,
)
from shortlist.config import Settings
from shortlist.errors import SettingsError
from shortlist.metrics.definitions import BLEND, LIST_METRICS, RANKING_METRICS, ROWS_USED, SERVED
from shortlist.records.publications import HELD
from shortlist.reports.evaluation import CHARTED
from shortlist.store.pinned_tables import Lake

_TABLE: Final = "backtests"
_RUN: Final = "infra/submit jobs/backtest_settings.py --name NAME --run-date DAY --set ..., or trigger the DAG backtest"
BETTER, WORSE, CHANCE = "better", "worse", "may be chance"
_FEW: Final = "few subjects"
# Metrics that people are shown.
_SHOWN: Final = (*CHARTED, ROWS_USED)
_OF_SERVED: Final = "_of_served"
_NOTHING_SERVED: Final = "nothing served"


def backtest(settings: Settings, name: str) -> dict[str, Any]:
    """What a backtest found.

    Args:
        settings: settings in force; they say where the tables are.
        name: of the backtest.

    Returns:
        name, days (run dates), settings (fingerprints of what was tried), judged (surface, segment, candidates_date, run_date,
        metric, k, subjects, tried, served, difference: each value, low, high or None; says: better, worse, may be chance, few
        subjects (below 30, so without an interval), nothing served), together (the same over all days on which there is
        something to compare with: days, better, worse of them, and means that count each subject of each day), held
        (surface, candidates_date, run_date, held_by).

    Raises:
        SettingsError: there is no backtest of that name.
    """
    rows = _rows(settings, name)
    judged = list(_judged(rows))
    held = rows.filter(pl.col(METRIC) == HELD).sort(SURFACE, CANDIDATES_DATE, RUN_DATE)
    return {
        "name": name,
        "days": [day.isoformat() for day in rows[RUN_DATE].unique().sort()],
        "settings": rows[SETTINGS_FINGERPRINT].unique().sort().to_list(),
        "judged": judged,
        "together": list(_together(judged)),
        "held": [
            {
                "surface": row[SURFACE],
                "candidates_date": row[CANDIDATES_DATE].isoformat(),
                "run_date": row[RUN_DATE].isoformat(),
                "held_by": row[HELD_BY] or "",
            }
            for row in held.iter_rows(named=True)
        ],
    }


def _rows(settings: Settings, name: str) -> pl.DataFrame:
    lake = Lake(settings.paths.warehouse)
    scanned = lake.scan(_TABLE)
    if scanned is None:
        raise SettingsError.bad_argument("NAME", name, f"is no backtest, none was ever run; next: {_RUN}")
    rows = lake.collect(_TABLE, scanned.filter(pl.col(BACKTEST) == name))
    if rows.is_empty():
        known = lake.collect(_TABLE, scanned.select(BACKTEST).unique())[BACKTEST].sort().to_list()
        raise SettingsError.bad_argument(
            "NAME", name, f"is no backtest; known: {', '.join(known) or 'none'}; next: {_RUN}"
        )
    return rows


def _judged(rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Every metric at every list length of the tried lists, with that of the served ones where there are any."""
    keys = [SURFACE, CANDIDATES_DATE, RUN_DATE, SEGMENT, METRIC, K]
    tried = rows.filter((pl.col(SOURCE) == BLEND) & (pl.col(METRIC) != HELD))
    both = tried.join(rows.filter(pl.col(SOURCE) == SERVED), on=keys, how="left", suffix=_OF_SERVED)
    order = {metric: position for position, metric in enumerate((*RANKING_METRICS, *LIST_METRICS))}
    # "all" before its parts, metrics in the house's order.
    for row in sorted(
        both.iter_rows(named=True),
        key=lambda row: (
            *(row[name] for name in keys[:3]),
            row[SEGMENT] != "all",
            row[SEGMENT],
            order[row[METRIC]],
            row[K],
        ),
    ):
        served = _interval(row, (f"{name}{_OF_SERVED}" for name in (VALUE, CI_LOW, CI_HIGH)))
        difference = _interval(
            row,
            (f"{name}{_OF_SERVED}" for name in (BLEND_MINUS_SOURCE, BLEND_MINUS_SOURCE_LOW, BLEND_MINUS_SOURCE_HIGH)),
        )
        yield {
            **{name: str(row[name]) for name in keys[:-1]},
            K: row[K],
            SUBJECTS: row[SUBJECTS],
            "tried": _interval(row, (VALUE, CI_LOW, CI_HIGH)),
            "served": served,
            "difference": difference,
            "says": _says(served, difference),
        }


def _interval(row: Facts, names: Iterable[str]) -> dict[str, float | None] | None:
    """A value and the ends of its interval, from their columns; None without a value."""
    value, low, high = (row[name] for name in names)
    return None if value is None else {"value": value, "low": low, "high": high}


def _says(served: Facts | None, difference: Facts | None) -> str:
    if served is None:
        return _NOTHING_SERVED
    if difference is None:
        return ""  # what is said of all lists is not compared by subject
    if difference["low"] is None:
        return _FEW
    return BETTER if difference["low"] > 0 else WORSE if difference["high"] < 0 else CHANCE


def _together(judged: Sequence[Facts]) -> Iterator[dict[str, Any]]:
    """Each metric over all days that can be compared; the same people are in several days, so there is no interval."""
    names = ("surface", "segment", "metric", "k")
    by_metric: dict[tuple[Any, ...], list[Facts]] = {}
    for row in judged:
        if row["difference"] is not None:
            by_metric.setdefault(tuple(row[name] for name in names), []).append(row)
    for key, rows in by_metric.items():
        subjects = sum(row["subjects"] for row in rows)
        means = {
            what: sum(row["subjects"] * row[what]["value"] for row in rows) / subjects
            for what in ("tried", "served", "difference")
        }
        said = [row["says"] for row in rows]
        counted = {"days": len(rows), "better": said.count(BETTER), "worse": said.count(WORSE), "subjects": subjects}
        yield {**dict(zip(names, key, strict=True)), **counted, **means}


def render(facts: Facts, to: Console) -> None:
    """For people: the charted metrics and the share of rows that were used, at the middle list length of each surface."""
    tried = ", ".join(facts["settings"])
    say(to, f"{facts['name']}: {len(facts['days'])} day(s) up to {facts['days'][-1]}, settings {tried}", "bold")
    if len(facts["settings"]) > 1:
        say(to, "its days were judged with different settings; next: run all of them again, or give each its own name")
    shown = [row for row in facts["judged"] if _is_shown(row, facts["judged"])]
    for day in sorted({(row["candidates_date"], row["run_date"]) for row in shown}):
        columns = ["lists", "metric", "subjects", "tried", "served", "difference", ""]
        of_day = [_cells(row) for row in shown if (row["candidates_date"], row["run_date"]) == day]
        print_table(to, columns, of_day, f"lists of {day[0]}, judged up to {day[1]}")
    together = [row for row in facts["together"] if row["days"] > 1 and _is_shown(row, facts["judged"])]
    if together:
        columns = ["lists", "metric", "days", "better", "worse", "tried", "served", "difference"]
        rows = [
            (
                f"{row['surface']}, {row['segment']}",
                f"{row['metric']}@{row['k']}",
                *(row[name] for name in ("days", "better", "worse")),
                f"{row['tried']:.4f}",
                f"{row['served']:.4f}",
                f"{row['difference']:+.4f}",
            )
            for row in together
        ]
        print_table(to, columns, rows, "all days together")
    for row in facts["held"]:
        say(
            to,
            f"{row['surface']} {row['candidates_date']} would have been held, so it is not judged: {row['held_by']}; next: the "
            "job's log says what was found",
        )


def _is_shown(row: Facts, judged: Sequence[Facts]) -> bool:
    ks = sorted({each["k"] for each in judged if each["surface"] == row["surface"]})
    return row["metric"] in _SHOWN and row["k"] == ks[len(ks) // 2]


def _cells(row: Facts) -> tuple[object, ...]:
    return (
        f"{row['surface']}, {row['segment']}",
        f"{row['metric']}@{row['k']}",
        row["subjects"],
        f"{row['tried']['value']:.4f}",
        None if row["served"] is None else f"{row['served']['value']:.4f}",
        _difference(row["difference"]),
        row["says"],
    )


def _difference(stated: Facts | None) -> str | None:
    if stated is None:
        return None
    ends = "" if stated["low"] is None else f" [{stated['low']:+.4f}, {stated['high']:+.4f}]"
    return f"{stated['value']:+.4f}{ends}"
