"""Lists of several sources against several kinds of truth, with intervals: the rows of evaluations.

Subjects stay in Spark: each of its tasks adds up what its subjects are worth and sends sums. Everything after the sums is
arithmetic on a small array.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, SEGMENT, SUBJECT_ID
from shortlist.metrics.definitions import (
    BLEND,
    LISTS_OF_ACTIVE,
    MIN_SUBJECTS,
    NOVELTY,
    RANKING_METRICS,
    ROWS_USED,
)
from shortlist.metrics.exposure import score_exposure
from shortlist.metrics.intervals import percentiles, resampled_totals
from shortlist.metrics.judged_subjects import POPULARITY, JudgedSubjects, gather, read_subjects
from shortlist.metrics.subject_values import (
    Listed,
    Wanted,
    checked_cutoffs,
    cut_to,
    free_slots,
    novelty_values,
    ranking_values,
    use_values,
    without,
)
from shortlist.transforms.truth import ENGAGED_BEFORE

Totals = NDArray[np.float64]
TOTALS: Final = "totals"
_ALL: Final = "all"
# What all subjects wanted, as a part of the truth: by it no list is ranked.
_USED: Final = "used"


@dataclass(frozen=True)
class Question:
    """What is to be judged.

    Attributes:
        sources: names to look for in lists.
        segments: names to look for in truth; a segment without rows has no result.
        ks: list lengths.
        seed: seed of the bootstrap.
        resamples: bootstrap draws.
        without_repeats: segments by which lists are judged without what their subject engaged with before (in the truth, segment
            `engaged_before`): where lists may hold that again, it takes nearly all slots of a good list, and nothing could be
            said of the rest.
        k: longest published list.
        kept: slots of it that settings keep for what is no repeat.
        cut: sources that have, in these segments, only as many items as the published list has slots for such: `free_slots`.
    """

    sources: tuple[str, ...]
    segments: tuple[str, ...]
    ks: tuple[int, ...]
    seed: int
    resamples: int
    without_repeats: tuple[str, ...] = ()
    k: int = 0
    kept: int = 0
    cut: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """One row of evaluations, without the names of the surface and the day; fields are called as the table's columns.

    Attributes:
        source: a source, or blend.
        segment: part of the truth; `all` for what is said of all lists.
        metric: see `definitions.py`.
        k: list length.
        value: the mean over subjects, or one figure over all lists.
        ci_low: of its 95 % interval; None where there is none.
        ci_high: likewise.
        subjects: over which the mean runs; where something is said of all lists, subjects with a list.
        without_list: those of them that had no list and count as 0.
        blend_minus_source: how much better the published list is for the same subjects; None for itself, where the two have
            other subjects, and where no published list has a slot for what is judged: nothing is compared there.
        blend_minus_source_low: of its 95 % interval; None where there is none.
        blend_minus_source_high: likewise.
    """

    source: str
    segment: str
    metric: str
    k: int
    value: float
    ci_low: float | None
    ci_high: float | None
    subjects: int
    without_list: int
    blend_minus_source: float | None = None
    blend_minus_source_low: float | None = None
    blend_minus_source_high: float | None = None


def add_up(
    lists: DataFrame, truth: DataFrame, wanted: DataFrame, popularity: DataFrame, question: Question
) -> DataFrame:
    """Sums over subjects of everything that is asked, in parts: what `judge` reads.

    A part has (1 + resamples) numbers for each source, segment, metric and list length, whatever the number of subjects.

    Args:
        lists: source, subject_id, rank, item_id.
        truth: segment, subject_id, item_id of the subjects by whom lists are ranked; where segments are judged without repeats,
            also what these subjects engaged with before.
        wanted: subject_id, item_id: what was relevant for any subject, by which is counted what was used of all lists.
        popularity: item_id, popularity: by how many people each item was engaged with when the lists were made. It is sent
            to every task; novelty and stratified recall read it.
        question: what to judge.

    Raises:
        ValueError: When the list lengths are not valid.
    """
    # Where lists are judged without repeats the others move up, from however far down.
    longest = max(checked_cutoffs(question.ks))
    cut = lists if question.without_repeats else lists.where(F.col(RANK) <= longest)
    relevant = truth.unionByName(wanted.select(SUBJECT_ID, ITEM_ID, F.lit(_USED).alias(SEGMENT)))
    subjects = gather(
        _with_popularity(cut, popularity),
        _with_popularity(relevant, popularity),
        question.sources,
        _parts(question),
    )
    return subjects.mapInArrow(_adding_up(question), f"{TOTALS} binary")


def _parts(question: Question) -> tuple[str, ...]:
    """Parts of the truth by position: the segments, what all subjects wanted, and what they had engaged with before."""
    return (*question.segments, _USED, *((ENGAGED_BEFORE,) if question.without_repeats else ()))


def _with_popularity(rows: DataFrame, popularity: DataFrame) -> DataFrame:
    """Rows with the popularity of their item, 0 where nobody has engaged with it."""
    known = rows.join(F.broadcast(popularity), ITEM_ID, how="left")
    return known.withColumn(POPULARITY, F.coalesce(POPULARITY, F.lit(0)))


def judge(
    parts: Iterable[bytes], exposure: Iterable[tuple[int, bool, int, int]], people: int, question: Question
) -> list[Judgement]:
    """Every source against every segment of the truth, and what is said of all its lists.

    Args:
        parts: of the totals that `add_up` makes.
        exposure: rows of `exposure.count_exposure`.
        people: how many people there were in all.
        question: what to judge.

    Returns:
        Rows; a figure that is not defined, such as the coverage of an empty catalogue, has none.

    Raises:
        ValueError: When there are no people.
    """
    if people < 1:
        raise ValueError(
            f"people {people}: novelty is relative to a population of at least 1; next: pass how many were counted"
        )
    names = _columns(question)
    shape = (1 + question.resamples, len(names))
    totals = sum((np.frombuffer(part).reshape(shape) for part in parts), start=np.zeros(shape))
    judged = {name: totals[:, position] for position, name in enumerate(names)}
    lists = {source: int(judged["listed", source][0]) for source in question.sources}
    return [
        *_ranking_rows(judged, question),
        *_use_rows(judged, question),
        *_novelty_rows(judged, question, float(np.log2(people))),
        *(
            Judgement(source, _ALL, metric, k, value, None, None, lists[source], 0)
            for (source, k), values in score_exposure(exposure, question.sources, question.ks, lists).items()
            for metric, value in values.items()
            if value is not None
        ),
    ]


def _columns(question: Question) -> list[tuple[Any, ...]]:
    """What each column of the totals adds up; the order of `_values`."""
    names: list[tuple[Any, ...]] = []
    for source in question.sources:
        names += [("listed", source), ("active", source)]
        names += [(name, source, k) for name in ("rows", "used") for k in question.ks]
        names += [(source, NOVELTY, k) for k in question.ks]
    for segment in question.segments:
        names += [("wanted", segment), ("comparable", segment)]
        for source in question.sources:
            names.append(("missed", source, segment))
            names += [(source, segment, metric, k) for metric in RANKING_METRICS for k in question.ks]
    return names


def _values(judged: JudgedSubjects, question: Question) -> NDArray[np.float64]:
    """(subjects, columns): a subject's part of each total, 0 where it has none."""
    n = len(judged.ids)
    columns: list[NDArray[np.float64]] = []
    lists = [judged.lists_of(position) for position in range(len(question.sources))]
    used = judged.wanted_in(len(question.segments))
    for own, popularity in lists:
        listed = _marked(own.subject, n)
        columns += [listed, listed * _marked(used.subject, n)]
        columns += [use_values(own, used, n, question.ks).reshape(n, -1)]
        columns += [novelty_values(own, popularity, n, question.ks)]
    for segment in range(len(question.segments)):
        wanted = judged.wanted_in(segment)
        asked = _marked(wanted.subject, n)
        looked_at, comparable = [own for own, _ in lists], asked
        if question.segments[segment] in question.without_repeats:
            repeats = judged.wanted_in(_parts(question).index(ENGAGED_BEFORE))
            free = free_slots(looked_at[question.sources.index(BLEND)], repeats, n, question.k, question.kept)
            looked_at, comparable = _without_repeats(looked_at, repeats, free, question), asked * (free > 0)
        columns += [asked, comparable]
        for (own, _), looked in zip(lists, looked_at, strict=True):
            _, values = ranking_values(looked, wanted, n, question.ks)
            columns += [asked * (1 - _marked(own.subject, n)), values.reshape(n, -1)]
    return np.nan_to_num(np.column_stack(columns), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _without_repeats(
    lists: Sequence[Listed], repeats: Wanted, free: NDArray[np.int64], question: Question
) -> list[Listed]:
    """The lists of all sources without repeats, some of them no longer than the published one has free slots."""
    left = [without(own, repeats) for own in lists]
    return [
        cut_to(own, free) if source in question.cut else own for source, own in zip(question.sources, left, strict=True)
    ]


def _marked(subject: NDArray[np.int64], subjects: int) -> NDArray[np.float64]:
    return (np.bincount(subject, minlength=subjects) > 0).astype(np.float64)


def _adding_up(question: Question) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def add_up(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        totals = np.zeros((1 + question.resamples, len(_columns(question))))
        for judged in read_subjects(batches):
            totals += resampled_totals(judged.ids, _values(judged, question), question.seed, question.resamples)
        yield pa.RecordBatch.from_pydict({TOTALS: pa.array([totals.tobytes()], pa.binary())})

    return add_up


def _ranking_rows(judged: dict[tuple[Any, ...], Totals], question: Question) -> Iterator[Judgement]:
    for segment in question.segments:
        asked = judged["wanted", segment]
        if not asked[0]:
            continue
        for source in question.sources:
            for metric in RANKING_METRICS:
                for k in question.ks:
                    own = judged[source, segment, metric, k]
                    lead: tuple[float | None, ...] = (None, None, None)
                    is_compared = source not in question.cut or judged["comparable", segment][0] > 0
                    if source != BLEND and BLEND in question.sources and is_compared:
                        lead = _mean(judged[BLEND, segment, metric, k] - own, asked)
                    missed = int(judged["missed", source, segment][0])
                    yield Judgement(source, segment, metric, k, *_mean(own, asked), int(asked[0]), missed, *lead)


def _use_rows(judged: dict[tuple[Any, ...], Totals], question: Question) -> Iterator[Judgement]:
    """What became of all lists, also of those whose subject wanted nothing afterwards; nothing where no subject did."""
    for source in question.sources:
        listed, active = judged["listed", source], judged["active", source]
        for k in question.ks if active[0] else ():
            shares = {
                ROWS_USED: (judged["used", source, k], judged["rows", source, k]),
                LISTS_OF_ACTIVE: (active, listed),
            }
            for metric, (part, whole) in shares.items():
                mean = _mean(part, whole, listed[0])
                yield Judgement(source, _ALL, metric, k, *mean, int(listed[0]), 0)


def _novelty_rows(judged: dict[tuple[Any, ...], Totals], question: Question, bits: float) -> Iterator[Judgement]:
    for source in question.sources:
        listed = judged["listed", source]
        for k in question.ks if listed[0] else ():
            # The population's part of novelty is the same for every list.
            own = judged[source, NOVELTY, k] + bits * listed
            yield Judgement(source, _ALL, NOVELTY, k, *_mean(own, listed), int(listed[0]), 0)


def _mean(totals: Totals, counts: Totals, subjects: float | None = None) -> tuple[float, float | None, float | None]:
    """A mean and its interval, which a handful of subjects does not have.

    Args:
        totals: what is divided; its value, and then those of all resamples.
        counts: by what, likewise.
        subjects: how many there are, where counts are of something else.
    """
    mean = float(totals[0] / counts[0])
    if (counts[0] if subjects is None else subjects) < MIN_SUBJECTS:
        return mean, None, None
    return mean, *percentiles(totals[1:], counts[1:])
