"""A list holds at most so many items of one campaign."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import better_in_group


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if surface.promotions is None or surface.promotions.max_per_campaign is None:
        return np.ones(len(candidates.subjects), np.bool_)
    better = better_in_group(candidates.subjects, candidates.campaigns)
    return (candidates.campaigns < 0) | (better < surface.promotions.max_per_campaign)


MAX_PER_CAMPAIGN = ListRule(
    lambda surface: surface.promotions is not None and surface.promotions.max_per_campaign is not None,
    _keeps,
    "better items of its campaign fill the places that promotions.max_per_campaign leaves to one",
)
