"""Everything a report tells of one run date, gathered from tables, manifests and settings."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, ParamSpec, TypeVar

import polars as pl
from pydantic import BaseModel

from shortlist.columns import EVENT_DATE, INGEST_DATE, RAW, REASONS, RUN_DATE, STATUS
from shortlist.config import Settings
from shortlist.contracts import candidates_name
from shortlist.pipeline import CANDIDATES, JOBS, nightly_jobs
from shortlist.records.manifest import Manifest
from shortlist.reports.evaluation import Evaluation, read_evaluation
from shortlist.reports.surfaces import SurfaceFacts, read_surface
from shortlist.store.manifests import read_manifests
from shortlist.store.pinned_tables import Lake, UnreadableTableError

VOLUME_DAYS: Final = 60
"""Days of engagement drawn, the run date last."""

Value = TypeVar("Value")
Given = ParamSpec("Given")


@dataclass(frozen=True)
class TableFacts:
    """One table on one day.

    Attributes:
        name: The table.
        job: Who writes it.
        rows: Rows that belong to the day; None when the table does not exist or cannot be read.
        what: What was counted, or why nothing was.
    """

    name: str
    job: str
    rows: int | None
    what: str


@dataclass(frozen=True)
class DayVolume:
    """Events of one day, as known when the run date ended, and lines of its delivery that could not be used."""

    day: date
    events: int
    quarantined: int


@dataclass(frozen=True)
class QuarantineReason:
    """Lines of the run date's delivery that were refused for one reason, and one of them."""

    reason: str
    lines: int
    example: str


@dataclass(frozen=True)
class ChangedSetting:
    """A setting that differs from the default; `default` is None where the setting has none."""

    field: str
    value: str
    default: str | None


@dataclass(frozen=True)
class RunFacts:
    """One run date.

    Attributes:
        run_date: The day.
        surfaces: As settings name them.
        evaluation: Verdicts on earlier candidates.
        tables: Along the flow.
        volume: Events per day, oldest first; empty when there is no table of engagements.
        quarantine: Reasons, most lines first.
        catalog_items: Active items of the newest catalog that is not after the day, None when there is no catalog.
        jobs: What the jobs say of themselves.
        changed_settings: What is not default.
        problems: What could not be read, in sentences.
        warehouse: Root of the tables.
        horizons: Days after which candidates are judged.
    """

    run_date: date
    surfaces: tuple[SurfaceFacts, ...]
    evaluation: Evaluation
    tables: tuple[TableFacts, ...]
    volume: tuple[DayVolume, ...]
    quarantine: tuple[QuarantineReason, ...]
    catalog_items: int | None
    jobs: tuple[Manifest, ...]
    changed_settings: tuple[ChangedSetting, ...]
    problems: tuple[str, ...]
    warehouse: str
    horizons: tuple[int, ...]

    @property
    def missing_jobs(self) -> tuple[str, ...]:
        """Jobs of the nightly run that left no manifest for the day."""
        return tuple(job for job in nightly_jobs() if job not in {record.job for record in self.jobs})


def gather(settings: Settings, run_date: date) -> RunFacts:
    """Gather everything about a run date; what is missing or broken is noted, and raises no error.

    Args:
        settings: Settings in force.
        run_date: The day.
    """
    lake = Lake(settings.paths.warehouse)
    records, problems = read_manifests(settings.paths.manifests, run_date)
    histories = _read_or_note_problem(problems, {}, lake.histories, run_date)
    surfaces = [
        _read_or_note_problem(
            problems, _unreadable(settings, name), read_surface, lake, settings, run_date, name, histories.get(name)
        )
        for name in settings.surfaces
    ]
    published = [day.run_date for history in histories.values() for day in history.current]
    unjudged = Evaluation((), "No evaluation: the table of evaluations cannot be read.")
    horizons = settings.evaluation.horizons
    return RunFacts(
        run_date=run_date,
        surfaces=tuple(surfaces),
        evaluation=_read_or_note_problem(problems, unjudged, read_evaluation, lake, run_date, horizons, published),
        tables=tuple(_tables(lake, run_date, surfaces, problems)),
        volume=_read_or_note_problem(problems, (), read_volume, lake, run_date),
        quarantine=_read_or_note_problem(problems, (), read_quarantine, lake, run_date),
        catalog_items=_read_or_note_problem(problems, None, _catalog_items, lake, run_date),
        # A report made again must not differ by what the first one said of itself.
        jobs=tuple(record for record in records if record.job != "write_report"),
        changed_settings=tuple(changed_settings(settings)),
        problems=tuple(dict.fromkeys(problems)),
        warehouse=settings.paths.warehouse,
        horizons=horizons,
    )


