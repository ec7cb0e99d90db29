"""Slots of a list are kept for fresh items, as far as they are proposed: older ones fill the others only."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import better_in_group


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    fresh = candidates.traits.fresh
    if surface.fresh is None:
        return np.ones(len(fresh), np.bool_)
    subjects, rows = np.unique(candidates.subjects, return_inverse=True)
    proposed = np.bincount(rows[fresh], minlength=len(subjects))
    older = surface.k - np.minimum(proposed, surface.fresh.slots)
    better = better_in_group(candidates.subjects, fresh.astype(np.int32))
    kept: NDArray[np.bool_] = fresh | (better < older[rows])
    return kept


FRESH_SLOTS = ListRule(
    lambda surface: surface.fresh is not None,
    _keeps,
    "better items fill the slots that fresh.slots leaves to older ones",
)
