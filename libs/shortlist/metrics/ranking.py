"""How well lists found what subjects wanted afterwards: one value per subject, k and metric, as a frame."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, METRIC, RANK, SEGMENT, SOURCE, SUBJECT_ID, VALUE, K
from shortlist.metrics.definitions import RANKING_METRICS
from shortlist.metrics.judged_subjects import POPULARITY, gather, read_subjects
from shortlist.metrics.subject_values import checked_cutoffs, ranking_values

_ONE = "one"
_VALUES = f"{SUBJECT_ID} string, {K} int, {METRIC} string, {VALUE} double"


def score_lists(lists: DataFrame, relevant: DataFrame, ks: Sequence[int]) -> DataFrame:
    """Score every subject that has relevant items.

    Args:
        lists: [subject_id, rank, item_id]; ranks count from 1. Lists of subjects without relevant items are not scored.
            An item that a list has twice counts once, at its better rank.
        relevant: [subject_id, item_id, popularity]; repeated pairs count once. Without popularity all items are alike, and
            stratified recall is recall.
        ks: The cut-offs; a list shorter than k is scored as it is, its missing ranks find nothing.

    Returns:
        [subject_id, k, metric, value]: all of `RANKING_METRICS` for each k and each subject of `relevant`; 0 for a
        subject without a list. Values lie in [0, 1].

    Raises:
        ValueError: When `ks` is empty, repeats a cut-off or holds one below 1.
    """
    cutoffs = checked_cutoffs(ks)
    ranked = lists.where(F.col(RANK) <= max(cutoffs)).select(
        F.lit(_ONE).alias(SOURCE), SUBJECT_ID, RANK, ITEM_ID, F.lit(1).alias(POPULARITY)
    )
    popularity = F.col(POPULARITY) if POPULARITY in relevant.columns else F.lit(1).alias(POPULARITY)
    wanted = relevant.select(F.lit(_ONE).alias(SEGMENT), SUBJECT_ID, ITEM_ID, popularity)
    return gather(ranked, wanted, [_ONE], [_ONE]).mapInArrow(_scoring(cutoffs), _VALUES)


def _scoring(cutoffs: Sequence[int]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    each = len(RANKING_METRICS) * len(cutoffs)
    ks = np.tile(np.asarray(cutoffs, np.int32), len(RANKING_METRICS))
    metrics = np.repeat(RANKING_METRICS, len(cutoffs))

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for judged in read_subjects(batches):
            asked, values = ranking_values(judged.lists, judged.wanted, len(judged.ids), cutoffs)
            who = judged.ids[asked > 0]
            yield pa.RecordBatch.from_pydict(
                {
                    SUBJECT_ID: pa.array(np.repeat(who, each), pa.string()),
                    K: pa.array(np.tile(ks, len(who)), pa.int32()),
                    METRIC: pa.array(np.tile(metrics, len(who)), pa.string()),
                    VALUE: pa.array(values[asked > 0].reshape(-1), pa.float64()),
                }
            )

    return score


def subjects_without_list(lists: DataFrame, relevant: DataFrame) -> DataFrame:
    """The subjects that `score_lists` counts as 0 because no list was published for them, as [subject_id]."""
    return relevant.select(SUBJECT_ID).distinct().join(lists, SUBJECT_ID, how="left_anti")
