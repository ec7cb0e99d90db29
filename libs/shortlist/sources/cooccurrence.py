"""Baskets: what lies beside a user's items, or beside an item."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BECAUSE_ITEM_ID,
    HIDDEN,
    ITEM_ID,
    MEASURE,
    RELATED_ITEM_ID,
    SCORE,
    SUBJECT_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import SourcesConfig
from shortlist.models.arrays.shared_arrays import share_arrays
from shortlist.models.ranking.neighbours import collect_neighbours, score_from_neighbours
from shortlist.sources.inputs import Inputs
from shortlist.transforms.ranking import top_ranked


def cooccurrence(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """Neighbours of a user's heaviest items, added up; on item surfaces the neighbours themselves.

    Items without enough shared baskets have no neighbours and are absent; other sources serve them.
    """
    chosen = config.cooccurrence
    items = inputs.scope.items.select(F.col(ITEM_ID).alias(RELATED_ITEM_ID))
    related = inputs.related_items.where(F.col(MEASURE) == chosen.measure).join(items, RELATED_ITEM_ID, how="left_semi")
    if inputs.surface.subject == "item":
        beside = related.select(
            F.col(ITEM_ID).alias(SUBJECT_ID),
            F.col(RELATED_ITEM_ID).alias(ITEM_ID),
            SCORE,
            F.col(ITEM_ID).alias(BECAUSE_ITEM_ID),
        )
        return top_ranked(beside.join(inputs.scope.subjects, SUBJECT_ID, how="left_semi"), inputs.surface.depth)
    # What somebody took and then hid must not speak for what lies beside it.
    liked = (F.col(WEIGHT) > 0) & ~F.col(HIDDEN)
    taken = inputs.interactions.where(liked).select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID, WEIGHT)
    neighbours = share_arrays(related.sparkSession, inputs.folder, collect_neighbours(related))
    depth = inputs.surface.depth
    return score_from_neighbours(taken, neighbours, inputs.scope.subjects, depth, chosen.scoring, chosen.seeds)
