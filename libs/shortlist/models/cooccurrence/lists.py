"""From baskets at hand to rows of related items."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.columns import BASKET_KIND, ITEM_ID, MEASURE, RANK, RELATED_ITEM_ID, SCORE, SUPPORT
from shortlist.config import CooccurrenceConfig
from shortlist.kernels.cooccurrence import Totals, cooccur
from shortlist.models.cooccurrence.blocks import Baskets

RELATED: Final = (
    f"{BASKET_KIND} string, {MEASURE} string, {ITEM_ID} string, {RANK} int, {RELATED_ITEM_ID} string, "
    f"{SCORE} float, {SUPPORT} int"
)
# Result cells (measures x items x neighbours) that a task holds at once, 12 bytes each.
_CELLS: Final = 8_000_000


class Known(NamedTuple):
    """What is known of all items and baskets.

    Attributes:
        item_ids: sorted; an item's number is its index here.
        totals: of all baskets.
    """

    item_ids: pa.Array
    totals: Totals


def related_tables(
    baskets: Baskets, first_item: int, last_item: int, known: Known, config: CooccurrenceConfig
) -> Iterator[pa.Table]:
    """The lists of a range of items, as columns of RELATED; at least one table, a few at a time in memory.

    Args:
        baskets: at least those that hold one of the items, in order.
        first_item: number of the first item.
        last_item: end of the range.
        known: of all baskets.
        config: measures and sizes of lists.
    """
    item_count = len(known.item_ids)
    k = min(config.neighbours, item_count)
    width = max(1, _CELLS // (len(config.measures) * k))
    for first in range(first_item, last_item, width):
        found = cooccur(
            baskets.rows,
            item_count,
            config.measures,
            k,
            config.min_support,
            alpha=config.alpha,
            beta=config.beta,
            smoothing=config.smoothing,
            least_lift=config.least_lift,
            basket_weights=baskets.weights,
            distance_weights=distance_weights(config, baskets) if config.directed else None,
            first_item=first,
            last_item=min(first + width, last_item),
            totals=known.totals,
        )
        listed = np.arange(k) < found.counts[:, :, None]
        measure, row, position = np.nonzero(listed)
        yield pa.table(
            {
                BASKET_KIND: pa.array([config.basket_kind]).take(pa.array(np.zeros(len(row), np.int32))),
                MEASURE: pa.array(config.measures).take(pa.array(measure)),
                ITEM_ID: known.item_ids.take(pa.array(row + first)),
                RANK: pa.array((position + 1).astype(np.int32)),
                RELATED_ITEM_ID: known.item_ids.take(pa.array(found.items[listed])),
                SCORE: pa.array(found.scores[listed]),
                SUPPORT: pa.array(found.supports[listed]),
            }
        )


def distance_weights(config: CooccurrenceConfig, baskets: Baskets) -> NDArray[np.float64]:
    """What the next item of a basket counts, the second next, and so on, as far as the longest of these goes."""
    distances = np.arange(1, max(2, int(np.diff(baskets.rows.indptr).max(initial=0))), dtype=np.float64)
    if config.distance_weight == "reciprocal":
        return 1.0 / distances
    weights_by_distance: NDArray[np.float64] = config.distance_decay ** (distances - 1)
    return weights_by_distance
