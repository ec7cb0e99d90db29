"""What a subject bought is not given to it again before it is due: by how often its category is bought again."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import PairFacts, PairRule


def _forbids(pairs: PairFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if surface.pause is None:
        return np.zeros(len(pairs.interval), np.bool_)
    too_early: NDArray[np.bool_] = pairs.since_purchase < np.float32(surface.pause.share) * pairs.interval
    return too_early  # not where it was never bought: NaN is not below anything


PAUSED = PairRule(
    lambda surface: surface.pause is not None,
    _forbids,
    "the subject bought it, and it is not due again (pause)",
)
