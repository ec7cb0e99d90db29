"""What a candidate is to the item whose list it is on: a substitute is in its category, a complement in another one. No Spark."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Indices

SUBSTITUTE, COMPLEMENT = "substitute", "complement"
RELATIONS: Final = (SUBSTITUTE, COMPLEMENT)


def relations_of(subjects: Indices, candidates: Indices) -> NDArray[np.int8]:
    """The relation of each pair of a subject and a candidate: (n,) int8 positions in RELATIONS, -1 where there is none.

    Args:
        subjects: (n,) the category of each subject, -1 for none.
        candidates: (n,) that of its candidate, likewise.
    """
    related = np.where(subjects == candidates, RELATIONS.index(SUBSTITUTE), RELATIONS.index(COMPLEMENT))
    return np.where((subjects < 0) | (candidates < 0), -1, related).astype(np.int8)
