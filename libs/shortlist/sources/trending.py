"""Which items grew lately: events of a window against what the windows before let expect."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import TrendingSourceConfig
from shortlist.kernels.arrays import finite_doubles, require_shape
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.subjects import SubjectType


class Trending:
    """Items that grew lately, the same for every subject."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Growth of each item."""
        return ("growth",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[None]:
        """The scorer."""
        return ItemValuesScorer(given(artefacts.growth, "growth"))


def growth(lately: ArrayLike, before: ArrayLike, config: TrendingSourceConfig) -> NDArray[np.float32]:
    """ln((n + s) / (e + s)) of each item where it is above 0, else 0: the value that `ItemValuesScorer` ranks.

    n are its events in the window, e those of the windows before divided by their number, s the smoothing. A new item has
    e = 0 and can trend; a few events on an item that had none are no trend, because s is added on both sides.

    Args:
        lately: (items,) events in the window.
        before: (items,) events in the `windows_before` windows before it.
        config: the number of windows, the smoothing.
    """
    now = finite_doubles(lately, "events lately", least=0.0)
    earlier = finite_doubles(before, "events before", least=0.0)
    require_shape(earlier, now.shape, "events before")
    expected = earlier / config.windows_before
    grown = np.log((now + config.smoothing) / (expected + config.smoothing))
    above: NDArray[np.float32] = np.maximum(grown, 0.0).astype(np.float32)
    return above
