"""What each source proposed by itself, from the candidates that all of them scored."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, RANKS, SCORE, SCORES, SOURCE, SOURCES, SUBJECT_ID


def proposals(candidates: DataFrame) -> DataFrame:
    """A row for each source that proposed a candidate: subject_id, item_id, source, rank, score (the source's own).

    Args:
        candidates: rows of source_candidates.
    """
    entries = F.arrays_zip(F.col(SOURCES).alias(SOURCE), F.col(RANKS).alias(RANK), F.col(SCORES).alias(SCORE))
    rows = candidates.select(SUBJECT_ID, ITEM_ID, F.inline(entries).alias(SOURCE, RANK, SCORE))
    return rows.where(F.col(RANK).isNotNull())
