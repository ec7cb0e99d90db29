"""Sets as arrays: what subjects had, in their order, and what is looked for; and how a training part is cut to choose by."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shortlist.kernels.arrays import Rows
from shortlist.kernels.starting import chances
from shortlist.sources.batch import CandidateSet, SubjectBatch

# Of the cut of the training part that settings are chosen on; measured splits use other seeds.
CHOICE_SEED: Final = 2024
# If more of what is looked for was had before, lists may repeat.
REPEATS: Final = 0.05

Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Sequences:
    """Events of n subjects, oldest first.

    Attributes:
        starts: (n + 1,) int64.
        items: int32, item indices.
        orders: float64, when each event was, in whatever unit; all 0 where nothing is known of it.
    """

    starts: Longs
    items: NDArray[np.int32]
    orders: NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many subjects."""
        return len(self.starts) - 1

    @property
    def owners(self) -> Longs:
        """The subject of each event."""
        return np.repeat(np.arange(self.size), np.diff(self.starts))

    @property
    def ordered(self) -> bool:
        """Whether anything is known of the order."""
        return bool(len(self.orders) and self.orders.max() > self.orders.min())

    def where(self, kept: NDArray[np.bool_]) -> "Sequences":
        """The same subjects with some of their events."""
        starts = np.concatenate(([0], np.cumsum(kept)))[self.starts]
        return Sequences(starts, self.items[kept], self.orders[kept])

    def of(self, subjects: Longs) -> "Sequences":
        """Some of the subjects, in the order that is asked for."""
        lengths = np.diff(self.starts)[subjects]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        positions = np.repeat(self.starts[subjects] - starts[:-1], lengths) + np.arange(starts[-1])
        return Sequences(starts, self.items[positions], self.orders[positions])

    def pairs(self) -> Rows:
        """What each subject had: distinct items, ascending."""
        width = int(self.items.max(initial=0)) + 1
        distinct = np.unique(self.owners * width + self.items)
        starts = np.searchsorted(distinct, np.arange(self.size + 1) * width)
        return Rows(starts, (distinct % width).astype(np.int32))


@dataclass(frozen=True)
class Task:
    """Lists to make and what they are judged by.

    Attributes:
        items: how many items there are.
        train: what sources learn from.
        subjects: the histories that lists are made from.
        own_rows: (n,) int32, where a subject is in `train`, -1 where it is not.
        relevant: (n) rows, ascending.
        masked: whether what a subject had may not be given.
        given: what is ranked; None: every item that `train` knows.
    """

    items: int
    train: Sequences
    subjects: Sequences
    own_rows: NDArray[np.int32]
    relevant: Rows
    masked: bool
    given: CandidateSet | None = None

    @property
    def eligible(self) -> NDArray[np.uint8]:
        """Items that somebody had."""
        return (np.bincount(self.train.items, minlength=self.items) > 0).astype(np.uint8)

    def wanted(self, first: int, count: int) -> Rows:
        """What is relevant for some consecutive subjects."""
        starts = self.relevant.indptr[first : first + count + 1]
        return Rows(starts - starts[0], self.relevant.indices[starts[0] : starts[-1]])

    def some(self, most: int, seed: int) -> "Task":
        """A seeded draw of subjects with something relevant."""
        judged = np.flatnonzero(np.diff(self.relevant.indptr) > 0)
        if len(judged) > most:
            judged = np.sort(judged[np.argsort(chances(judged, seed), kind="stable")[:most]])
        return self.of(judged)

    def of(self, chosen: Longs) -> "Task":
        """Some of the subjects."""
        wanted = Sequences(*self.relevant, np.zeros(len(self.relevant.indices))).of(chosen)
        given = None
        if self.given is not None:
            asked = Sequences(*self.given.rows, np.zeros(len(self.given.items))).of(chosen)
            given = CandidateSet(asked.starts, asked.items)
        relevant = Rows(wanted.starts, wanted.items)
        return Task(
            self.items, self.train, self.subjects.of(chosen), self.own_rows[chosen], relevant, self.masked, given
        )


Withhold = Callable[[Task], Task]


