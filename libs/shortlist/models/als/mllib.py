"""Engine `mllib`: Spark's own ALS, the baseline. It has no weight for unobserved pairs, and numbers ids on the driver."""

import shutil
import tempfile
from contextlib import ExitStack

import pyarrow as pa
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ID, ITEM_ID, USER_ID, WEIGHT
from shortlist.config import AlsConfig
from shortlist.models.als.model import Als, log
from shortlist.models.als.observations import require_sound
from shortlist.models.arrays.matrix import sorted_ids, spread

_USER, _ITEM = "user_number", "item_number"


def fit_mllib(observations: DataFrame, config: AlsConfig, start: DataFrame | None) -> Als:
    """Fit with MLlib: confidence 1 + alpha |w|, a regularizer that grows with a row's observations.

    Args:
        observations: user_id, item_id, weight (signed; MLlib reads a weight below 0 as an observed zero).
        config: factors, regularization, alpha, epochs, seed.
        start: None; settings refuse a warm start.

    Raises:
        ModelError: nothing to learn from, unusable rows.
    """
    assert start is None, "settings refuse warm_start with engine mllib"
    spark = observations.sparkSession
    kept = observations.persist()
    with ExitStack() as refused:
        refused.callback(kept.unpersist)
        facts = kept.agg(
            F.count_if(F.isnan(WEIGHT)), F.count_if(~F.isnan(WEIGHT) & (F.col(WEIGHT) > 0)), F.count("*")
        ).first()
        assert facts is not None
        require_sound(facts[0], facts[1], facts[2] - kept.select(USER_ID, ITEM_ID).dropDuplicates().count())
        refused.pop_all()
    users = _numbered(kept, USER_ID, _USER).persist()
    items = _numbered(kept, ITEM_ID, _ITEM).persist()
    rows = kept.join(users, USER_ID, how="inner").join(items, ITEM_ID, how="inner").select(_USER, _ITEM, WEIGHT)
    # MLlib may fail on a retry, and starts from other vectors, where its input is not the same rows in the same order.
    ordered = rows.repartitionByRange(_USER).sortWithinPartitions(_USER, _ITEM).persist()
    checkpoints = tempfile.mkdtemp(prefix="shortlist-mllib-")
    # Without a folder its checkpoint interval is ignored, and the lineage of a long fit overflows the stack.
    spark.sparkContext.setCheckpointDir(checkpoints)

    def release() -> None:
        for frame in (kept, users, items, ordered):
            frame.unpersist()
        shutil.rmtree(checkpoints, ignore_errors=True)

    model = ALS(
        rank=config.factors,
        maxIter=config.epochs,
        regParam=config.regularization,
        alpha=config.alpha,
        implicitPrefs=True,
        seed=config.seed,
        userCol=_USER,
        itemCol=_ITEM,
        ratingCol=WEIGHT,
        checkpointInterval=5,
    ).fit(ordered)
    log.info("engine mllib: %d epochs; it reports no objective", config.epochs)
    taken = kept.where(F.col(WEIGHT) > 0)
    user_factors = _named(model.userFactors, users, _USER, USER_ID, taken)
    item_factors = _named(model.itemFactors, items, _ITEM, ITEM_ID, taken)
    return Als(user_factors, item_factors, release)


def _numbered(observations: DataFrame, name: str, number: str) -> DataFrame:
    """Distinct ids with whole numbers in their order, which is what MLlib takes for ids."""
    ids = sorted_ids(observations.select(name).distinct().toArrow()[name])
    table = pa.table({name: ids, number: pa.array(range(len(ids)), pa.int32())})
    return spread(observations.sparkSession, table)


def _named(factors: DataFrame, ids: DataFrame, number: str, name: str, taken: DataFrame) -> DataFrame:
    found = factors.select(F.col("id").alias(number), F.col("features").alias(FACTORS)).join(ids, number, how="inner")
    return found.join(taken, name, how="left_semi").select(F.col(name).alias(ID), FACTORS)
