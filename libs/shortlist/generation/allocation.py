"""Slots of all lists of a surface together: one campaign takes at most its share, and what comes next takes the freed ones."""

from collections.abc import Mapping
from typing import Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import CAMPAIGN, RANK, REMOVED, SCORE, SUBJECT_ID
from shortlist.config import SurfaceConfig
from shortlist.generation.batches import LISTED
from shortlist.rules import TABLE_RULES

_ENTRY, _OUT, _HAS_SLOT, _ORDER = "entry", "out", "has_slot", "order"
_RULE: Final = "campaign_share"


def allocate(lists: DataFrame, surface: SurfaceConfig, seed: int) -> DataFrame:
    """The lists, cut to k, in which no campaign has more rows than its share of all slots (subjects times k).

    The first k rows of each list fill its slots. A campaign with too many of them keeps its best ones, by rank, then score,
    then a seeded hash of the subject; its other rows are left out for good, and the next rows of those lists move up. That
    is done again until no campaign has too many: each round fills the share of one campaign at least, and no more than
    1 / share of them can be full, so there are few.

    Args:
        lists: rows of `batches.LISTS` with spare items behind the first k, persisted; subjects without a list count too.
        surface: the surface.
        seed: of the order of rows with equal rank and score.

    Returns:
        Rows of `batches.LISTS`; `removed` counts what was left out as campaign_share. The same for any number of tasks.
    """
    most = TABLE_RULES[_RULE].most_rows(surface, lists.count())
    if most is None:
        return lists
    exploded = lists.select(SUBJECT_ID, F.posexplode(LISTED).alias(RANK, _ENTRY))
    rows = exploded.select(
        SUBJECT_ID, RANK, F.col(_ENTRY)[CAMPAIGN].alias(CAMPAIGN), F.col(_ENTRY)[SCORE].alias(SCORE),
        F.lit(False).alias(_OUT),
    )  # fmt: skip
    full: set[str] = set()
    while True:
        rows = rows.withColumn(_HAS_SLOT, _has_slot(surface.k)).persist()
        over = {name for name, count in _counts(rows).items() if count > most} - full
        if not over:
            break
        full |= over
        rows = rows.withColumn(_OUT, F.col(_OUT) | _beyond(sorted(over), most, seed))
    return _without(lists, rows)


def _has_slot(k: int) -> Column:
    """Whether a row has a slot: it is among the first k of its list that are not out."""
    in_list = Window.partitionBy(SUBJECT_ID).orderBy(RANK).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return ~F.col(_OUT) & (F.sum((~F.col(_OUT)).cast("int")).over(in_list) <= k)


def _counts(rows: DataFrame) -> Mapping[str, int]:
    """Rows with a slot by campaign."""
    counted = rows.where(F.col(_HAS_SLOT) & F.col(CAMPAIGN).isNotNull()).groupBy(CAMPAIGN).count().collect()
    return {row[CAMPAIGN]: row["count"] for row in counted}


def _beyond(campaigns: list[str], most: int, seed: int) -> Column:
    """Whether a row is one of these campaigns', and not among their best so many with a slot."""
    best = Window.partitionBy(CAMPAIGN, _HAS_SLOT).orderBy(
        RANK, F.desc(SCORE), F.xxhash64(SUBJECT_ID, F.lit(seed)), SUBJECT_ID
    )
    kept = F.col(_HAS_SLOT) & (F.row_number().over(best) <= most)
    return F.coalesce(F.col(CAMPAIGN).isin(campaigns), F.lit(False)) & ~kept


def _without(lists: DataFrame, rows: DataFrame) -> DataFrame:
    """The lists with the rows that have a slot only, and how many of each are out."""
    gathered = rows.groupBy(SUBJECT_ID).agg(
        F.sort_array(F.collect_list(F.when(F.col(_HAS_SLOT), F.col(RANK)))).alias(_ORDER),
        F.count_if(_OUT).cast("int").alias(_OUT),
    )
    joined = lists.join(gathered, SUBJECT_ID, how="left")
    placed = F.transform(_ORDER, lambda rank: F.get(F.col(LISTED), rank))
    counted = F.map_concat(F.col(REMOVED), F.create_map(F.lit(_RULE), F.col(_OUT)))
    return joined.select(
        *(
            {
                LISTED: F.coalesce(placed, F.slice(LISTED, 1, 0)).alias(LISTED),
                REMOVED: F.when(F.col(_OUT) > 0, counted).otherwise(F.col(REMOVED)).alias(REMOVED),
            }.get(name, F.col(name))
            for name in lists.columns
        )
    )