def sequences_of(subjects: Longs, items: Longs, orders: NDArray[np.float64] | None, count: int) -> Sequences:
    """Rows in whatever order as sequences; equal orders by item."""
    when = np.zeros(len(subjects)) if orders is None else orders
    order = np.lexsort((items, when, subjects))
    starts = np.searchsorted(subjects[order], np.arange(count + 1))
    return Sequences(starts, items[order].astype(np.int32), when[order].astype(np.float64))


def batch_of(task: Task, frequency_decay: float = 0.9) -> SubjectBatch:
    """The subjects as sources take them.

    History columns: weight 1; position by the newest event, 0 first; age_days in steps of the order (baskets, days, whatever it
    counts); frequency, sum over events of decay^(steps before the subject's newest one).
    """
    events = task.subjects
    owners = events.owners
    width = task.items
    pairs, index = np.unique(owners * width + events.items, return_inverse=True)
    mine, items = pairs // width, (pairs % width).astype(np.int32)
    starts = np.searchsorted(pairs, np.arange(events.size + 1) * width)
    last_event = np.zeros(len(pairs), np.int64)
    np.maximum.at(last_event, index, np.arange(len(owners)))
    newest = np.lexsort((-last_event, mine))
    positions = np.empty(len(pairs), np.float32)
    positions[newest] = np.arange(len(pairs)) - starts[mine[newest]]
    steps = _steps(events)
    latest = np.zeros(events.size)
    np.maximum.at(latest, owners, steps)
    age = latest[owners] - steps
    columns = {
        "weight": np.ones(len(pairs), np.float32),
        "position": positions,
        "age_days": (latest[mine] - steps[last_event]).astype(np.float32),
        "frequency": np.bincount(index, frequency_decay**age, len(pairs)).astype(np.float32),
    }
    if task.masked:
        return SubjectBatch(starts, items, columns, starts, items, task.own_rows)
    nobody = np.zeros(events.size + 1, np.int64)
    return SubjectBatch(starts, items, columns, nobody, np.empty(0, np.int32), task.own_rows)


def _steps(events: Sequences) -> NDArray[np.float64]:
    """The how-manieth different order of its subject an event has, from 0."""
    new = np.ones(len(events.items), bool)
    new[1:] = (events.orders[1:] != events.orders[:-1]) | (events.owners[1:] != events.owners[:-1])
    counted = np.cumsum(new)
    first = counted[np.minimum(events.starts[:-1], max(len(counted) - 1, 0))] if len(counted) else np.zeros(events.size)
    steps: NDArray[np.float64] = (counted - np.repeat(first, np.diff(events.starts))).astype(np.float64)
    return steps


# ---------------------------------------------------------------- cuts
def withhold_last(task: Task, share: float | None = None) -> Task:
    """The end of each sequence: its newest order (an event, or a basket), or a share of its events; some must be left."""
    events = task.train
    steps, owners = _steps(events), events.owners
    if share is None:
        latest = np.zeros(events.size)
        np.maximum.at(latest, owners, steps)
        taken = (steps == latest[owners]) & (latest[owners] > 0)
    else:
        lengths = np.diff(events.starts)
        positions = np.arange(len(owners)) - events.starts[owners]
        taken = positions >= lengths[owners] - np.floor(lengths[owners] * share)
    return _withheld(task, taken)


def withhold_drawn(task: Task, share: float | None = 0.2) -> Task:
    """A seeded part of each subject's pairs: a share, or (None) one of those with more."""
    owners = task.train.owners
    drawn = chances(owners * task.items + task.train.items, CHOICE_SEED)
    ranked = np.lexsort((drawn, owners))
    ranks = np.empty(len(owners), np.int64)
    ranks[ranked] = np.arange(len(owners)) - task.train.starts[owners[ranked]]
    lengths = np.diff(task.train.starts)
    wanted = np.minimum(lengths - 1, 1) if share is None else np.floor(lengths * share)
    return _withheld(task, ranks < wanted[owners])


def _withheld(task: Task, taken: NDArray[np.bool_]) -> Task:
    kept, wanted = task.train.where(~taken), task.train.where(taken).pairs()
    if task.masked:
        wanted = _without(wanted, kept.pairs(), task.items)
    return Task(task.items, kept, kept, np.arange(kept.size, dtype=np.int32), wanted, task.masked)


