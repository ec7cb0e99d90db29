"""Which items are found in the same baskets: related items by several measures, from one pass."""

from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from shortlist.columns import BASKET_ID, BASKET_KIND, ITEM_ID, MEASURE, RANK, RELATED_ITEM_ID, SCORE, SUPPORT
from shortlist.config import CooccurrenceConfig
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import cooccur, transposed
from shortlist.models.matrix import Matrix, collect_matrix, spread

# Result cells (measures x items x neighbours) that are held at once, 12 bytes each.
_CELLS: Final = 8_000_000


def fit(baskets: DataFrame, config: CooccurrenceConfig) -> DataFrame:
    """For each item its nearest neighbours.

    Args:
        baskets: basket_id, item_id of one kind of basket, each item once per basket.
        config: kind, measures, neighbours, smallest support.

    Returns:
        basket_kind, measure, item_id, rank (from 1; ties by item id), related_item_id, score, support.

    Raises:
        ModelError: no basket at all.
    """
    matrix = collect_matrix(baskets, BASKET_ID, ITEM_ID)
    if not matrix.values.nnz:
        raise ModelError.nothing_to_learn(f"baskets of kind {config.basket_kind}")
    return spread(baskets.sparkSession, _related(matrix, config))


def _related(matrix: Matrix, config: CooccurrenceConfig) -> pa.Table:
    items = len(matrix.columns)
    by_basket = Rows(matrix.values.indptr.astype(np.int64), matrix.values.indices.astype(np.int32))
    by_item = transposed(by_basket, items)
    width = max(1, _CELLS // (len(config.measures) * min(config.neighbours, items)))
    cuts = [*range(0, items, width), items]
    parts = []
    for first, last in pairwise(cuts):
        found = cooccur(
            by_basket,
            items,
            config.measures,
            min(config.neighbours, items),
            config.min_support,
            first_item=first,
            last_item=last,
            item_baskets=by_item,
        )
        listed = np.arange(found.items.shape[2]) < found.counts[:, :, None]
        measure, row, place = np.nonzero(listed)
        parts.append(
            pa.table(
                {
                    BASKET_KIND: pa.array([config.basket_kind]).take(pa.array(np.zeros(len(row), np.int32))),
                    MEASURE: pa.array(config.measures).take(pa.array(measure)),
                    ITEM_ID: matrix.columns.take(pa.array(row + first)),
                    RANK: pa.array((place + 1).astype(np.int32)),
                    RELATED_ITEM_ID: matrix.columns.take(pa.array(found.items[listed])),
                    SCORE: pa.array(found.scores[listed]),
                    SUPPORT: pa.array(found.supports[listed]),
                }
            )
        )
    return pa.concat_tables(parts)
