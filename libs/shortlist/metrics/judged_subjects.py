"""Subjects with their lists and what they wanted, side by side: gathered by Spark, read as arrays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, SEGMENT, SOURCE, SUBJECT_ID
from shortlist.metrics.subject_values import Integers, Listed, Wanted

POPULARITY = "popularity"
# A row of a list has its source's position from 0, a relevant item its segment's position from -1 downwards.
_PART = "part"
# So many rows are read at once: enough for arithmetic on arrays, and nothing beside a task's memory.
_ROWS = 200_000


@dataclass(frozen=True)
class JudgedSubjects:
    """Some subjects.

    Attributes:
        ids: (subjects,) who.
        lists: rows of the lists of all sources.
        source: (rows of lists,) int64, positions of sources.
        popularity: (rows of lists,) int64, how many people engaged with the item; as `wanted` has it for its own rows.
        wanted: relevant items of all segments.
        segment: (rows of wanted,) int64, positions of segments.
    """

    ids: NDArray[np.object_]
    lists: Listed
    source: Integers
    popularity: Integers
    wanted: Wanted
    segment: Integers

    def lists_of(self, source: int) -> tuple[Listed, Integers]:
        """One source's lists, and the popularity of their items."""
        own = self.source == source
        return Listed(self.lists.subject[own], self.lists.rank[own], self.lists.item[own]), self.popularity[own]

    def wanted_in(self, segment: int) -> Wanted:
        """What is wanted in one segment."""
        own = self.segment == segment
        return Wanted(self.wanted.subject[own], self.wanted.item[own], self.wanted.popularity[own])


def gather(lists: DataFrame, truth: DataFrame, sources: Sequence[str], segments: Sequence[str]) -> DataFrame:
    """The rows of lists and of the truth, those of a subject one after the other in one partition; one shuffle.

    Args:
        lists: source, subject_id, rank, item_id, popularity.
        truth: segment, subject_id, item_id, popularity.
        sources: whose lists count; arrays name them by their position here.
        segments: likewise the parts of the truth.
    """
    source = F.array_position(F.array(*map(F.lit, sources)), F.col(SOURCE)).cast("int") - 1
    segment = -F.array_position(F.array(*map(F.lit, segments)), F.col(SEGMENT)).cast("int")
    rank, popularity = F.col(RANK).cast("int").alias(RANK), F.col(POPULARITY).cast("bigint").alias(POPULARITY)
    listed = lists.where(F.col(SOURCE).isin(*sources))
    wanted = truth.where(F.col(SEGMENT).isin(*segments))
    rows = listed.select(SUBJECT_ID, source.alias(_PART), rank, ITEM_ID, popularity).unionAll(
        wanted.select(SUBJECT_ID, segment.alias(_PART), F.lit(0), ITEM_ID, popularity)
    )
    return rows.repartition(F.col(SUBJECT_ID)).sortWithinPartitions(SUBJECT_ID)


def read_subjects(batches: Iterable[pa.RecordBatch], rows: int = _ROWS) -> Iterator[JudgedSubjects]:
    """The arrays of a partition of `gather`, some whole subjects at a time.

    Args:
        batches: the partition.
        rows: how many are read before the subjects that are complete are handed on; nothing else depends on it.
    """
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(each) for each in waiting) >= rows:
            table = pa.Table.from_batches(waiting).combine_chunks()
            ids = table[SUBJECT_ID]
            # The last subject may go on in the next batch.
            whole = pc.index(ids, ids[-1]).as_py()
            if whole:
                yield _arrays(table.slice(0, whole))
            waiting = table.slice(whole).to_batches()
    if waiting:
        yield _arrays(pa.Table.from_batches(waiting).combine_chunks())


def _arrays(table: pa.Table) -> JudgedSubjects:
    subjects = table[SUBJECT_ID].combine_chunks().dictionary_encode()
    items = _integers(table[ITEM_ID].combine_chunks().dictionary_encode().indices)
    subject, part = _integers(subjects.indices), _integers(table[_PART])
    rank, popularity = _integers(table[RANK]), _integers(table[POPULARITY])
    listed, wanted = part >= 0, part < 0
    return JudgedSubjects(
        ids=subjects.dictionary.to_numpy(zero_copy_only=False),
        lists=Listed(subject[listed], rank[listed], items[listed]),
        source=part[listed],
        popularity=popularity[listed],
        wanted=Wanted(subject[wanted], items[wanted], popularity[wanted]),
        segment=-1 - part[wanted],
    )


def _integers(values: pa.Array | pa.ChunkedArray) -> Integers:
    whole: Integers = values.to_numpy().astype(np.int64)
    return whole
