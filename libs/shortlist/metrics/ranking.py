"""How well lists found what subjects wanted afterwards: one value per subject, k and metric.

T are a subject's relevant items, L the first k items of its list. Definitions are those of `definitions.py`; nDCG
follows Järvelin and Kekäläinen (2002) with binary gains, mean average precision divides by min(k, |T|).
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, METRIC, RANK, SEGMENT, SOURCE, SUBJECT_ID, VALUE, K
from shortlist.metrics.definitions import HIT_RATE, MAP, MRR, NDCG, PRECISION, RECALL, RECALL_CAPPED


def score_lists(
    lists: DataFrame, relevant: DataFrame, ks: Sequence[int], sources: Sequence[str] | None = None
) -> DataFrame:
    """Score every subject that has relevant items.

    Args:
        lists: [subject_id, rank, item_id]; ranks count from 1. Lists of subjects without relevant items are not scored.
            An item that stands in a list twice counts once, at its better rank.
        relevant: [subject_id, item_id]; repeated pairs count once.
        ks: The cut-offs; a list shorter than k is scored as it is, its missing ranks find nothing.
        sources: Scores several sources against several segments in one pass: `lists` then says source, `relevant` says
            segment, and so does what is returned. Every source named here is scored, also one without lists.

    Returns:
        [subject_id, k, metric, value]: all of `RANKING_METRICS` for each k and each subject of `relevant`; 0 for a
        subject without a list. Values lie in [0, 1].

    Raises:
        ValueError: When `ks` is empty, repeats a cut-off or holds one below 1.
    """
    cutoffs = checked_cutoffs(ks)
    source, segment = ([], []) if sources is None else ([SOURCE], [SEGMENT])
    subject = [*source, *segment, SUBJECT_ID]
    wanted = relevant.select(*segment, SUBJECT_ID, ITEM_ID).distinct()  # T is a set by definition
    found = (
        lists.select(*source, SUBJECT_ID, ITEM_ID, RANK)
        .where(F.col(RANK) <= max(cutoffs))
        .join(wanted, [SUBJECT_ID, ITEM_ID], how="inner")
        .groupBy(*subject, ITEM_ID)
        .agg(F.min(RANK).alias(RANK))
        .groupBy(*subject)
        .agg(F.sort_array(F.collect_list(F.col(RANK).cast("int"))).alias("found_ranks"))
    )
    counted = wanted.groupBy(*segment, SUBJECT_ID).agg(F.count(F.lit(1)).cast("int").alias("wanted"))
    per_subject = (
        _for_each(counted, sources)
        .join(found, subject, how="left")
        .withColumn("found_ranks", F.coalesce("found_ranks", F.array().cast("array<int>")))
    )
    cut = (
        per_subject.withColumn(K, F.explode(F.array(*[F.lit(k) for k in cutoffs])))
        .withColumn("found_ranks", F.filter("found_ranks", lambda rank: rank <= F.col(K)))
        .withColumn("possible", F.least(F.col(K), F.col("wanted")))
    )
    values = F.explode(F.create_map(*[part for name, value in _values().items() for part in (F.lit(name), value)]))
    return cut.select(*subject, K, values.alias(METRIC, VALUE))


def subjects_without_list(lists: DataFrame, relevant: DataFrame, sources: Sequence[str] | None = None) -> DataFrame:
    """The subjects that `score_lists` counts as 0 because no list was published for them, as [subject_id].

    With `sources` as there: [source, segment, subject_id].
    """
    source, segment = ([], []) if sources is None else ([SOURCE], [SEGMENT])
    served = lists.select(*source, SUBJECT_ID).distinct()
    asked = _for_each(relevant.select(*segment, SUBJECT_ID).distinct(), sources)
    return asked.select(*source, *segment, SUBJECT_ID).join(served, [*source, SUBJECT_ID], how="left_anti")


def _for_each(rows: DataFrame, sources: Sequence[str] | None) -> DataFrame:
    """The rows once for each source."""
    return rows if sources is None else rows.withColumn(SOURCE, F.explode(F.array(*map(F.lit, sources))))


def checked_cutoffs(ks: Sequence[int]) -> list[int]:
    """The cut-offs as a list.

    Raises:
        ValueError: When there is none, one is below 1, or one is given twice.
    """
    cutoffs = list(ks)
    if not cutoffs or min(cutoffs) < 1 or len(set(cutoffs)) != len(cutoffs):
        raise ValueError(f"ks {cutoffs}: expected one or more different cut-offs of at least 1; next: e.g. ks=[10, 20]")
    return cutoffs


def _values() -> dict[str, Column]:
    """Metric name -> value from `found_ranks` (ascending, at most k), `wanted` = |T|, `possible` = min(k, |T|), `k`."""
    ranks = F.col("found_ranks")
    found, wanted, possible = F.size(ranks).cast("double"), F.col("wanted"), F.col("possible")
    gains = _total(F.transform(ranks, _discount))
    ideal = _total(F.transform(F.sequence(F.lit(1), possible), _discount))
    precisions = _total(F.transform(ranks, lambda rank, before: (before + 1) / rank))
    return {
        RECALL: found / wanted,
        RECALL_CAPPED: found / possible,
        PRECISION: found / F.col(K),
        NDCG: gains / ideal,
        HIT_RATE: (found > 0).cast("double"),
        MRR: F.coalesce(F.lit(1.0) / F.get(ranks, F.lit(0)), F.lit(0.0)),
        MAP: precisions / possible,
    }


def _discount(rank: Column) -> Column:
    return F.lit(1.0) / F.log2(rank + 1)


def _total(values: Column) -> Column:
    return F.aggregate(values, F.lit(0.0), lambda total, value: total + value)
