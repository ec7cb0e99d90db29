"""A list holds at most so many items of one creator."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import better_in_group


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if surface.max_per_creator is None:
        return np.ones(len(candidates.subjects), np.bool_)
    creators = candidates.traits.creators
    better = better_in_group(candidates.subjects, creators)
    return (creators < 0) | (better < surface.max_per_creator)


MAX_PER_CREATOR = ListRule(
    lambda surface: surface.max_per_creator is not None,
    _keeps,
    "better items of its creator fill the places that max_per_creator leaves to one",
)
