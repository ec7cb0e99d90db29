"""Implicit-feedback ALS behind one interface, whoever solves it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ID, ITEM_ID, USER_ID, WEIGHT
from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.ials import fit_ials
from shortlist.kernels.observations import observe
from shortlist.models.matrix import collect_matrix, spread

Factors = NDArray[np.float32]
Engine = Callable[[sp.csr_matrix, AlsConfig], tuple[Factors, Factors]]


@dataclass(frozen=True)
class Als:
    """A fitted model; the score of a user and an item is the inner product of their vectors.

    Attributes:
        user_factors: id, factors (array<float> of length `factors`).
        item_factors: id, factors.
    """

    user_factors: DataFrame
    item_factors: DataFrame


def fit(interactions: DataFrame, config: AlsConfig) -> Als:
    """Fit user and item factors.

    Args:
        interactions: user_id, item_id, weight; rows without a weight above 0 teach nothing.
        config: engine, size and strength of the model. The same rows, config and seed give the same factors.

    Raises:
        ModelError: nothing to learn from, or factors that are not finite.
    """
    matrix = collect_matrix(interactions.where(F.col(WEIGHT) > 0), USER_ID, ITEM_ID, WEIGHT)
    if not matrix.values.nnz:
        raise ModelError.nothing_to_learn("interactions")
    users, items = ENGINES[config.engine](matrix.values, config)
    for side, factors in (("user", users), ("item", items)):
        wrong = int(np.size(factors) - np.isfinite(factors).sum())
        if wrong:
            raise ModelError.not_finite(f"als {side} factors (engine {config.engine})", wrong)
    return Als(_frame(interactions, matrix.rows, users), _frame(interactions, matrix.columns, items))


def _implicit(weights: sp.csr_matrix, config: AlsConfig) -> tuple[Factors, Factors]:
    """The implicit library: conjugate gradient in C++, confidence alpha x weight."""
    model = AlternatingLeastSquares(
        factors=config.factors,
        regularization=config.regularization,
        alpha=config.alpha,
        iterations=config.epochs,
        random_state=config.seed,
        num_threads=os.cpu_count() or 1,
    )
    model.fit(weights, show_progress=False)
    return np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)


def _local(weights: sp.csr_matrix, config: AlsConfig) -> tuple[Factors, Factors]:
    """Our kernels in one process: an unobserved pair counts 1 / alpha, the regularizer grows with a row's frequency."""
    model = fit_ials(
        observe((weights.indptr, weights.indices), weights.data, weights.shape[1]),
        weights.shape[1],
        factors=config.factors,
        regularization=config.regularization,
        unobserved_weight=1.0 / config.alpha,
        epochs=config.epochs,
        seed=config.seed,
    )
    return model.user_factors, model.item_factors


# The seam: one entry per engine, one contract suite for all of them.
ENGINES: Final[dict[str, Engine]] = {"implicit": _implicit, "local": _local}


def _frame(like: DataFrame, ids: pa.Array, factors: Factors) -> DataFrame:
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * factors.shape[1])
    vectors = pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(factors).ravel()))
    return spread(like.sparkSession, pa.table({ID: ids, FACTORS: vectors}))
