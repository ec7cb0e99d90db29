"""A list holds substitutes of its subject alone, or complements alone, where the catalog says which is which."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.relations import COMPLEMENT, RELATIONS, SUBSTITUTE

_NAMED: Final = {"substitutes": RELATIONS.index(SUBSTITUTE), "complements": RELATIONS.index(COMPLEMENT)}


def _is_on(surface: SurfaceConfig) -> bool:
    return surface.relations is not None and surface.relations.only is not None


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    only = None if surface.relations is None else surface.relations.only
    if only is None or candidates.relations is None:
        return np.ones(len(candidates.subjects), np.bool_)
    kept: NDArray[np.bool_] = candidates.relations == _NAMED[only]
    return kept


ONLY_RELATION = ListRule(
    _is_on,
    _keeps,
    "by its category it is no such substitute or complement of the subject as relations.only asks for",
)
