"""Matrix factorisation: what similar users take (users), what is taken by the same users (items)."""

import logging

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, FACTORS, ID, SUBJECT_ID, USER_ID, WEIGHT
from shortlist.config import SourcesConfig
from shortlist.models.als.folding import fold_in_top_items
from shortlist.models.als.observations import signed
from shortlist.models.ranking.scoring import ItemIndices, top_items
from shortlist.sources.inputs import Inputs

log = logging.getLogger("shortlist.sources")


def als(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """Largest inner product of user and item factors; on item surfaces largest cosine of item factors.

    A user is ranked by its stored vector where it has one. Users without one are folded in from their interactions and
    ranked in the same task: all of them with `als.store_user_factors: false`, otherwise those that took something and are
    missing from user_factors. Which way how many go is logged. Engines `implicit` and `mllib` solve another objective than
    the fold-in, so theirs are not folded in. Whoever took nothing that has a vector is absent; the fallback serves them.
    """
    eligible = inputs.items.item_indices(inputs.scope.items)
    best = _beside_items(inputs, eligible) if inputs.surface.subject == "item" else _for_users(inputs, eligible)
    return best.withColumn(BECAUSE_ITEM_ID, F.lit(None).cast("string"))


def _beside_items(inputs: Inputs, eligible: ItemIndices | None) -> DataFrame:
    asked = _asked(inputs.item_factors, inputs.scope.subjects)
    return top_items(asked, inputs.items, inputs.surface.depth, eligible, cosine=True)


def _for_users(inputs: Inputs, eligible: ItemIndices | None) -> DataFrame:
    if inputs.user_factors is None:
        log.info("als: no user vectors are stored (als.store_user_factors), every user is folded in")
        return _folded(inputs, inputs.interactions, eligible)
    asked = _asked(inputs.user_factors, inputs.scope.subjects)
    stored = top_items(asked, inputs.items, inputs.surface.depth, eligible)
    taken = signed(inputs.interactions, inputs.als.hide_weight).where(F.col(WEIGHT) > 0).select(USER_ID).distinct()
    vectors = inputs.user_factors.select(F.col(ID).alias(USER_ID))
    missing = taken.join(vectors, USER_ID, how="left_anti").persist()
    count = missing.count()
    if not count:
        log.info("als: every user that took something has a stored vector, nobody is folded in")
        return stored
    if not inputs.als.folds_in:
        log.info(
            "als: %d users without a stored vector are left out, engine %s has none for them", count, inputs.als.engine
        )
        return stored
    log.info("als: %d users without a stored vector are folded in", count)
    theirs = inputs.interactions.join(missing, USER_ID, how="left_semi")
    return stored.unionByName(_folded(inputs, theirs, eligible))


def _asked(vectors: DataFrame, subjects: DataFrame) -> DataFrame:
    return vectors.select(F.col(ID).alias(SUBJECT_ID), FACTORS).join(subjects, SUBJECT_ID, how="inner")


def _folded(inputs: Inputs, interactions: DataFrame, eligible: ItemIndices | None) -> DataFrame:
    subjects, depth = inputs.scope.subjects, inputs.surface.depth
    return fold_in_top_items(interactions, inputs.items, subjects, depth, inputs.als, eligible)
