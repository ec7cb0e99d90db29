"""A list holds items of at most so many campaigns: those whose best items are best."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import groups_before


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    keeps = np.ones(len(candidates.subjects), np.bool_)
    if surface.promotions is None or surface.promotions.max_campaigns is None:
        return keeps
    of_campaigns = candidates.campaigns >= 0
    before = groups_before(candidates.subjects[of_campaigns], candidates.campaigns[of_campaigns])
    keeps[of_campaigns] = before < surface.promotions.max_campaigns
    return keeps


MAX_CAMPAIGNS = ListRule(
    lambda surface: surface.promotions is not None and surface.promotions.max_campaigns is not None,
    _keeps,
    "other campaigns have better items, and the list has as many campaigns as promotions.max_campaigns allows",
)
