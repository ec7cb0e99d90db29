"""Whether a fact of items lies between two limits. No Spark."""

import numpy as np
from numpy.typing import NDArray


def within(values: NDArray[np.float64], least: float | None, most: float | None) -> NDArray[np.bool_]:
    """Which values are known, not below the least and not above the most: (n,) bool.

    Args:
        values: (n,), NaN where one is not known.
        least: None: there is none.
        most: None likewise.
    """
    # Nothing that is compared with NaN is true.
    found: NDArray[np.bool_] = (values >= (-np.inf if least is None else least)) & (
        values <= (np.inf if most is None else most)
    )
    return found
