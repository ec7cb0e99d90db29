"""What accuracy does not show: how much of the catalogue is shown, how evenly, how surprising, and how lists change.

Novelty and overlap are values of subjects, [subject_id, k, metric, value], to be averaged with `intervals.summarize`;
exposure has one value per k. `lists` is always [subject_id, rank, item_id, ...]: ranks from 1 without gaps, an item at
most once in a list.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, METRIC, RANK, ROWS, SOURCE, SUBJECT_ID, SUBJECTS, VALUE, K
from shortlist.metrics.definitions import (
    CATALOGUE_COVERAGE,
    EXPOSURE_GINI,
    NOVELTY,
    OVERLAP,
    RANK_BIASED_OVERLAP,
    SOURCE_SHARE,
    TOP_ITEM_SHARE,
    overlap,
)
from shortlist.metrics.ranking import checked_cutoffs

PERSISTENCE = 0.9
"""Of rank-biased overlap: the chance that a reader of one rank looks at the next: ranks 1-10 weigh 86 %."""


def score_exposure(lists: DataFrame, catalogue: DataFrame, ks: Sequence[int]) -> DataFrame:
    """Catalogue coverage, Gini coefficient of exposure and the share of the most shown item.

    Args:
        lists: [subject_id, rank, item_id].
        catalogue: [item_id], the items that could have been shown; repeated ids count once.
        ks: Cut-offs; each looks at the first k ranks only.

    Returns:
        [k, metric, value], three rows per k. Items outside the catalogue fill ranks (they count for `top_item_share`)
        but neither cover it nor enter the Gini coefficient. Without any row both are 0; an empty catalogue has no
        coverage and no coefficient (null).

    Raises:
        ValueError: When `ks` is empty, repeats a cut-off or holds one below 1.
    """
    one = score_exposure_of_sources(lists.withColumn(SOURCE, F.lit("")), catalogue, ks, [""])
    return one.drop(SOURCE)


def score_exposure_of_sources(
    lists: DataFrame, catalogue: DataFrame, ks: Sequence[int], sources: Sequence[str]
) -> DataFrame:
    """`score_exposure` for the lists of each source by themselves, in one pass.

    Args:
        lists: [source, subject_id, rank, item_id].
        catalogue: [item_id].
        ks: Cut-offs.
        sources: Names to look for in lists.

    Returns:
        [source, k, metric, value].

    Raises:
        ValueError: When `ks` is not valid.
    """
    by = [SOURCE, K]
    at = F.explode(F.array(*[F.lit(k) for k in checked_cutoffs(ks)])).alias(K)
    each = lists.sparkSession.range(1).select(F.explode(F.array(*map(F.lit, sources))).alias(SOURCE)).select(SOURCE, at)
    shown = lists.where(F.col(SOURCE).isin(*sources)).select(SOURCE, ITEM_ID, RANK, at).where(F.col(RANK) <= F.col(K))
    mentions = shown.select(*by, ITEM_ID, F.lit(False).alias("listed"), F.lit(1).alias("shown")).unionAll(
        catalogue.select(ITEM_ID).crossJoin(F.broadcast(each)).select(*by, ITEM_ID, F.lit(True), F.lit(0))
    )
    exposure = mentions.groupBy(*by, ITEM_ID).agg(F.bool_or("listed").alias("listed"), F.sum("shown").alias("shown"))
    # Items with the same number of rows are interchangeable: the order is that of a short histogram per cut-off.
    histogram = exposure.groupBy(*by, "listed", "shown").agg(F.count(F.lit(1)).alias("items"))
    # No item without rows changes no sum, but gives every cut-off its row.
    nothing = each.select(*by, F.lit(True), F.lit(0).cast("bigint"), F.lit(0).cast("bigint"))
    totals = histogram.unionAll(nothing).groupBy(*by).agg(*_exposure_totals())
    metrics = F.create_map(*[part for name, value in _exposure_values().items() for part in (F.lit(name), value)])
    return totals.select(*by, F.explode(metrics).alias(METRIC, VALUE))


def share_by_source(lists: DataFrame) -> DataFrame:
    """How many rows each source won.

    Args:
        lists: [subject_id, rank, item_id, source].

    Returns:
        [source, metric, rows, value]: rows of the source and their share of all rows; the shares add up to 1.
    """
    by_source = lists.groupBy(SOURCE).agg(F.count(F.lit(1)).alias(ROWS))
    all_rows = by_source.agg(F.sum(ROWS).alias("all_rows"))  # one row: the cross join multiplies nothing
    share = (F.col(ROWS) / F.col("all_rows")).alias(VALUE)
    return by_source.crossJoin(F.broadcast(all_rows)).select(SOURCE, F.lit(SOURCE_SHARE).alias(METRIC), ROWS, share)


def score_novelty(lists: DataFrame, popularity: DataFrame, people: int, ks: Sequence[int]) -> DataFrame:
    """Mean self-information of the first k items of each subject, in bits.

    Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems" (2010).

    Args:
        lists: [subject_id, rank, item_id].
        popularity: [item_id, subjects]: by how many people each item was engaged with.
        people: How many people there are in all.
        ks: Cut-offs.

    Returns:
        [subject_id, k, metric, value] of subjects with a list; -log2(subjects / people), where an item that nobody has
        engaged with counts as if one person had.

    Raises:
        ValueError: When `people` is below 1, or `ks` is not valid.
    """
    if people < 1:
        raise ValueError(
            f"people {people}: novelty is relative to a population of at least 1; next: pass how many were counted"
        )
    cutoffs = checked_cutoffs(ks)
    known = F.greatest(F.coalesce(F.col(SUBJECTS), F.lit(0)), F.lit(1))
    bits = lists.select(SUBJECT_ID, RANK, ITEM_ID).join(popularity.select(ITEM_ID, SUBJECTS), ITEM_ID, how="left")
    bits = bits.withColumn("bits", -F.log2(known / F.lit(people)))
    at = bits.withColumn(K, F.explode(F.array(*[F.lit(k) for k in cutoffs]))).where(F.col(RANK) <= F.col(K))
    mean = F.avg("bits").alias(VALUE)
    return at.groupBy(SUBJECT_ID, K).agg(mean).select(SUBJECT_ID, K, F.lit(NOVELTY).alias(METRIC), VALUE)


def score_overlap(
    lists: DataFrame, others: DataFrame, ks: Sequence[int], persistence: float = PERSISTENCE
) -> DataFrame:
    """Overlap@k and rank-biased overlap of each subject's list with the same subject's other list.

    Rank-biased overlap is the extrapolated form for lists of any two lengths, equation 32 of Webber, Moffat and Zobel,
    "A similarity measure for indefinite rankings" (2010), on the first k ranks.

    Args:
        lists: [subject_id, rank, item_id], for instance of today.
        others: The same of another day.
        ks: Cut-offs.
        persistence: p of rank-biased overlap, inside (0, 1).

    Returns:
        [subject_id, k, metric, value] of the subjects that have a list on both sides; values lie in [0, 1].

    Raises:
        ValueError: When `persistence` is not inside (0, 1), or `ks` is not valid.
    """
    if not 0 < persistence < 1:
        raise ValueError(
            f"persistence {persistence}: must lie between 0 and 1, both excluded; next: e.g. {PERSISTENCE}"
        )
    cutoffs = checked_cutoffs(ks)
    rank, other_rank = F.col(RANK), F.col("other_rank")
    both = lists.select(SUBJECT_ID, ITEM_ID, RANK).join(
        others.select(SUBJECT_ID, ITEM_ID, F.col(RANK).alias("other_rank")), [SUBJECT_ID, ITEM_ID], how="full"
    )
    per_subject = both.groupBy(SUBJECT_ID).agg(
        F.count(RANK).alias("length"),
        F.count("other_rank").alias("other_length"),
        # An item is common from the deeper of its two ranks on; null (dropped) when only one list has it.
        F.collect_list(F.when(rank.isNotNull() & other_rank.isNotNull(), F.greatest(rank, other_rank))).alias(
            "common_from"
        ),
    )
    paired = per_subject.where((F.col("length") > 0) & (F.col("other_length") > 0))
    k = F.explode(F.array(*[F.lit(cutoff) for cutoff in cutoffs])).alias(K)
    cut = paired.select(SUBJECT_ID, "length", "other_length", "common_from", k).select(
        SUBJECT_ID,
        K,
        F.least(F.col("length"), F.col("other_length"), F.col(K)).cast("int").alias("short"),
        F.least(F.greatest("length", "other_length"), F.col(K)).cast("int").alias("long"),
        F.filter("common_from", lambda depth: depth <= F.col(K)).alias("common_from"),
    )
    shared = overlap(F.size("common_from"), F.col("long"))
    values = F.create_map(F.lit(OVERLAP), shared, F.lit(RANK_BIASED_OVERLAP), _rank_biased_overlap(persistence))
    return cut.select(SUBJECT_ID, K, F.explode(values).alias(METRIC, VALUE))


def _exposure_totals() -> list[Column]:
    listed, items, shown = F.col("listed"), F.col("items"), F.col("shown")
    return [
        F.sum(F.when(listed, items)).alias("catalogue"),
        F.sum(F.when(listed & (shown > 0), items)).alias("covered"),
        F.sum(F.when(listed, shown * items)).alias("catalogue_rows"),
        F.sort_array(F.collect_list(F.when(listed, F.struct("shown", "items")))).alias("ascending"),
        F.sum(shown * items).alias("all_rows"),
        F.max("shown").alias("most"),
    ]


def _exposure_values() -> dict[str, Column]:
    """Metric name -> value from the totals; Gini = sum_i (2 i - n - 1) x_i / (n sum x), x ascending, i from 1."""
    size, rows = F.col("catalogue").cast("double"), F.col("catalogue_rows").cast("double")

    def add(done: Column, entry: Column) -> Column:
        # Sum of (2 i - 1) x_i over `items` equal values at positions done.items + 1 .. done.items + items.
        items = entry["items"].cast("double")
        total = done["total"] + entry["shown"] * items * (2 * done["items"] + items)
        return F.struct((done["items"] + items).alias("items"), total.alias("total"))

    start = F.struct(F.lit(0.0).alias("items"), F.lit(0.0).alias("total"))
    ordered = F.aggregate("ascending", start, add)["total"]
    gini = F.when(rows > 0, (ordered - size * rows) / (size * rows)).when(size > 0, F.lit(0.0))
    share = F.when(F.col("all_rows") > 0, F.col("most") / F.col("all_rows")).otherwise(F.lit(0.0))
    coverage = F.when(size > 0, F.coalesce("covered", F.lit(0)) / size)
    return {CATALOGUE_COVERAGE: coverage, EXPOSURE_GINI: gini, TOP_ITEM_SHARE: share}


def _rank_biased_overlap(persistence: float) -> Column:
    """Equation 32 from `short` = s, `long` = l and `common_from` (the depths at which common items enter)."""
    short, long, p = F.col("short"), F.col("long"), F.lit(persistence)

    def common(depth: Column) -> Column:
        return F.size(F.filter("common_from", lambda entered: entered <= depth)).cast("double")

    def agreement(depth: Column) -> Column:
        beyond = F.when(depth > short, common(short) * (depth - short) / short).otherwise(F.lit(0.0))
        return (common(depth) + beyond) / depth * F.pow(p, depth)

    weighted = F.aggregate(F.sequence(F.lit(1), long), F.lit(0.0), lambda total, depth: total + agreement(depth))
    rest = (common(long) - common(short)) / long + common(short) / short
    # Identical lists would come out a rounding error above 1.
    return F.least((1 - p) / p * weighted + rest * F.pow(p, long), F.lit(1.0))
