"""A list holds at most so many items of one category."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import better_in_group


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if surface.max_per_category is None:
        return np.ones(len(candidates.subjects), np.bool_)
    categories = candidates.traits.categories
    better = better_in_group(candidates.subjects, categories)
    return (categories < 0) | (better < surface.max_per_category)


MAX_PER_CATEGORY = ListRule(
    lambda surface: surface.max_per_category is not None,
    _keeps,
    "better items of its category fill the places that max_per_category leaves to one",
)
