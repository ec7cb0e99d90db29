"""What ALS learns from: one signed weight per pair, above 0 for what was taken, below 0 for what was hidden."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import HIDDEN, ITEM_ID, USER_ID, WEIGHT
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Rows, frozen
from shortlist.kernels.observations import Observations
from shortlist.models.arrays.matrix import Matrix, collect_matrix

_INFINITY: Final = float("inf")


def signed(interactions: DataFrame, hide_weight: float) -> DataFrame:
    """The observations among interactions, hides by their sign, as implicit and MLlib read them too.

    Args:
        interactions: user_id, item_id, weight and, where it is known, hidden.
        hide_weight: weight of a hidden pair, whatever else the user did with the item; 0 leaves it out.

    Returns:
        user_id, item_id, weight (float, not 0; NaN where it was NaN, infinite or negative).
    """
    weight = F.col(WEIGHT).cast("float")
    unusable = F.isnan(weight) | (weight < 0) | (weight == F.lit(_INFINITY))
    hidden = F.coalesce(F.col(HIDDEN), F.lit(False)) if HIDDEN in interactions.columns else F.lit(False)
    signed_weight = (
        F.when(unusable, F.lit(float("nan"))).when(hidden, F.lit(-hide_weight)).otherwise(weight).cast("float")
    )
    return interactions.select(USER_ID, ITEM_ID, signed_weight.alias(WEIGHT)).where(F.col(WEIGHT) != 0)


def collect_signed(observations: DataFrame) -> Matrix:
    """Signed observations as one matrix in this process."""
    return collect_matrix(observations, USER_ID, ITEM_ID, WEIGHT)


def require_sound(unusable: int, taken: int, repeated: int) -> None:
    """Whether a model can be fitted, whichever engine counted.

    Args:
        unusable: weights that are NaN, infinite or negative.
        taken: weights above 0.
        repeated: rows whose pair another row has too.

    Raises:
        ModelError: it cannot.
    """
    if unusable:
        raise ModelError.unusable_weights(unusable)
    if not taken:
        raise ModelError.nothing_to_learn("interactions")
    if repeated:
        raise ModelError.repeated_pairs(repeated)


def observed(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], signed_weights: NDArray[np.float32]
) -> Observations:
    """What the kernels read: weights above 0, and targets of 1 or, for hides, 0."""
    return Observations(
        Rows(frozen(indptr, np.int64, "indptr"), frozen(indices, np.int32, "indices")),
        frozen(np.abs(signed_weights), np.float32, "weights"),
        frozen((signed_weights > 0).astype(np.float32), np.float32, "targets"),
    )
