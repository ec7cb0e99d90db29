"""Of items that are the same thing a list holds the best one."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import better_in_group


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    keys = candidates.traits.content_keys
    same_and_best: NDArray[np.bool_] = (keys < 0) | (better_in_group(candidates.subjects, keys) == 0)
    return same_and_best


ONE_PER_CONTENT_KEY = ListRule(
    lambda surface: surface.one_per_content_key,
    _keeps,
    "a better item of its content_key is in the list: they are the same thing (one_per_content_key)",
)
