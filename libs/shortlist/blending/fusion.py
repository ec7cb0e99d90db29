"""Several sources into one list: reciprocal rank fusion, then a fallback that only fills up.

Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, RANK, SCORE, SOURCE, SOURCES, SUBJECT_ID
from shortlist.models.arrays.matrix import indexed

# Sums are made of whole numbers: a sum of doubles depends on the order in which rows arrive.
_UNIT = 10**12
_ASKED = [SUBJECT_ID, SOURCE, RANK, ITEM_ID, BECAUSE_ITEM_ID]
_FUSED = (
    f"{SUBJECT_ID} string, {RANK} int, {ITEM_ID} string, {SCORE} double, {SOURCE} string, "
    f"{SOURCES} array<string>, {BECAUSE_ITEM_ID} string"
)


@dataclass(frozen=True)
class Fusion:
    """How lists are fused.

    Attributes:
        sources: names of the sources to fuse, the first wins ties for `source`.
        fallback: name of the source that fills short lists, below everything fused; None for none.
        k: longest list.
        constant: the k of 1 / (k + rank).
    """

    sources: Sequence[str]
    fallback: str | None
    k: int
    constant: int

    @property
    def names(self) -> list[str]:
        """Sources in the order of their places; the fallback comes last."""
        return [*self.sources, *([self.fallback] if self.fallback else [])]


def fuse(candidates: DataFrame, fusion: Fusion) -> DataFrame:
    """One list per subject out of its sources' lists.

    Args:
        candidates: subject_id, source, rank, item_id, because_item_id; a source names an item once per subject.
        fusion: what is fused, and how.

    Returns:
        subject_id, rank, item_id, score (sum of 1 / (constant + rank) over the fused sources; minus its rank for an item
        that only the fallback proposed), source (where the item ranks best), sources (all that proposed it, by name),
        because_item_id (of the best-ranked source that knows one).
    """
    wanted = candidates.where(F.col(SOURCE).isin(*fusion.names)).select(*_ASKED)
    # One shuffle and one sort. As an aggregate Spark would sort by subject and item twice, for every string it keeps.
    by_subject = wanted.repartition(SUBJECT_ID).sortWithinPartitions(SUBJECT_ID)
    return by_subject.mapInArrow(_fuse_batches(fusion), _FUSED)


def _fuse_batches(fusion: Fusion) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for whole in whole_subjects(batches):
            yield from fuse_rows(whole, fusion).to_batches()

    return run


def whole_subjects(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Rows in the order of their subjects, cut between subjects: the last one of a batch waits for the next batch."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        subjects = batch[SUBJECT_ID]
        first_of_last = pc.index(subjects, subjects[-1]).as_py()
        if first_of_last or (waiting and waiting[-1][SUBJECT_ID][-1] != subjects[0]):
            yield pa.Table.from_batches([*waiting, batch.slice(0, first_of_last)])
            waiting = []
        waiting.append(batch.slice(first_of_last))
    if waiting:
        yield pa.Table.from_batches(waiting)


def fuse_rows(rows: pa.Table, fusion: Fusion) -> pa.Table:
    """`fuse` for whole subjects in this process."""
    rows = rows.combine_chunks()
    (_, subjects), (_, items) = indexed(rows[SUBJECT_ID]), indexed(rows[ITEM_ID])
    place = pc.index_in(rows[SOURCE], value_set=pa.array(fusion.names, rows[SOURCE].type)).to_numpy()
    ranks = rows[RANK].to_numpy().astype(np.int64)
    filling = place >= len(fusion.sources)

    # An item of a subject is a run of rows, the one that speaks for it most comes first.
    order = np.lexsort((place, ranks, filling, items, subjects))
    changes = (np.diff(subjects[order]) != 0) | (np.diff(items[order]) != 0)
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    best = order[starts]
    divisor = ranks + fusion.constant
    parts = np.where(filling, 0, (2 * _UNIT + divisor) // (2 * divisor))
    points = np.add.reduceat(parts[order], starts)
    spoken = np.bitwise_or.reduceat(np.left_shift(1, place.astype(np.int64))[order], starts)
    because = _first_known(rows[BECAUSE_ITEM_ID].is_valid().to_numpy()[order], starts)

    scores = np.where(points > 0, points / _UNIT, -ranks[best].astype(np.float64))
    listed = np.lexsort((items[best], -scores, subjects[best]))
    position = _positions(subjects[best][listed])
    kept = listed[position < fusion.k]
    taken = pa.array(best[kept])
    because_rows = pa.array(order[np.minimum(because[kept], len(order) - 1)], mask=because[kept] == len(order))
    return pa.table(
        {
            SUBJECT_ID: rows[SUBJECT_ID].take(taken),
            RANK: pa.array((position[position < fusion.k] + 1).astype(np.int32)),
            ITEM_ID: rows[ITEM_ID].take(taken),
            SCORE: pa.array(scores[kept]),
            SOURCE: rows[SOURCE].take(taken),
            SOURCES: _named(spoken[kept], fusion.names),
            BECAUSE_ITEM_ID: rows[BECAUSE_ITEM_ID].take(because_rows),
        }
    )


def _first_known(known: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the first known value of each run; the length of all where a run has none."""
    places: NDArray[np.int64] = np.where(known, np.arange(len(known)), len(known))
    return np.asarray(np.minimum.reduceat(places, starts))


def _positions(runs: NDArray[np.int32]) -> NDArray[np.int64]:
    """Position of each entry in its run of equal values, from 0."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(runs)) + 1))
    first = np.repeat(starts, np.diff(np.append(starts, len(runs))))
    return np.asarray(np.arange(len(runs)) - first, np.int64)


def _named(masks: NDArray[np.int64], names: Sequence[str]) -> pa.Array:
    """Bit masks over names as sorted lists of names."""
    distinct, index = np.unique(masks, return_inverse=True)
    lists = [sorted(compress(names, [mask >> place & 1 for place in range(len(names))])) for mask in distinct.tolist()]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(index))
