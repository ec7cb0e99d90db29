"""Which candidates the slots for interests are filled from, and in which order. No Spark."""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Indices
from shortlist.kernels.ranking import take_turns
from shortlist.sources.batch import Scorer
from shortlist.sources.common_set import ScoredBlock
from shortlist.sources.interests import InterestsScorer, InterestVectors

INTERESTS: Final = "interests"


def interest_turns(
    block: ScoredBlock, scorer: Scorer[Any], proposed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Indices]:
    """The turn of each candidate for the slots of interests, and the item in the middle of the interest that brings it.

    Args:
        block: candidates.
        scorer: the source.
        proposed: (C,) whether it proposed the candidate.

    Returns:
        (C,) as `take_turns` numbers them, -1 where it did not propose the candidate; and (C,) int32 items, -1 there.
    """
    numbers, medoids = np.full(len(proposed), -1, np.int64), np.full(len(proposed), -1, np.int32)
    chosen = np.flatnonzero(proposed)
    theirs = block.candidates.take(chosen)
    vectors = cast("InterestVectors", block.prepared[INTERESTS])
    owners = np.repeat(np.arange(block.batch.size), np.diff(theirs.starts))
    scores = cast("InterestsScorer", scorer).by_interest(vectors, theirs)
    numbers[chosen], interests = take_turns(theirs.starts, scores, vectors.shares)
    medoids[chosen] = vectors.medoids[owners, interests]
    return numbers, medoids
