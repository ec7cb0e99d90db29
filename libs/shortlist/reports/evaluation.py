"""How good earlier candidates turned out to be: the evaluations of a run date, arranged to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Final

import polars as pl

from shortlist.columns import (
    BLEND_MINUS_SOURCE,
    BLEND_MINUS_SOURCE_HIGH,
    BLEND_MINUS_SOURCE_LOW,
    CANDIDATES_DATE,
    CI_HIGH,
    CI_LOW,
    HORIZON_DAYS,
    METRIC,
    SEGMENT,
    SOURCE,
    SUBJECTS,
    SURFACE,
    VALUE,
    WITHOUT_LIST,
    K,
)
from shortlist.config import SurfaceConfig
from shortlist.metrics.definitions import (
    BLEND,
    LIST_METRICS,
    MIN_SUBJECTS,
    NDCG,
    RANKING_METRICS,
    RECALL,
    RECALL_CAPPED,
)
from shortlist.store.pinned_tables import Lake

CHARTED: Final = (RECALL_CAPPED, NDCG)
"""Metrics that get a chart, those of them that were computed; the first one ranks the sources."""

_WHAT_COUNTS: Final[dict[tuple[str, bool, str], str]] = {
    (
        "user",
        True,
        "all",
    ): "Seen items are masked: no list holds what its user had engaged with before, so a repeat is a miss.",
    (
        "user",
        True,
        "new",
    ): "Only items count that the user had never engaged with before; seen items are masked in lists too.",
    ("user", False, "all"): "Everything counts, also what the user had engaged with before; lists may hold it again.",
    (
        "user",
        False,
        "new",
    ): "Only items that the user had never engaged with before, in lists and afterwards; a source has as many as the published "
    "list has slots that hold no others.",
    (
        "item",
        True,
        "all",
    ): "Relevant is what was engaged with in one session beside the item; the item itself is masked.",
    ("query", False, "all"): "Relevant is what was clicked for the query, also what had been clicked for it before.",
    (
        "query",
        False,
        "new",
    ): "Only items that had never been clicked for the query before, in lists and afterwards; a source "
    "has as many as the published list has slots that hold no others.",
}


def what_counts(surface: SurfaceConfig | None, segment: str) -> str:
    """What counts as found, and what lists cannot hold, by a surface's settings and the part of the truth."""
    if surface is None:
        return ""
    counted = _WHAT_COUNTS.get((surface.subject, surface.mask_seen or surface.subject == "item", segment), "")
    own = surface.truth_event_types
    return counted if own is None else f"{counted} Relevant are events of type {', '.join(own)} only.".strip()


@dataclass(frozen=True)
class Estimate:
    """A mean over subjects and its 95 % interval (None where there is none)."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Verdict:
    """One judgement: a surface's candidates of one day, held against one horizon and one part of the truth.

    Attributes:
        surface: Product surface.
        candidates_date: Day of the candidates that were judged.
        horizon_days: Days after it whose engagement is the truth.
        segment: all, or a part of the truth such as new.
        subjects: Subjects with relevant items.
        without_list: Of these, how many had no published list and count as 0.
        ks: List lengths, ascending.
        metrics: In the house's order.
        sources: The blend first, then sources from the best to the worst by the first charted metric.
        estimates: By (source, metric, k).
        differences: By (source, metric, k): the published list minus this source, on the same subjects.
    """

    surface: str
    candidates_date: date
    horizon_days: int
    segment: str
    subjects: int
    without_list: int
    ks: tuple[int, ...]
    metrics: tuple[str, ...]
    sources: tuple[str, ...]
    estimates: dict[tuple[str, str, int], Estimate]
    differences: dict[tuple[str, str, int], Estimate]

    @property
    def judged(self) -> bool:
        """Whether there is anything that people did afterwards to judge by; else there is only what lists show."""
        return any(metric in RANKING_METRICS for metric in self.metrics)

    @property
    def few(self) -> bool:
        """Whether there are too few subjects for an interval."""
        return self.subjects < MIN_SUBJECTS

    @property
    def comparisons(self) -> tuple[tuple[str, Estimate, str], ...]:
        """Source, difference and what to make of it, by the first charted metric at the shown list length."""
        leading = next(iter(self.charted), "")
        found = ((source, self.differences.get((source, leading, self.shown_k))) for source in self.sources)
        return tuple((source, each, _meaning(each)) for source, each in found if each is not None)

    @property
    def best_alone(self) -> str:
        """Which sources are better alone, by which metrics and list lengths; empty where nothing can be said."""
        highs = {key: each.high for key, each in self.differences.items() if key[1] in RANKING_METRICS}
        known = {key: high for key, high in highs.items() if high is not None}
        better: dict[str, list[str]] = {}
        for source, metric, k in product(self.sources, self.metrics, self.ks):
            if known.get((source, metric, k), 0.0) < 0:
                better.setdefault(source, []).append(f"{metric}@{k}")
        if not better:
            return "No source alone was better for certain, by any metric at any list length." if known else ""
        named = "; ".join(f"{source} ({', '.join(metrics)})" for source, metrics in better.items())
        return f"Better than the published list, for certain: {named}."

    @property
    def shown_k(self) -> int:
        """The list length of the main table and the charts: the middle one."""
        return self.ks[len(self.ks) // 2]

    @property
    def charted(self) -> tuple[str, ...]:
        """The metrics to draw."""
        return tuple(metric for metric in CHARTED if metric in self.metrics)

    @property
    def tables(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Rows (metric, k) of each table by its title; the first has no title and is the main one.

        Recall and capped recall belong to two families of papers, so that they never stand in one table.
        """
        uncapped = RECALL if RECALL_CAPPED in self.metrics else ""
        together = [metric for metric in self.metrics if metric != uncapped]
        rows = {"": tuple((metric, self.shown_k) for metric in together)}
        rows |= {f"first {k}": tuple((metric, k) for metric in together) for k in self.ks if k != self.shown_k}
        if uncapped:
            rows["recall, not capped"] = tuple((uncapped, k) for k in self.ks)
        return rows


