"""One surface on one day: what was decided, what its lists are made of, and some lists beside what people had done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl
from polars import selectors

from shortlist.columns import (
    BECAUSE_ITEM_ID,
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    INGEST_DATE,
    ITEM_ID,
    RANK,
    REASON,
    RELATION,
    SCORE,
    SOURCE,
    SUBJECT_ID,
    SURFACE,
    TITLE,
    USER_ID,
)
from shortlist.config import Settings, SurfaceConfig
from shortlist.config.sources import BECAUSE
from shortlist.contracts import candidates_name
from shortlist.records.publications import Publication, SurfaceHistory
from shortlist.reports.audiences import AudienceFacts, read_audience
from shortlist.reports.blends import BlendFacts, read_blend
from shortlist.reports.lists import (
    Change,
    ListFacts,
    ReasonFacts,
    compare_lists,
    describe_lists,
    describe_reasons,
    draw_subjects,
)
from shortlist.store.pinned_tables import Lake, UnreadableTableError
from shortlist.subjects import SUBJECTS, SubjectType

UNCHECKED_CANDIDATES = "unchecked_candidates"

SAMPLES = 4
"""Subjects shown per surface."""

TITLE_IN_REASONS = 80
"""Letters of a title that a reason quotes."""

SAMPLE_HISTORY = 8
"""Items of a user's newest engagement that are shown."""

SAMPLE_CANDIDATES = 6
"""Candidates of a list that are shown."""


@dataclass(frozen=True)
class Named:
    """An item and what it is called; the id again where the catalog does not know it."""

    item_id: str
    title: str


@dataclass(frozen=True)
class Engaged:
    """Something that a user did with an item."""

    day: date
    event_type: str
    item: Named


@dataclass(frozen=True)
class Candidate:
    """One rank of a list."""

    rank: int
    item: Named
    source: str
    reason: str | None
    relation: str | None = None


