"""Why an item is in a list, in words for people."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, REASON, SOURCE, TITLE
from shortlist.config.sources import BECAUSE

# Long enough for a sentence, short enough for a table on a screen.
_LONGEST_TITLE = 80


def with_reasons(candidates: DataFrame, catalog: DataFrame | None, wording: Mapping[str, str]) -> DataFrame:
    """Candidates with a reason.

    Args:
        candidates: with source and because_item_id, the item that this very source names; null where it names none.
        catalog: item_id, title; None means that items are named by their ids.
        wording: for each source a sentence; `{because}` in it becomes the title of the item that spoke for the candidate.

    Returns:
        The same columns and reason.
    """
    titled = candidates.withColumn("because_title", F.lit(None).cast("string"))
    if catalog is not None:
        titles = catalog.select(F.col(ITEM_ID).alias(BECAUSE_ITEM_ID), F.col(TITLE).alias("because_title"))
        titled = candidates.join(titles, BECAUSE_ITEM_ID, how="left")
    named = F.coalesce("because_title", F.concat(F.lit("item "), F.col(BECAUSE_ITEM_ID)), F.lit("your items"))
    reason: Column = F.lit(None).cast("string")
    for source, sentence in wording.items():
        before, found, after = sentence.partition(BECAUSE)
        words = (
            F.concat(F.lit(before), F.substring(named, 1, _LONGEST_TITLE), F.lit(after)) if found else F.lit(sentence)
        )
        reason = F.when(F.col(SOURCE) == source, words).otherwise(reason)
    return titled.withColumn(REASON, reason).drop("because_title")
