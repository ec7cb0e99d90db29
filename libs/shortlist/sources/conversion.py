"""What the subject took and did not buy yet, by how many of those who take an item buy it."""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import ConversionSourceConfig
from shortlist.kernels.arrays import Floats, finite_doubles, require_shape
from shortlist.sources.batch import BOUGHT, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.own_items import OwnItemsScorer
from shortlist.subjects import SubjectType


class Conversion:
    """Items that a subject looked at, saved or put into its cart, and did not buy."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """The share of buyers of each item."""
        return ("conversion_rates",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        rates = given(artefacts.conversion_rates, "conversion_rates")
        return OwnItemsScorer(len(rates), partial(open_values, rates=rates, config=settings.sources.conversion))


def conversion_rates(takers: ArrayLike, buyers: ArrayLike, smoothing: float) -> Floats:
    """(b + s p) / (t + s) of each item: b of its t takers bought it, p is the share of buyers over all items, s the smoothing.

    Args:
        takers: (items,) users who took each item in any way.
        buyers: (items,) those of them who bought it.
        smoothing: takers that are added to each item, of whom the usual share buys.

    Returns:
        (items,) float32 in [0, 1]; 0 where nothing is counted.
    """
    taken = finite_doubles(takers, "takers", least=0.0)
    bought = finite_doubles(buyers, "buyers", least=0.0)
    require_shape(bought, taken.shape, "buyers")
    usual = bought.sum() / max(taken.sum(), 1.0)
    counted = taken + smoothing
    rates: Floats = ((bought + smoothing * usual) / np.where(counted > 0, counted, 1)).astype(np.float32)
    return rates


def open_values(batch: SubjectBatch, rates: Floats, config: ConversionSourceConfig) -> NDArray[np.float32]:
    """The weight of each history entry that is no purchase times the item's rate, 0 of what was bought: (E,) float32."""
    weights = np.maximum(batch.column(config.weight), 0)
    values: NDArray[np.float32] = np.where(batch.column(BOUGHT) > 0, 0, weights * rates[batch.history_items])
    return values.astype(np.float32)
