"""How each public set is cut into what is learned from and what is looked for; frames in, frames out.

`history` and `train` are [user_id, item_id], each pair once. A board and a playlist are users here: whoever a list is made for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, POSITION, SUBJECT_ID, USER_ID
from shortlist.models.arrays.matrix import sorted_ids

NEGATIVES: Final = "negatives"
SEEN: Final = "seen"
PAIR: Final = (USER_ID, ITEM_ID)


@dataclass(frozen=True)
class Split:
    """One cut.

    Attributes:
        train: user_id, item_id, each pair once: all that a model may know, and what is masked in full rankings.
        relevant: subject_id, item_id, each pair once, none of them in train: what is looked for.
    """

    train: DataFrame
    relevant: DataFrame


def split_off(history: DataFrame, withheld: DataFrame) -> Split:
    """Take pairs out of a history; withheld pairs of users or items that the history does not know are left out.

    Args:
        history: user_id, item_id; repeated pairs count once.
        withheld: user_id, item_id; those among the history's pairs are taken out.
    """
    pairs, taken = history.select(*PAIR).distinct(), withheld.select(*PAIR).distinct()
    relevant = pairs.join(taken, list(PAIR), how="left_semi")
    return Split(pairs.join(taken, list(PAIR), how="left_anti"), as_relevant(relevant))


def keep_new(train: DataFrame, test: DataFrame) -> Split:
    """A split that was published as two lists of pairs, without test pairs that are also in train, and each pair once."""
    pairs = train.select(*PAIR).distinct()
    return Split(pairs, as_relevant(test.select(*PAIR).distinct().join(pairs, list(PAIR), how="left_anti")))


def withhold_last(lists: DataFrame, one_in: int = 5, shortest: int = 10) -> Split:
    """The end of each list: the last floor(rows / one_in) rows by position, of lists with at least `shortest` rows.

    Rows are counted as they are given. An item that a list names again counts once: in train if any of its rows is kept.

    Args:
        lists: user_id (the list), item_id, position; no position twice in a list.
        one_in: 5 for the last 20 %.
        shortest: shorter lists are learned from whole.
    """
    of_list = Window.partitionBy(USER_ID)
    indices = lists.select(
        *PAIR,
        F.row_number().over(of_list.orderBy(F.desc(POSITION))).alias("from_end"),
        F.count("*").over(of_list).alias("length"),
    )
    long_enough = F.col("length") >= shortest
    ends = long_enough & (F.col("from_end") <= F.floor(F.col("length") / one_in))
    return keep_new(indices.where(~ends), indices.where(ends))


def withhold_share(train: DataFrame, share: float, seed: int, exactly: int | None = None) -> Split:
    """A part of each user's pairs, by the order of a seeded hash: for choosing settings without the test part.

    Args:
        train: user_id, item_id, each pair once.
        share: floor(share x pairs) of each user are withheld.
        seed: of the hash.
        exactly: so many of each user instead; users with no more than that keep all.
    """
    of_user = Window.partitionBy(USER_ID)
    drawn = F.xxhash64(F.lit(seed), USER_ID, ITEM_ID)
    pairs = F.count("*").over(of_user)
    wanted = F.floor(pairs * share) if exactly is None else F.when(pairs > exactly, exactly).otherwise(0)
    placed = train.select(
        *PAIR, F.row_number().over(of_user.orderBy(drawn, ITEM_ID)).alias("position"), wanted.alias("wanted")
    )
    withheld = F.col("position") <= F.col("wanted")
    return Split(placed.where(~withheld).select(*PAIR), as_relevant(placed.where(withheld)))


def keep_core(pairs: DataFrame, least: int) -> DataFrame:
    """The largest part in which every user and every item has at least `least` pairs (iterated until nothing goes).

    Args:
        pairs: user_id, item_id, each pair once.
        least: 10 for a 10-core.
    """
    kept = pairs.select(*PAIR).persist()
    rows = kept.count()
    while True:
        smaller = kept
        for side in PAIR:
            counted = smaller.withColumn("pairs", F.count("*").over(Window.partitionBy(side)))
            smaller = counted.where(F.col("pairs") >= least).select(*PAIR)
        smaller = smaller.persist()
        left = smaller.count()
        kept.unpersist()
        if left == rows:
            return smaller
        kept, rows = smaller, left


def draw_negatives(relevant: DataFrame, history: DataFrame, catalogue: DataFrame, count: int, seed: int) -> DataFrame:
    """For each withheld pair `count` items that its subject does not hold, drawn evenly and without repetition.

    A subject's draw depends on the seed, its id, the items it holds and the items there are, on nothing else.

    Args:
        relevant: subject_id, item_id; one row a subject.
        history: user_id, item_id: everything that subjects hold, the withheld pairs among it.
        catalogue: item_id, all that is held and what else may be drawn; repeated ids count once.
        count: negatives of each subject.
        seed: of the draw.

    Returns:
        subject_id, item_id, negatives (array<string>).

    Raises:
        ValueError: inside the Spark job, when a subject holds all but fewer than `count` items.
    """
    items = sorted_ids(catalogue.select(ITEM_ID).distinct().toArrow()[ITEM_ID])
    held = history.groupBy(F.col(USER_ID).alias(SUBJECT_ID)).agg(F.sort_array(F.collect_list(ITEM_ID)).alias("held"))
    tasks = relevant.join(held, SUBJECT_ID, how="inner").select(SUBJECT_ID, ITEM_ID, "held")
    shared = relevant.sparkSession.sparkContext.broadcast(items)
    schema = f"{SUBJECT_ID} string, {ITEM_ID} string, {NEGATIVES} array<string>"
    return tasks.mapInArrow(_draw_batches(shared, count, seed), schema)


def _draw_batches(
    shared: "Broadcast[pa.Array]", count: int, seed: int
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def draw(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        items = shared.value
        for batch in batches:
            if not batch.num_rows:
                continue
            held = batch["held"]
            indices = pc.index_in(held.flatten().cast(pa.string()), value_set=items).to_numpy()
            offsets = np.concatenate(([0], np.cumsum(pc.list_value_length(held).to_numpy())))
            drawn = [
                draw_indices(subject, indices[offsets[row] : offsets[row + 1]], len(items), count, seed)
                for row, subject in enumerate(batch[SUBJECT_ID].to_pylist())
            ]
            lists = pa.ListArray.from_arrays(
                pa.array(np.arange(batch.num_rows + 1, dtype=np.int32) * count),
                items.take(pa.array(np.concatenate(drawn))),
            )
            yield pa.RecordBatch.from_arrays(
                [batch[SUBJECT_ID], batch[ITEM_ID], lists], [SUBJECT_ID, ITEM_ID, NEGATIVES]
            )

    return draw


def draw_indices(subject: str, held: NDArray[np.int32], items: int, count: int, seed: int) -> NDArray[np.int64]:
    """`count` of the numbers below `items` that are not `held`, in the order of drawing.

    Raises:
        ValueError: when there are not so many.
    """
    left = items - len(held)
    if left < count:
        raise ValueError(
            f"{subject}: {left} of {items} items are not held, {count} negatives are asked for; next: ask for fewer"
        )
    random = np.random.default_rng([seed, *subject.encode()])
    # So many hold at least `count` that are not held; the first of them are as evenly drawn as all.
    drawn = random.choice(items, count + len(held), replace=False)
    return drawn[~np.isin(drawn, held)][:count]


def as_relevant(pairs: DataFrame) -> DataFrame:
    """Pairs of users as what subjects are looked for."""
    return pairs.select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID)
