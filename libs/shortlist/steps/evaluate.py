"""Earlier published candidates against what users did afterwards: metrics with intervals, per source and for the blend."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from functools import reduce
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from shortlist.columns import (
    CANDIDATES_DATE,
    HORIZON_DAYS,
    ITEM_ID,
    RANK,
    RUN_DATE,
    SEGMENT,
    SOURCE,
    STATUS,
    SUBJECT_ID,
    SURFACE,
    USER_ID,
)
from shortlist.config import EventType
from shortlist.generation.lists import sources_of
from shortlist.metrics.definitions import BLEND, cutoffs_of
from shortlist.metrics.evaluation import TOTALS, Judgement, Question, add_up, judge
from shortlist.metrics.exposure import count_exposure
from shortlist.metrics.judged_subjects import POPULARITY
from shortlist.records.publications import Publication
from shortlist.subjects import SUBJECTS
from shortlist.tables import CATALOG, EVALUATIONS, SOURCE_CANDIDATES
from shortlist.transforms.proposals import proposals
from shortlist.transforms.truth import ALL, BEFORE, NEW, TRUTHS, Around, engaged_pairs
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.publishing import publication_of, published_candidates
from shortlist.warehouse.run import Run, log

_LISTED: Final = (SOURCE, SUBJECT_ID, RANK, ITEM_ID)


@dataclass(frozen=True)
class Known:
    """What the run knows of one day of candidates, the same for every surface.

    Attributes:
        truths: by the event types that make an item relevant: engagement around the day, its pairs persisted.
        popularity: item_id, popularity: by how many people each item was engaged with up to the day.
        people: how many people there were up to the day.
        catalogue: item_id of what could have been shown.
    """

    truths: Mapping[tuple[EventType, ...], Around]
    popularity: DataFrame
    people: int
    catalogue: DataFrame


def evaluate(run: Run) -> None:
    """Replace the evaluations of the run date: every surface that was published a horizon ago."""
    rows = [row for horizon in run.settings.evaluation.horizons for row in _judge_day(run, horizon)]
    if rows:
        columns = [SURFACE, CANDIDATES_DATE, HORIZON_DAYS, *(field.name for field in fields(Judgement))]
        frame = run.spark.createDataFrame(rows, StructType([EVALUATIONS.schema[column] for column in columns]))
        run.replace(frame.coalesce(1), EVALUATIONS)


def _judge_day(run: Run, horizon: int) -> Iterator[tuple[object, ...]]:
    """Rows of the candidates of `horizon` days ago, of all surfaces that were published then."""
    day = run.run_date - timedelta(days=horizon)
    published = {name: publication_of(run, name, day) for name in run.settings.surfaces}
    for name, publication in published.items():
        if publication is None:
            log.info("%s: nothing was published for %s, so there is nothing to judge", name, day)
    yield from judge_day(run, day, [publication for publication in published.values() if publication is not None])


def judge_day(
    run: Run,
    day: date,
    publications: Sequence[Publication],
    beside: Mapping[str, Mapping[str, DataFrame]] | None = None,
) -> Iterator[tuple[object, ...]]:
    """The judgement of some surfaces' lists of one day, by what was known when the run date ended.

    Args:
        run: whose warehouse has the lists and what each source proposed.
        day: of the lists, before the run date.
        publications: one of that day for each surface.
        beside: by surface, further lists by the name of their source: source, subject_id, rank, item_id. They are judged for
            the same subjects, as a source is.

    Returns:
        surface, candidates_date, horizon_days and the fields of a `Judgement`, in this order.
    """
    if not publications:
        return
    horizon = (run.run_date - day).days
    known = _known(run, day, horizon, {run.settings.truth_event_types(each.surface) for each in publications})
    for publication in publications:
        for judged in _judge(run, publication, known, (beside or {}).get(publication.surface, {})):
            yield (publication.surface, day, horizon, *astuple(judged))
    for around in known.truths.values():
        around.pairs.unpersist()


def _known(run: Run, day: date, horizon: int, asked: Collection[tuple[EventType, ...]]) -> Known:
    """What could have been shown is the active items of the catalogue, and without one every item with engagement."""
    settings, catalog = run.settings, run.snapshot(CATALOG)
    engagements = run.engagements(settings.interactions.lookback_days + horizon)
    types = settings.evaluation.relevant_event_types
    truths = {
        each: Around(
            engagements,
            engaged_pairs(engagements, day, each, settings.interactions.weights).persist(),
            day,
            each,
            settings.queries,
        )
        for each in {types, *asked}
    }
    before = truths[types].pairs.where(F.col(BEFORE))
    # Without anybody there are no lists either: each of their items is then as new as an item can be.
    people = max(1, before.select(USER_ID).distinct().count())
    popularity = before.groupBy(ITEM_ID).agg(F.count("*").alias(POPULARITY))
    shown = before if catalog is None else catalog.where(F.col(STATUS) == "active")
    return Known(truths, popularity, people, shown.select(ITEM_ID))


def lists_of(run: Run, publication: Publication, source: str) -> DataFrame:
    """The lists of a published day as those of a source: source, subject_id, rank, item_id."""
    return published_candidates(run, publication).withColumn(SOURCE, F.lit(source)).select(*_LISTED)


def _judge(run: Run, publication: Publication, known: Known, beside: Mapping[str, DataFrame]) -> Sequence[Judgement]:
    """One surface's published lists, those that each of its sources would have given, and further ones."""
    name, day = publication.surface, publication.run_date
    surface, config = run.settings.surfaces[name], run.settings.evaluation
    published = lists_of(run, publication, BLEND)
    named: dict[str, date | str] = {RUN_DATE: day, SURFACE: name}
    proposed = proposals(run.table(SOURCE_CANDIDATES, equals(**named))).select(*_LISTED)
    subject = SUBJECTS[surface.subject]
    question = Question(
        sources=(BLEND, *sources_of(surface), *beside),
        segments=subject.segments,
        ks=cutoffs_of(config.ks, surface.k),
        seed=config.seed,
        resamples=config.bootstrap_samples,
        without_repeats=() if surface.mask_seen or NEW not in subject.segments else (NEW,),
        k=surface.k,
        kept=surface.kept_slots.get("first_time", 0),
        cut=tuple(sources_of(surface)),
    )
    types = run.settings.truth_event_types(name)
    lists = reduce(DataFrame.unionByName, (published, proposed, *beside.values()))
    truth = TRUTHS[subject.truth](known.truths[types])
    wanted = truth.where(F.col(SEGMENT) == ALL).select(SUBJECT_ID, ITEM_ID)
    if not surface.addresses_everybody or surface.truth_event_types is not None:  # others were given no list on purpose
        truth = truth.join(published.select(SUBJECT_ID).distinct(), SUBJECT_ID, how="left_semi").select(*truth.columns)
    totals = add_up(lists, truth, wanted, known.popularity, question).collect()
    exposure = count_exposure(lists, known.catalogue, question.sources, question.ks).collect()
    return judge((part[TOTALS] for part in totals), exposure, known.people, question)
