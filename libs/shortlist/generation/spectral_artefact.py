"""The smoothest directions of what users took, decomposed in the night that uses them: there is no table of them."""

import numpy as np
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, SUPPORT, WEIGHT
from shortlist.generation.loading import Loading
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.models.spectral.fit import fit_spread
from shortlist.sources.spectral import SpectralArrays, spectral_arrays


def spectrum(loading: Loading) -> SharedArrays[SpectralArrays]:
    """The basis, and which items somebody took; where nobody took anything no item is known."""
    items, config = loading.items, loading.settings.sources.spectral
    pairs = loading.history.taken.withColumn(WEIGHT, F.lit(1.0).cast("float"))
    counted = pairs.groupBy(ITEM_ID).agg(F.count("*").alias(SUPPORT)).toArrow()
    degrees = items.counts(counted, SUPPORT).astype(np.int64)
    basis = (
        fit_spread(pairs, items.ids, degrees, config, loading.models.folder)
        if degrees.any()
        else np.zeros((len(items.ids), 1), np.float32)
    )
    return loading.share(spectral_arrays(basis, degrees, config))