def changed_settings(settings: BaseModel, prefix: str = "") -> list[ChangedSetting]:
    """Every setting that is not its default, by its full name; paths are left out, for they say where, not what."""
    changed: list[ChangedSetting] = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        full = f"{prefix}{name}"
        if full == "paths":
            continue
        if isinstance(value, BaseModel):
            changed += changed_settings(value, f"{full}.")
        elif isinstance(value, dict) and value and all(isinstance(entry, BaseModel) for entry in value.values()):
            if field.is_required() or value != field.get_default(call_default_factory=True):
                for key, entry in value.items():
                    changed += changed_settings(entry, f"{full}.{key}.")
        elif field.is_required():
            changed.append(ChangedSetting(full, _written(value), None))
        elif value != (default := field.get_default(call_default_factory=True)):
            changed.append(ChangedSetting(full, _written(value), _written(default)))
    return changed


def read_volume(lake: Lake, run_date: date) -> tuple[DayVolume, ...]:
    """Events of each of the last `VOLUME_DAYS` days that had been delivered when the run date ended."""
    events = lake.scan("engagements")
    if events is None:
        return ()
    first = run_date - timedelta(days=VOLUME_DAYS - 1)
    known = events.filter(pl.col(EVENT_DATE).is_between(first, run_date) & (pl.col(INGEST_DATE) <= run_date))
    counted = dict(lake.collect("engagements", known.group_by(EVENT_DATE).len()).rows())
    refused = _by_ingest_date(lake, first, run_date)
    days = [first + timedelta(days=n) for n in range(VOLUME_DAYS)]
    return tuple(DayVolume(day, int(counted.get(day, 0)), int(refused.get(day, 0))) for day in days)


def read_quarantine(lake: Lake, run_date: date) -> tuple[QuarantineReason, ...]:
    """Why lines of the run date's delivery cannot be used; a line with two reasons counts under both."""
    lines = lake.scan("quarantine")
    if lines is None:
        return ()
    by_reason = (
        lines.filter(pl.col(INGEST_DATE) == run_date)
        .select(pl.col(REASONS).alias("reason"), RAW)
        .explode("reason")
        .group_by("reason")
        .agg(pl.len().alias("lines"), pl.col(RAW).min().alias("example"))
        .sort(["lines", "reason"], descending=[True, False])
    )
    return tuple(
        QuarantineReason(row["reason"] or "no reason given", row["lines"], row["example"] or "")
        for row in lake.collect("quarantine", by_reason).to_dicts()
    )


def _tables(lake: Lake, run_date: date, surfaces: Sequence[SurfaceFacts], problems: list[str]) -> Iterator[TableFacts]:
    for job in nightly_jobs():
        for name in JOBS[job].writes:
            if name == CANDIDATES:
                for surface in surfaces:
                    rows = surface.lists.rows if surface.lists else None
                    yield TableFacts(surface.table, job, rows, "published" if rows else surface.missing)
            else:
                broken = TableFacts(name, job, None, "cannot be read")
                yield _read_or_note_problem(problems, broken, _table, lake, run_date, name, job)


def _table(lake: Lake, run_date: date, name: str, job: str) -> TableFacts:
    rows = lake.scan(name)
    if rows is None:
        return TableFacts(name, job, None, "no such table yet")
    if name in ("engagements", "quarantine"):
        chosen, what = rows.filter(pl.col(INGEST_DATE) == run_date), "delivered"
    elif name in ("catalog", "promotions", "audience_members"):
        newest = lake.snapshot(name, run_date)
        if newest is None:
            return TableFacts(name, job, 0, "no snapshot up to this day")
        chosen, what = newest[1], f"as of {newest[0].isoformat()}"
    else:
        chosen, what = rows.filter(pl.col(RUN_DATE) == run_date), ""
    return TableFacts(name, job, int(lake.collect(name, chosen.select(pl.len())).item()), what)


def _catalog_items(lake: Lake, run_date: date) -> int | None:
    catalog = lake.snapshot("catalog", run_date)
    if catalog is None:
        return None
    active = catalog[1].select((pl.col(STATUS) == "active").sum())
    return int(lake.collect("catalog", active).item()) or None


def _by_ingest_date(lake: Lake, first: date, last: date) -> dict[date, int]:
    lines = lake.scan("quarantine")
    if lines is None:
        return {}
    refused = lines.filter(pl.col(INGEST_DATE).is_between(first, last)).group_by(INGEST_DATE).len()
    return dict(lake.collect("quarantine", refused).rows())


def _read_or_note_problem(
    problems: list[str], otherwise: Value, read: Callable[Given, Value], *args: Given.args, **kwargs: Given.kwargs
) -> Value:
    """What `read` finds, or `otherwise` and one more sentence among the problems that the page prints."""
    try:
        return read(*args, **kwargs)
    except UnreadableTableError as error:
        problems.append(str(error))
        return otherwise


def _unreadable(settings: Settings, name: str) -> SurfaceFacts:
    why = f"its tables cannot be read, see {candidates_name(name)} below"
    return SurfaceFacts(name, settings.surfaces[name], None, None, None, None, None, None, (), why, why)


def _written(value: object) -> str:
    """A setting as one would write it in the settings file."""
    return json.dumps(value, default=list, sort_keys=True)