@dataclass(frozen=True)
class Evaluation:
    """What the report says of quality: verdicts, or why there are none.

    Attributes:
        verdicts: By surface, day, horizon and segment.
        missing: Why there are none.
    """

    verdicts: tuple[Verdict, ...]
    missing: str

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics of all verdicts, in the house's order."""
        return tuple(dict.fromkeys(metric for verdict in self.verdicts for metric in verdict.metrics))


def read_evaluation(lake: Lake, run_date: date, horizons: Sequence[int], published: Sequence[date]) -> Evaluation:
    """The verdicts of a run date.

    Args:
        lake: The warehouse.
        run_date: Day of the run that judged.
        horizons: Days after a candidates day whose engagement is the truth, from settings.
        published: Run dates that have been published on any surface, up to this one.
    """
    rows = lake.of_day("evaluations", run_date)
    table = pl.DataFrame() if rows is None else lake.collect("evaluations", rows)
    if table.is_empty():
        return Evaluation((), _why_not(run_date, horizons, published))
    if BLEND_MINUS_SOURCE not in table.columns:  # written before differences were
        columns = (BLEND_MINUS_SOURCE, BLEND_MINUS_SOURCE_LOW, BLEND_MINUS_SOURCE_HIGH)
        table = table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in columns)
    parts = table.partition_by(SURFACE, CANDIDATES_DATE, HORIZON_DAYS, SEGMENT, as_dict=True)
    # "all" before its parts; surfaces and days by name.
    keys = sorted(parts, key=lambda key: (str(key[0]), key[1], key[2], key[3] != "all", str(key[3])))
    return Evaluation(tuple(_verdict(parts[key]) for key in keys), "")


def _verdict(rows: pl.DataFrame) -> Verdict:
    estimates = {
        (row[SOURCE], row[METRIC], row[K]): Estimate(row[VALUE], row[CI_LOW], row[CI_HIGH]) for row in rows.to_dicts()
    }
    differences = {
        (row[SOURCE], row[METRIC], row[K]): Estimate(
            row[BLEND_MINUS_SOURCE], row[BLEND_MINUS_SOURCE_LOW], row[BLEND_MINUS_SOURCE_HIGH]
        )
        for row in rows.drop_nulls(BLEND_MINUS_SOURCE).to_dicts()
    }
    metrics = set(rows[METRIC])
    # Where something is said of all lists, `subjects` counts other subjects: those that have one.
    judged = rows.filter(~pl.col(METRIC).is_in(LIST_METRICS))
    judged = rows if judged.is_empty() else judged
    first = judged.row(0, named=True)
    known = tuple(metric for metric in (*RANKING_METRICS, *LIST_METRICS) if metric in metrics)
    ordered = known + tuple(sorted(metrics.difference(known)))
    ks = tuple(sorted(set(rows[K])))
    leading, middle = next((m for m in CHARTED if m in metrics), ordered[0]), ks[len(ks) // 2]

    def strength(source: str) -> tuple[bool, float, str]:
        estimate = estimates.get((source, leading, middle))
        return source != BLEND, -estimate.value if estimate else 0.0, source

    by_list = judged.filter(pl.col(SOURCE) == BLEND)
    without = (by_list if not by_list.is_empty() else judged)[WITHOUT_LIST].max()
    return Verdict(
        surface=first[SURFACE],
        candidates_date=first[CANDIDATES_DATE],
        horizon_days=first[HORIZON_DAYS],
        segment=first[SEGMENT],
        subjects=first[SUBJECTS],
        without_list=int(without) if isinstance(without, int) else 0,
        ks=ks,
        metrics=ordered,
        sources=tuple(sorted(set(rows[SOURCE]), key=strength)),
        estimates=estimates,
        differences=differences,
    )


def _meaning(difference: Estimate) -> str:
    """What a difference says, in words."""
    if difference.low is None or difference.high is None:
        return f"fewer than {MIN_SUBJECTS} subjects: this may be chance"
    if difference.low > 0:
        return "the published list is better"
    return "the published list is worse" if difference.high < 0 else "no difference that chance does not explain"


def _why_not(run_date: date, horizons: Sequence[int], published: Sequence[date]) -> str:
    """Why there are no rows: too early (and when there will be), or the job has not run (and how to run it)."""
    days = sorted(set(published))
    due = [h for h in horizons if run_date - timedelta(days=h) in days]
    if due:
        judged = ", ".join((run_date - timedelta(days=h)).isoformat() for h in sorted(due))
        return (
            f"No evaluation yet, although the candidates of {judged} can be judged today; "
            f"next: run jobs/evaluate_candidates.py --run-date {run_date.isoformat()}."
        )
    horizon = min(horizons)
    rule = f"candidates are judged {horizon} days later, by what people did in between"
    later = sorted(day + timedelta(days=h) for day in days for h in horizons if day + timedelta(days=h) > run_date)
    if not later:
        return f"No evaluation yet: {rule}, and no candidates have been published in time for this day."
    return f"No evaluation yet: {rule}. The first day that can be evaluated is {later[0].isoformat()}."