def _without(wanted: Rows, had: Rows, width: int) -> Rows:
    owners = np.repeat(np.arange(len(wanted.indptr) - 1), np.diff(wanted.indptr))
    before = np.repeat(np.arange(len(had.indptr) - 1), np.diff(had.indptr)) * width + had.indices
    new = ~np.isin(owners * width + wanted.indices, before)
    starts = np.concatenate(([0], np.cumsum(new)))[wanted.indptr]
    return Rows(starts, wanted.indices[new])


def cut_like(task: Task) -> Withhold:
    """The cut of the training part that resembles the test: by order where there is one, one item where the test has one."""
    wanted = np.diff(task.relevant.indptr)
    single = bool(np.median(wanted[wanted > 0]) <= 1)
    if not task.train.ordered:
        return lambda outer: withhold_drawn(outer, None if single else 0.2)
    whole_orders = not single and len(np.unique(_steps(task.train))) and _events_per_step(task.train) > 1.5
    return lambda outer: withhold_last(outer, None if single or whole_orders else 0.2)


def _events_per_step(events: Sequences) -> float:
    steps = len(np.unique(events.owners * (1 << 32) + _steps(events).astype(np.int64)))
    return len(events.items) / max(steps, 1)


# ---------------------------------------------------------------- files
def read_rows(path: Path) -> tuple[pa.Array, pa.Array, NDArray[np.float64] | None]:
    """user, item and, where there is a third column, its time or order; Parquet, or text with a header.

    Raises:
        ValueError: fewer than two columns, or a time that is no number.
    """
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        delimiter = "\t" if path.suffix in (".tsv", ".txt") else ","
        table = pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter))
    if table.num_columns < 2:
        raise ValueError(
            f"{path.name} has {table.num_columns} columns; next: give user, item and perhaps time or order"
        )
    user, item = (table.column(index).combine_chunks().cast(pa.string()) for index in (0, 1))
    if table.num_columns == 2:
        return user, item, None
    third = table.column(2).combine_chunks()
    if pa.types.is_timestamp(third.type):
        third = third.cast(pa.int64())
    if not (pa.types.is_integer(third.type) or pa.types.is_floating(third.type)):
        raise ValueError(
            f"{path.name}: column {table.column_names[2]} is {third.type}, a time or order is needed; next: give a number"
        )
    return user, item, third.to_numpy(zero_copy_only=False).astype(np.float64)


def task_of_files(train: Path, test: Path) -> Task:
    """Training and test rows of (user, item[, time or order]) as a task.

    Ids are numbered in their order. Lists may repeat what a subject had if the test does; otherwise test pairs that are also
    in training are left out. Users that training does not know have no history, and count.
    """
    train_user, train_item, train_when = read_rows(train)
    test_user, test_item, _ = read_rows(test)
    users = pc.unique(pa.concat_arrays([train_user, test_user])).sort()
    ids = pc.unique(pa.concat_arrays([train_item, test_item])).sort()

    def numbered(values: pa.Array, known: pa.Array) -> Longs:
        return np.asarray(pc.index_in(values, value_set=known).to_numpy(zero_copy_only=False), np.int64)

    events = sequences_of(numbered(train_user, users), numbered(train_item, ids), train_when, len(users))
    wanted = sequences_of(numbered(test_user, users), numbered(test_item, ids), None, len(users)).pairs()
    return task_of(events, wanted, len(ids))


def task_of(events: Sequences, wanted: Rows, items: int, *, may_repeat: bool | None = None) -> Task:
    """A task whose subjects are those of the training part."""
    new = _without(wanted, events.pairs(), items)
    repeated = 1 - len(new.indices) / max(len(wanted.indices), 1)
    masked = repeated < REPEATS if may_repeat is None else not may_repeat
    if masked:
        # A pair that comes again would say nothing new.
        pairs = events.pairs()
        if len(pairs.indices) < len(events.items) and not events.ordered:
            events = Sequences(*pairs, np.zeros(len(pairs.indices)))
    rows = np.arange(events.size, dtype=np.int32)
    return Task(items, events, events, rows, new if masked else wanted, masked)
