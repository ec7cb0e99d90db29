"""Whether texts of items are among those that settings name. No Spark."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def among(texts: pa.Array, named: Collection[str]) -> NDArray[np.bool_]:
    """Which texts are among the named ones: (n,) bool, False where there is no text."""
    found = pc.is_in(texts.cast(pa.string()), value_set=pa.array(named, pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)
