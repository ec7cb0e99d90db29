"""Matrix factorisation: what similar users take (users), what is taken by the same users (items)."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, FACTORS, ID, ITEM_ID, SUBJECT_ID
from shortlist.config import SourcesConfig
from shortlist.models.scoring import collect_item_factors, top_items
from shortlist.sources.inputs import Inputs


def als(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """Largest inner product of user and item factors; on item surfaces largest cosine of item factors.

    Subjects without factors (new since the model was trained) are absent; the fallback serves them.
    """
    cosine = inputs.surface.subject == "item"
    items = inputs.item_factors.select(F.col(ID).alias(ITEM_ID), FACTORS)
    queries = inputs.item_factors if cosine else inputs.user_factors
    eligible = items.join(inputs.scope.items, ITEM_ID, how="left_semi")
    asked = queries.select(F.col(ID).alias(SUBJECT_ID), FACTORS).join(inputs.scope.subjects, SUBJECT_ID, how="inner")
    best = top_items(asked, collect_item_factors(eligible, cosine), inputs.surface.depth, cosine)
    return best.withColumn(BECAUSE_ITEM_ID, F.lit(None).cast("string"))
