"""Candidates for a session that belongs to nobody: its items, in their order, are all that is known of it."""

from typing import Literal

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, POSITION, SEEN, SESSION_ID, SUBJECT_ID, USER_ID, WEIGHT
from shortlist.config import AlsConfig
from shortlist.models.als.folding import fold_in_top_items
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.models.ranking.neighbours import Neighbours, score_from_neighbours
from shortlist.models.ranking.scoring import ItemIndices


def session_seeds(steps: DataFrame, half_life: float) -> DataFrame:
    """What a session says it wants: its newest item most, one of `half_life` items before it half as much.

    Args:
        steps: session_id, item_id, position (ascending in time; of equal positions the smaller item_id is the newer).
        half_life: items after which a vote has halved, > 0.

    Returns:
        subject_id (the session's), item_id, weight (0.5 ^ (items that came later / half_life)); an item counts once, where it
        stood last.
    """
    last = steps.groupBy(F.col(SESSION_ID).alias(SUBJECT_ID), ITEM_ID).agg(F.max(POSITION).alias(POSITION))
    later = F.row_number().over(Window.partitionBy(SUBJECT_ID).orderBy(F.desc(POSITION), ITEM_ID)) - 1
    return last.select(SUBJECT_ID, ITEM_ID, F.pow(F.lit(0.5), later / F.lit(half_life)).cast("float").alias(WEIGHT))


def session_items_from_neighbours(
    steps: DataFrame,
    neighbours: SharedArrays[Neighbours],
    k: int,
    scoring: Literal["sum", "multi-hit"],
    most_seeds: int,
    half_life: float,
) -> DataFrame:
    """For each session the k best neighbours of its items that are not in it.

    Args:
        steps: as `session_seeds` takes them.
        neighbours: what lies beside each item or, where they are directed, after it.
        k: longest list.
        scoring: `sum` or `multi-hit`.
        most_seeds: the newest so many items vote.
        half_life: items after which a vote has halved.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id), because_item_id. Sessions without neighbours are absent.
    """
    seeds = session_seeds(steps, half_life)
    return score_from_neighbours(seeds, neighbours, _subjects(steps), k, scoring, most_seeds)


def session_items_by_fold_in(
    steps: DataFrame,
    items: SharedItems,
    k: int,
    config: AlsConfig,
    half_life: float,
    eligible: ItemIndices | None = None,
) -> DataFrame:
    """For each session the k best items that are not in it, as if it were a user who took what it holds.

    Args:
        steps: as `session_seeds` takes them.
        items: all items that have a vector.
        k: longest list.
        config: as the model was fitted with.
        half_life: items after which an observation counts half.
        eligible: places of the items that may be recommended; None: all.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Sessions of unknown items alone are absent.
    """
    taken = session_seeds(steps, half_life).withColumnRenamed(SUBJECT_ID, USER_ID)
    return fold_in_top_items(taken, items, _subjects(steps), k, config, eligible)


def _subjects(steps: DataFrame) -> DataFrame:
    return steps.groupBy(F.col(SESSION_ID).alias(SUBJECT_ID)).agg(F.collect_set(ITEM_ID).alias(SEEN))
