"""How good some settings would have been on a past day: its lists made again with them, and judged beside those that were served.

The steps of a night run as they are, in a scratch warehouse of which nothing is left. Nothing that is served is touched.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, fields, replace
from datetime import date, timedelta
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from shortlist.columns import (
    BACKTEST,
    CANDIDATES_DATE,
    EVENT_DATE,
    HELD_BY,
    HORIZON_DAYS,
    SETTINGS_FINGERPRINT,
    SURFACE,
)
from shortlist.errors import HeldError, SettingsError
from shortlist.metrics.definitions import BLEND, SERVED
from shortlist.metrics.evaluation import Judgement
from shortlist.pipeline import JOBS
from shortlist.records.publications import HELD, Publication
from shortlist.steps.build import build
from shortlist.steps.evaluate import judge_day, lists_of
from shortlist.steps.generate import generate
from shortlist.steps.learn import learn
from shortlist.steps.publish import publish_all
from shortlist.steps.train import train_als, train_cooccurrence
from shortlist.store.manifests import new_manifest
from shortlist.store.published_days import findings
from shortlist.store.scratch import scratch_warehouse
from shortlist.tables import BACKTESTS, ENGAGEMENTS, ERASURES, TABLES, candidates_table
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.publishing import publication_of
from shortlist.warehouse.run import Run, log

# What a night does between extraction and the judgement, by its jobs and in their order.
STEPS: Final[Mapping[str, Callable[[Run], None]]] = {
    "build_interactions": build,
    "train_als": train_als,
    "train_cooccurrence": train_cooccurrence,
    "learn_blend": learn,
    "generate_candidates": generate,
    "publish_candidates": publish_all,
}
_JUDGING: Final = "evaluate_candidates"
# What extraction makes is a function of the landing, so that days made again read it where it is.
_EXTRACTED: Final = tuple(table for table in TABLES if table.name in JOBS["extract_engagements"].writes)


def backtest(run: Run, name: str) -> None:
    """Replace the rows of a backtest and run date: the lists of a horizon ago, for each horizon, as the run's settings make them.

    Args:
        run: the run; its settings are those that are tried.
        name: of the backtest.

    Raises:
        SettingsError: engagements do not reach back to a day, or nothing followed it.
        ErasedError: an erasure was completed meanwhile; nothing is written.
    """
    for table in _EXTRACTED:
        if run.exists(table):
            run.version(table)  # every day and step reads this one
    days = [run.run_date - timedelta(days=horizon) for horizon in run.settings.evaluation.horizons]
    for day in days:
        _require_engagements(run, day)
        _say_what_is_not_there(run, day)
    rows = [row for day in days for row in _judged(run, name, day)]
    judged = (SURFACE, CANDIDATES_DATE, HORIZON_DAYS, *(each.name for each in fields(Judgement)), HELD_BY)
    schema = StructType([BACKTESTS.schema[column] for column in (*judged, SETTINGS_FINGERPRINT, BACKTEST)])
    tried = (run.settings.fingerprint(), name)
    frame = run.spark.createDataFrame([(*row, *tried) for row in rows], schema)
    run.replace(frame.coalesce(1), BACKTESTS, backtest=name)


def _require_engagements(run: Run, day: date) -> None:
    """Refuse a day before engagements, or one that nothing is known to have followed."""
    known = run.warehouse.days(ENGAGEMENTS, EVENT_DATE, run.version(ENGAGEMENTS))
    lookback = run.settings.interactions.lookback_days
    if run.engagements(lookback, day).isEmpty():
        first = f"engagements begin on {known[0]}" if known else "there are none at all"
        problem = f"of the {lookback} days up to {day}, whose lists would be judged, no engagement is known; {first}"
        raise SettingsError.bad_argument("--run-date", str(run.run_date), f"{problem}; next: take a later day")
    if run.engagements((run.run_date - day).days).isEmpty():
        problem = f"nothing is known of the days after {day}, by which its lists would be judged; engagements end on {known[-1]}"
        raise SettingsError.bad_argument(
            "--run-date", str(run.run_date), f"{problem}; next: take an earlier day, or extract this one first"
        )
    if known[-1] < run.run_date:
        log.warning(
            "engagements end on %s: lists are judged by what is known, not by all days to %s", known[-1], run.run_date
        )
    wanted = day - timedelta(days=lookback - 1)
    if known[0] > wanted:
        log.warning(
            "engagements begin on %s: lists of %s are made from %d days, interactions.lookback_days is %d; a night that had "
            "older days (maintenance.engagement_days) knew more",
            known[0], day, (day - known[0]).days + 1, lookback,
        )  # fmt: skip


def _say_what_is_not_there(run: Run, day: date) -> None:
    """What a night takes from the nights before it is not there; it is made anew, which is said."""
    if run.settings.als.warm_start:
        log.warning(
            "als.warm_start: a backtest has no factors of the day before %s: they are trained from the start", day
        )
    if not run.settings.training.trains(day):
        log.warning("training.days: a backtest has no models of the days before %s, so it trains on that day", day)


def _judged(run: Run, name: str, day: date) -> list[tuple[object, ...]]:
    """The rows of one day, without the fingerprint of the settings and the name."""
    root = run.warehouse.root
    with scratch_warehouse(root, f"{name}-{day}") as folder, _erasures_named(run):
        read_there = dict.fromkeys((table.name for table in (*_EXTRACTED, ERASURES)), root)
        scratch = Warehouse(run.spark, folder, read_there)
        decisions, failed = _make_lists(run, scratch, day)
        judging = _step_run(run, scratch, _JUDGING, run.run_date)
        published = [each for each in decisions if each.status != HELD]
        beside = {each.surface: _served(run, each) for each in published}
        rows = [(*row, None) for row in judge_day(judging, day, published, beside)]
        rows += [_held_row(run, each, failed[each.surface]) for each in decisions if each.status == HELD]
        run.spark.catalog.clearCache()
    return rows


@contextmanager
def _erasures_named(run: Run) -> Iterator[None]:
    """An erasure takes scratch warehouses away: what fails for want of one says so."""
    try:
        yield
    except Exception:
        run.require_no_erasure()
        raise


def _make_lists(run: Run, scratch: Warehouse, day: date) -> tuple[list[Publication], dict[str, str]]:
    """The steps of a night: what it decided about each surface, and by surface the names of the critical checks that failed."""
    for job, step in STEPS.items():
        run.require_no_erasure()
        log.info("%s, as %s of %s", job, run.arguments.job, day)
        of_step = _step_run(run, scratch, job, day)
        try:
            step(of_step)
        except HeldError:
            if step is not publish_all:  # it would cost more than the budget
                raise
        finally:
            if of_step.manifest.cost:
                made = run.manifest.cost.get(day.isoformat(), {})
                run.manifest.cost = {**run.manifest.cost, day.isoformat(): {**made, job: of_step.manifest.cost}}
            # As at night, where each job has a session of its own.
            run.spark.catalog.clearCache()
    failed: dict[str, str] = {}
    decisions = of_step.manifest.publications
    for each in decisions:
        if each.status == HELD:
            table = candidates_table(each.surface).name
            checks = [
                check for check in of_step.manifest.checks if check.table == table and check.severity == "critical"
            ]
            failed[each.surface] = ", ".join(check.rule for check in checks if not check.success or check.raised)
            log.warning("%s would have been held for %s, so its lists are not judged: %s", each.surface, day, each.why)
    return decisions, failed


def _step_run(run: Run, scratch: Warehouse, job: str, day: date) -> Run:
    """The run of one step. Its manifest goes nowhere, but for the cost: that of the real day is another's."""
    arguments = replace(run.arguments, job=job, run_date=day, attempt=None)
    manifest = new_manifest(arguments)
    manifest.inputs.update({table.name: run.inputs[table.name] for table in _EXTRACTED if table.name in run.inputs})
    return Run(arguments, run.spark, scratch, manifest)


def _served(run: Run, tried: Publication) -> dict[str, DataFrame]:
    """The lists of the same surface and day that readers were served; empty where there are none that can be read."""
    surface, day = tried.surface, tried.run_date
    served = publication_of(run, surface, day)
    if served is None:
        log.warning("%s: nothing was published for %s, so the tried lists are judged without it", surface, day)
        return {}
    table = candidates_table(surface)
    wrong = findings(run.warehouse.path(table), served, served.table_version)
    if wrong:
        log.warning("%s: what was served for %s cannot be read any more, the tried lists are judged without it: %s",
                    surface, day, "; ".join(wrong))  # fmt: skip
        return {}
    if served.digest == tried.digest:
        log.info("%s: the tried lists of %s are those that were served", surface, day)
    return {SERVED: lists_of(run, served, SERVED)}


def _held_row(run: Run, held: Publication, checks: str) -> tuple[object, ...]:
    """A row that says so, in place of a judgement."""
    k = run.settings.surfaces[held.surface].k
    said = Judgement(BLEND, "all", HELD, k, 1.0, None, None, held.subjects, 0)
    return (held.surface, held.run_date, (run.run_date - held.run_date).days, *astuple(said), checks)
