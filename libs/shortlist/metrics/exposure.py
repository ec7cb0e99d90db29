"""How the ranks of all lists are shared among the items: coverage, Gini coefficient, the items that most lists hold."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, SOURCE
from shortlist.metrics.definitions import CATALOGUE_COVERAGE, EXPOSURE_GINI, TOP_ITEM_LISTS, TOP_TEN_LISTS
from shortlist.metrics.subject_values import checked_cutoffs

# How many items of the catalogue, and how many others, have so many rows: by (in the catalogue, rows).
Histogram = Mapping[tuple[bool, int], int]
_TEN: Final = 10
_IN_CATALOGUE, _SHOWN = "in_catalogue", "shown"
_PART = f"position int, {_IN_CATALOGUE} boolean, {_SHOWN} bigint, items bigint"


def count_exposure(lists: DataFrame, catalogue: DataFrame, sources: Sequence[str], ks: Sequence[int]) -> DataFrame:
    """How often items are shown in the lists of each source by themselves, in one pass: what `score_exposure` reads.

    Args:
        lists: [source, subject_id, rank, item_id]: ranks from 1 without gaps, an item at most once in a list.
        catalogue: [item_id], the items that could have been shown; repeated ids count once.
        sources: Names to look for in lists.
        ks: Cut-offs; each looks at the first k ranks only.

    Returns:
        position (of source and k), in_catalogue, shown, items: histograms, in parts that add up.

    Raises:
        ValueError: When `ks` is empty, repeats a cut-off or holds one below 1.
    """
    cells = _cells(sources, ks)
    mentions = lists.where(F.col(SOURCE).isin(*sources) & (F.col(RANK) <= max(ks))).select(
        ITEM_ID, SOURCE, RANK, F.lit(False).alias(_IN_CATALOGUE)
    )
    nowhere = (F.lit(None).cast("string"), F.lit(None).cast("int"))
    counts = [F.count_if((F.col(SOURCE) == source) & (F.col(RANK) <= k)) for source, k in cells]
    by_item = (
        mentions.unionAll(catalogue.select(ITEM_ID, *nowhere, F.lit(True)))
        .groupBy(ITEM_ID)
        .agg(F.bool_or(_IN_CATALOGUE).alias(_IN_CATALOGUE), F.array(*counts).alias(_SHOWN))
    )
    return by_item.select(_IN_CATALOGUE, _SHOWN).mapInArrow(_counting(len(cells)), _PART)


def score_exposure(
    parts: Iterable[tuple[int, bool, int, int]], sources: Sequence[str], ks: Sequence[int], lists: Mapping[str, int]
) -> dict[tuple[str, int], dict[str, float | None]]:
    """The metrics of `exposure_values` by source and k.

    Args:
        parts: rows of `count_exposure`.
        sources: as there.
        ks: as there.
        lists: how many lists each source has.
    """
    cells = _cells(sources, ks)
    found: list[dict[tuple[bool, int], int]] = [{} for _ in cells]
    for position, in_catalogue, shown, items in parts:
        found[position][in_catalogue, shown] = found[position].get((in_catalogue, shown), 0) + items
    return {cell: exposure_values(histogram, lists[cell[0]]) for cell, histogram in zip(cells, found, strict=True)}


def _cells(sources: Sequence[str], ks: Sequence[int]) -> list[tuple[str, int]]:
    return [(source, k) for source in sources for k in checked_cutoffs(ks)]


def exposure_values(histogram: Histogram, lists: int) -> dict[str, float | None]:
    """Catalogue coverage, Gini coefficient of exposure, and how many of the lists hold the items that most of them hold.

    Items outside the catalogue fill ranks (they count for `top_item_lists` and `top_ten_lists`) but neither cover it nor enter
    the Gini coefficient. Without any row all are 0; an empty catalogue has no coverage and no coefficient (None). Where
    fewer than ten items are shown, `top_ten_lists` is the mean of these.

    Args:
        histogram: of the rows of all lists.
        lists: how many lists there are.
    """
    own = np.array(sorted((shown, items) for (listed, shown), items in histogram.items() if listed), float).reshape(
        -1, 2
    )
    shown, items = own[:, 0], own[:, 1]
    catalogue, rows = items.sum(), shown @ items
    coverage = float(items[shown > 0].sum() / catalogue) if catalogue else None
    gini = _gini(shown, items) if rows else 0.0 if catalogue else None
    top = _most_shown(histogram, _TEN)
    return {
        CATALOGUE_COVERAGE: coverage,
        EXPOSURE_GINI: gini,
        TOP_ITEM_LISTS: top[0] / lists if top else 0.0,
        TOP_TEN_LISTS: sum(top) / len(top) / lists if top else 0.0,
    }


def _most_shown(histogram: Histogram, count: int) -> list[int]:
    """Rows of the items that are shown most, the most first; fewer where fewer are shown."""
    found: list[int] = []
    for (_, shown), items in sorted(histogram.items(), key=lambda entry: -entry[0][1]):
        found += [shown] * min(items, count - len(found) if shown else 0)
    return found


def _gini(shown: NDArray[np.float64], items: NDArray[np.float64]) -> float:
    """sum_i (2 i - n - 1) x_i / (n sum x), x ascending, i from 1, where `items` neighbours have equal x."""
    before, n = np.cumsum(items) - items, items.sum()
    # Sum of (2 i - 1) x over positions before + 1 .. before + items.
    ordered = float((shown * items * (2 * before + items)).sum())
    rows = float(shown @ items)
    return float((ordered - n * rows) / (n * rows))


def _counting(cells: int) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            in_catalogue = batch[_IN_CATALOGUE].to_numpy(zero_copy_only=False)
            shown = batch[_SHOWN].flatten().to_numpy().reshape(-1, cells)
            for position in range(cells):
                for own in (True, False):
                    values, items = np.unique(shown[in_catalogue == own, position], return_counts=True)
                    yield pa.RecordBatch.from_pydict(
                        {
                            "position": pa.array(np.full(len(values), position), pa.int32()),
                            _IN_CATALOGUE: pa.array(np.full(len(values), own), pa.bool_()),
                            _SHOWN: pa.array(values, pa.int64()),
                            "items": pa.array(items, pa.int64()),
                        }
                    )

    return count
