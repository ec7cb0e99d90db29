"""Implicit-feedback ALS behind one interface, whoever solves it."""

import os
from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ID, ITEM_ID, USER_ID
from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.ials import fit_ials, fold_in
from shortlist.models.als.blockwise import starting_factors
from shortlist.models.als.mllib import fit_mllib
from shortlist.models.als.model import Als, Progress
from shortlist.models.als.observations import collect_signed, observed, require_sound, signed
from shortlist.models.als.placement import choose_engine
from shortlist.models.als.spark import fit_spark, warm_start
from shortlist.models.arrays.matrix import Matrix, list_rows, spread

__all__ = ["ENGINES", "Als", "fit"]

Factors = NDArray[np.float32]
Engine = Callable[[DataFrame, AlsConfig, DataFrame | None], Als]
Solver = Callable[[Matrix, AlsConfig, DataFrame | None], tuple[Factors, Factors]]


def fit(interactions: DataFrame, config: AlsConfig, start: DataFrame | None = None) -> Als:
    """Fit user and item factors.

    Args:
        interactions: user_id, item_id, weight (>= 0; 0 teaches nothing) and, where it is known, hidden: a hidden pair is an
            observed zero of weight `hide_weight`.
        config: engine, size and strength of the model. The same rows, config and seed give the same factors.
        start: id, factors of an earlier model's items to begin with.

    Raises:
        ModelError: nothing to learn from, rows that cannot be used, or factors that are not finite.
    """
    observations = signed(interactions, config.hide_weight)
    engine: str = config.engine
    if engine == "auto":
        users, items = (F.approx_count_distinct(name) for name in (USER_ID, ITEM_ID))
        sizes = observations.agg(F.count("*"), users, items).first()
        assert sizes is not None
        engine = choose_engine(sizes[0], sizes[1], sizes[2], config)
    return ENGINES[engine](observations, config, start)


def _in_one_process(name: str, solve: Solver) -> Engine:
    """An engine that takes one matrix."""

    def fit_here(observations: DataFrame, config: AlsConfig, start: DataFrame | None) -> Als:
        matrix = collect_signed(observations)
        weights = matrix.values.data
        require_sound(int(np.isnan(weights).sum()), int((weights > 0).sum()), matrix.given - matrix.values.nnz)
        users, items = solve(matrix, config, start)
        for side, factors in (("user", users), ("item", items)):
            wrong = int(np.size(factors) - np.isfinite(factors).sum())
            if wrong:
                raise ModelError.not_finite(f"als {side} factors (engine {name})", wrong)
        taken = matrix.values > 0
        return Als(
            _frame(observations, matrix.rows, users, taken.getnnz(axis=1) > 0),
            _frame(observations, matrix.columns, items, taken.getnnz(axis=0) > 0),
        )

    return fit_here


def _implicit(matrix: Matrix, config: AlsConfig, start: DataFrame | None) -> tuple[Factors, Factors]:
    """The implicit library: conjugate gradient in C++, confidence alpha x weight, below 0 an observed zero."""
    model = AlternatingLeastSquares(
        factors=config.factors,
        regularization=config.regularization,
        alpha=config.alpha,
        iterations=config.epochs,
        random_state=config.seed,
        num_threads=os.cpu_count() or 1,
    )
    if start is not None:
        model.item_factors = warm_start(matrix.columns, start, config)
        model.user_factors = starting_factors(matrix.rows, "users", config)
    progress = Progress("engine implicit", config.epochs)
    model.fit(matrix.values, show_progress=False, callback=lambda epoch, *_: progress(epoch + 1, None))
    return np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)


def _local(matrix: Matrix, config: AlsConfig, start: DataFrame | None) -> tuple[Factors, Factors]:
    """Our kernels in one process: an unobserved pair counts 1 / alpha, the regularizer grows with a row's frequency."""
    values = matrix.values
    seen = observed(values.indptr.astype(np.int64), values.indices, values.data)
    unobserved = 1.0 / config.alpha
    items = warm_start(matrix.columns, start, config)
    if start is None:
        users = starting_factors(matrix.rows, "users", config)
    else:
        users = fold_in(seen, items, config.regularization, unobserved, config.nu)
    model = fit_ials(
        seen,
        values.shape[1],
        factors=config.factors,
        regularization=config.regularization,
        unobserved_weight=unobserved,
        epochs=config.epochs,
        seed=config.seed,
        nu=config.nu,
        cg_steps=config.cg_steps,
        start=(users, items),
        with_loss=True,
        on_epoch=Progress("engine local", config.epochs),
    )
    return model.user_factors, model.item_factors


# The seam: one entry per engine, one contract suite for all of them.
ENGINES: Final[dict[str, Engine]] = {
    "local": _in_one_process("local", _local),
    "spark": fit_spark,
    "implicit": _in_one_process("implicit", _implicit),
    "mllib": fit_mllib,
}


def _frame(like: DataFrame, ids: pa.Array, factors: Factors, taken: NDArray[np.bool_]) -> DataFrame:
    """Ids and vectors of the rows that took something, or were taken."""
    rows = list_rows(ids.filter(pa.array(taken)), factors[taken], (ID, FACTORS))
    return spread(like.sparkSession, pa.Table.from_batches([rows]))
