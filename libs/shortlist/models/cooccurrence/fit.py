"""Which items are found in the same baskets: related items by several measures, from one pass, wherever it runs."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BASKET_ID, ITEM_ID, WEIGHT
from shortlist.config import CooccurrenceConfig
from shortlist.errors import ModelError
from shortlist.kernels.cooccurrence import totals_of
from shortlist.models.arrays.blocks import count_blocks, cut_by
from shortlist.models.arrays.matrix import sorted_ids, spread
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.cooccurrence.blocks import basket_rows, item_bins, packed, work_of
from shortlist.models.cooccurrence.lists import Known, related_tables
from shortlist.models.cooccurrence.placement import Sizes, choose_placement, log
from shortlist.models.cooccurrence.spark import mapped, shuffled, survey

_BLOCKS_PER_THREAD: Final = 4


@contextmanager
def fit(baskets: DataFrame, config: CooccurrenceConfig) -> Iterator[DataFrame]:
    """For each item its nearest neighbours; `with fit(...) as related`, because tasks make the rows when they are read.

    Every placement gives the same rows, bit for bit, whatever the partitions.

    Args:
        baskets: basket_id, item_id of one kind of basket, each item once per basket; where they are known, weight (> 0,
            the same in all rows of a basket; rounded to whole 2^-20); with `directed`, position (ties by item_id).
        config: kind, measures, neighbours, smallest support, direction, placement.

    Yields:
        basket_kind, measure, item_id, rank (from 1; ties by item_id), related_item_id, score, support.

    Raises:
        ModelError: no basket at all, rows that break what a basket is, or no placement that fits.
    """
    weight = F.col(WEIGHT) if WEIGHT in baskets.columns else F.lit(1.0)
    usable = (weight > 0) & ~F.isnan(weight) & (weight < float("inf"))
    counted = baskets.agg(
        F.count("*"),
        F.approx_count_distinct(BASKET_ID),
        F.approx_count_distinct(ITEM_ID),
        F.count_if(~F.coalesce(usable, F.lit(False))),
        F.count_if(weight != 1),
    ).first()
    assert counted is not None
    sizes = Sizes(*counted[:3])
    if not sizes.rows:
        raise ModelError.nothing_to_learn(f"baskets of kind {config.basket_kind}")
    _require_sound(config, unusable=counted[3])
    blocks = count_blocks(sizes.rows, config.block_rows)
    rows = basket_rows(baskets, blocks, directed=config.directed, weighted=counted[4] > 0)
    with ExitStack() as stack:
        folder = None
        if config.placement != "local":
            folder = stack.enter_context(scratch_folder(baskets.sparkSession, config.scratch))
        placement, refused = choose_placement(sizes, config, folder is not None)
        if placement == "local":
            yield _local(rows, config)
            return
        where = folder if placement == "mapped" else None
        surveyed = survey(rows, sizes, config, where, stack)
        repeated, inconsistent_weight_rows = (
            sum(surveyed.survey[name].to_pylist()) for name in ("repeated", "inconsistent_weight_rows")
        )
        _require_sound(config, repeated=repeated, inconsistent_weight_rows=inconsistent_weight_rows)
        if where is not None:
            yield mapped(surveyed, config, where, baskets.sparkSession)
        else:
            yield shuffled(surveyed, sizes, config, refused)


def _local(rows: DataFrame, config: CooccurrenceConfig) -> DataFrame:
    """Everything in this process, on all of its cores."""
    began = time.perf_counter()
    table = rows.toArrow()
    item_ids = sorted_ids(table[ITEM_ID])
    baskets = packed(table, item_ids)
    _require_sound(config, repeated=baskets.repeated, inconsistent_weight_rows=baskets.inconsistent_weight_rows)
    known = Known(item_ids, totals_of(baskets.rows, len(item_ids), baskets.weights))
    threads = os.cpu_count() or 1
    bins = item_bins(known.totals.sizes)
    cuts = cut_by(work_of(baskets.rows, bins), bins, _BLOCKS_PER_THREAD * threads)
    # The kernel lets go of the interpreter's lock.
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(
            lambda ends: list(related_tables(baskets, int(ends[0]), int(ends[1]), known, config)), pairwise(cuts)
        )
        found = pa.concat_tables([table for part in parts for table in part])
    log.info(
        "placement local: %d neighbours of %d items, %.2f s", len(found), len(item_ids), time.perf_counter() - began
    )
    return spread(rows.sparkSession, found)


def _require_sound(
    config: CooccurrenceConfig, *, unusable: int = 0, repeated: int = 0, inconsistent_weight_rows: int = 0
) -> None:
    """Refuse rows that break what a basket is.

    Raises:
        ModelError: with all that was found.
    """
    found = {
        "have a weight that is NaN, infinite, missing or not above 0": unusable,
        "repeat an item of a basket": repeated,
        "have another weight than their basket": inconsistent_weight_rows,
    }
    wrong = {what: count for what, count in found.items() if count}
    if wrong:
        raise ModelError.unusable_baskets(config.basket_kind, wrong)
