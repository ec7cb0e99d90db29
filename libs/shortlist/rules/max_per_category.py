"""A list holds at most so many items of one category."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if surface.max_per_category is None:
        return np.ones(len(candidates.subjects), np.bool_)
    order = np.lexsort((candidates.categories, candidates.subjects))  # stable: the better stay before the worse
    subjects, categories = candidates.subjects[order], candidates.categories[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (subjects[1:] != subjects[:-1]) | (categories[1:] != categories[:-1])
    firsts = np.flatnonzero(begins)
    better = np.empty(len(order), np.int64)
    better[order] = np.arange(len(order)) - np.repeat(firsts, np.diff(firsts, append=len(order)))
    return (candidates.categories < 0) | (better < surface.max_per_category)


MAX_PER_CATEGORY = ListRule(
    lambda surface: surface.max_per_category is not None,
    _keeps,
    "better items of its category fill the places that max_per_category leaves to one",
)
