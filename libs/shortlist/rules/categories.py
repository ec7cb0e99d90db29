"""Categories of items as numbers, and how long people take to buy again in each. No Spark."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.kernels.arrays import Floats, Indices
from shortlist.rules.groups import group_numbers

_SEPARATOR: Final = "\x1f"
_SECONDS_A_DAY: Final = 86_400


def category_numbers(paths: pa.Array, level: int | None) -> Indices:
    """Categories numbered from 0 in the order in which they are met: (items,) int32, -1 where an item has none.

    Args:
        paths: lists of texts, the catalog's path of each item, widest first; NULL where it has none.
        level: how many levels of a path name a category; None: all.
    """
    return group_numbers(pc.binary_join(pc.list_slice(paths.cast(pa.list_(pa.string())), 0, level), _SEPARATOR))


def repeat_intervals(
    categories: Indices, seconds: NDArray[np.int64], repeats: NDArray[np.int64], min_repeats: int
) -> Floats:
    """Days between two purchases of one item by one user, the mean over the items of each category.

    Only repeated purchases are seen, so a category that is seldom bought again looks quicker than it is; with fewer than
    `min_repeats` of them nothing is said.

    Args:
        categories: (items,) int32, -1 for none; items without category are one category.
        seconds: (items,) from the first purchase of an item to the last, added up over users.
        repeats: (items,) purchases but the first, added up over users.
        min_repeats: fewest of them in a category.

    Returns:
        (items,) float32 days, infinite for a category with too few repeats.
    """
    groups = np.where(categories < 0, categories.max(initial=-1) + 1, categories)
    size = int(groups.max(initial=-1)) + 1
    counted = np.bincount(groups, repeats, size)
    days = np.full(size, np.inf)
    known = counted >= max(min_repeats, 1)
    days[known] = np.bincount(groups, seconds, size)[known] / counted[known] / _SECONDS_A_DAY
    return days[groups].astype(np.float32)