@dataclass(frozen=True)
class Sample:
    """A subject with its newest engagement (users only), newest first, and the head of its list."""

    subject: Named
    history: tuple[Engaged, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class SurfaceFacts:
    """One surface on one day.

    Attributes:
        name: As in settings.
        config: Its settings.
        decision: The last thing decided for the day, None when nothing was.
        served: What readers get when the day is over: the newest published day up to this one, None when there is none.
        before: The newest publication of an earlier day, None when there is none.
        lists: What the day's published lists are made of; None with the reason in `missing`.
        change: Against `before`; None with the reason in `unchanged`.
        top_item: The item that most lists hold; None without lists.
        samples: Some lists.
        missing: Why `lists` is None.
        incomparable: Why `change` is None.
        blend: How its sources are blended, where that was learned.
        reasons: What the reasons name; None for subjects that are their own history.
        audience: Whom it addresses; None where it is made for everybody.
    """

    name: str
    config: SurfaceConfig
    decision: Publication | None
    served: Publication | None
    before: Publication | None
    lists: ListFacts | None
    change: Change | None
    top_item: Named | None
    samples: tuple[Sample, ...]
    missing: str
    incomparable: str
    blend: BlendFacts | None = None
    reasons: ReasonFacts | None = None
    audience: AudienceFacts | None = None

    @property
    def table(self) -> str:
        """Name of the surface's table."""
        return candidates_name(self.name)

    @property
    def addressed(self) -> str:
        """Whom one of its lists is for."""
        lapsing = "lapsing " if self.config.lapsing else ""
        return f"{lapsing}{self.config.subject}{' in an audience' if self.config.promotions else ''}"

    @property
    def published(self) -> bool:
        """Whether the last decision for the day was to publish it."""
        return self.decision is not None and self.decision.status == "published"


def read_surface(
    lake: Lake, settings: Settings, run_date: date, name: str, history: SurfaceHistory | None
) -> SurfaceFacts:
    """Everything about one surface and day.

    Args:
        lake: The warehouse.
        settings: Settings in force.
        run_date: The day.
        name: The surface.
        history: What was decided about it up to the day; None where nothing ever was.
    """
    config, history = settings.surfaces[name], history or SurfaceHistory()
    decision, served, before = history.newest_decision(run_date), history.latest, history.before(run_date)
    published = served if served is not None and served.run_date == run_date else None
    rows, missing = _rows(lake, name, published)
    lists = describe_lists(rows, config.k) if rows is not None else None
    if rows is not None and lists is None:
        missing = f"the published version {published.table_version if published else ''} has no rows for this day"
    change, incomparable = None, missing
    if rows is not None and lists is not None:
        then, incomparable = _rows(lake, name, before) if before else (None, "no earlier day has been published")
        if then is not None and before is not None:
            change = compare_lists(rows, then, before.run_date)
            incomparable = "" if change else f"no subject has a list both now and on {before.run_date.isoformat()}"
    samples: tuple[Sample, ...] = ()
    top_item = None
    if rows is not None and lists is not None:
        samples = _samples(lake, settings, run_date, config, rows)
        top_item = Named(
            lists.top_item, read_titles(lake, run_date, [lists.top_item]).get(lists.top_item) or lists.top_item
        )
    return SurfaceFacts(
        name,
        config,
        decision,
        served,
        before,
        lists,
        change,
        top_item,
        samples,
        missing,
        incomparable,
        read_blend(lake, run_date, name, config),
        read_reasons(lake, settings, run_date, name) if SUBJECTS[config.subject].history == "interactions" else None,
        read_audience(lake, settings, run_date, name),
    )


def read_reasons(lake: Lake, settings: Settings, run_date: date, name: str) -> ReasonFacts | None:
    """What the reasons of a surface's lists of a day name, as the lists were made; None where none were made.

    A sentence without `{because}` names nothing, whatever item is behind it.
    """
    made = lake.of_day(UNCHECKED_CANDIDATES, run_date)
    if made is None:
        return None
    naming = pl.col(SOURCE).is_in([source for source, config in settings.sources if BECAUSE in config.reason])
    because = pl.when(naming).then(BECAUSE_ITEM_ID).alias(BECAUSE_ITEM_ID)
    named = made.filter(pl.col(SURFACE) == name).group_by(because).len("rows")
    return describe_reasons(lake.collect(UNCHECKED_CANDIDATES, named))


def read_titles(lake: Lake, run_date: date, items: Sequence[str]) -> dict[str, str]:
    """Titles by item, from the newest catalog that is not after the day; items without one are absent."""
    catalog = lake.snapshot("catalog", run_date) if items else None
    if catalog is None:
        return {}
    wanted = catalog[1].filter(pl.col(ITEM_ID).is_in(list(items)))
    titled = lake.collect("catalog", wanted.select(ITEM_ID, TITLE)).drop_nulls()
    return dict(titled.rows())


def _rows(lake: Lake, name: str, decision: Publication | None) -> tuple[pl.DataFrame | None, str]:
    """The published rows of a decision's day at its version, or None and why."""
    if decision is None:
        return None, "nothing was published for this day"
    table = candidates_name(name)
    try:
        rows = lake.of_day(table, decision.run_date, decision.table_version)
        if rows is None:
            return (
                None,
                f"table {table} does not exist, although publications names its version {decision.table_version}",
            )
        gained = selectors.by_name(RELATION, require_all=False)  # a table of earlier days has no such column
        columns = rows.select(SUBJECT_ID, RANK, ITEM_ID, SCORE, SOURCE, REASON, gained)
        return lake.collect(table, columns, decision.table_version), ""
    except UnreadableTableError as error:
        return None, str(error)


def _samples(
    lake: Lake, settings: Settings, run_date: date, config: SurfaceConfig, rows: pl.DataFrame
) -> tuple[Sample, ...]:
    subjects = draw_subjects(rows[SUBJECT_ID].unique().to_list(), run_date, SAMPLES)
    heads = rows.filter(pl.col(SUBJECT_ID).is_in(subjects) & (pl.col(RANK) <= SAMPLE_CANDIDATES)).sort(SUBJECT_ID, RANK)
    kind = SUBJECTS[config.subject]
    histories = (
        read_histories(lake, settings, run_date, subjects, SAMPLE_HISTORY) if kind.history == "interactions" else {}
    )
    items = {*heads[ITEM_ID].to_list(), *(event[ITEM_ID] for events in histories.values() for event in events)}
    if kind.in_catalog:
        items.update(subjects)
    titles = read_titles(lake, run_date, sorted(items))

    def named(item: str) -> Named:
        return Named(item, titles.get(item) or item)

    return tuple(
        Sample(
            subject=named(subject) if kind.in_catalog else Named(subject, subject),
            history=tuple(
                Engaged(event[EVENT_DATE], event[EVENT_TYPE], named(event[ITEM_ID]))
                for event in histories.get(subject, [])
            ),
            candidates=tuple(
                Candidate(
                    row[RANK],
                    named(row[ITEM_ID]),
                    row[SOURCE],
                    _reason(kind, named(subject), row[REASON]),
                    row.get(RELATION),
                )
                for row in heads.filter(pl.col(SUBJECT_ID) == subject).to_dicts()
            ),
        )
        for subject in subjects
    )


def _reason(kind: SubjectType, subject: Named, reason: str) -> str | None:
    """Why a candidate is in a list, but for what goes without saying: that it goes with the item that the list is for."""
    known = subject.title != subject.item_id
    named = subject.title[:TITLE_IN_REASONS] if known else f"item {subject.item_id}"
    return None if kind.history == "itself" and named in reason else reason


def read_histories(
    lake: Lake, settings: Settings, run_date: date, users: Sequence[str], items: int
) -> Mapping[str, list[dict[str, Any]]]:
    """The newest engagement of each user by item, as the day knew it: what the models count, newest first.

    Args:
        lake: The warehouse.
        settings: Settings in force: look-back and the event types that count.
        run_date: The day.
        users: Whose.
        items: At most so many items of each.
    """
    events = lake.scan("engagements")
    if events is None:
        return {}
    oldest = run_date - timedelta(days=settings.interactions.lookback_days - 1)
    counted = (
        pl.col(EVENT_DATE).is_between(oldest, run_date)
        & (pl.col(INGEST_DATE) <= run_date)
        & pl.col(USER_ID).is_in(list(users))
        & pl.col(ITEM_ID).is_not_null()
        & pl.col(EVENT_TYPE).is_in(list(settings.interactions.weights))
    )
    columns = [USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, EVENT_DATE]
    newest = lake.collect("engagements", events.filter(counted).select(columns)).sort(
        [USER_ID, EVENT_TS, ITEM_ID, EVENT_TYPE], descending=[False, True, False, False]
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in newest.unique([USER_ID, ITEM_ID], keep="first", maintain_order=True).to_dicts():
        if len(kept := found.setdefault(row[USER_ID], [])) < items:
            kept.append(row)
    return found
