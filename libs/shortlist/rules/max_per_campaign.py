"""A list holds at most so many items of one campaign."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import at_most


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    most = None if surface.promotions is None else surface.promotions.max_per_campaign
    return at_most(candidates.subjects, candidates.campaigns, most)


MAX_PER_CAMPAIGN = ListRule(
    lambda surface: surface.promotions is not None and surface.promotions.max_per_campaign is not None,
    _keeps,
    "better items of its campaign fill the slots that promotions.max_per_campaign leaves to one",
)
