"""Which candidates the slots for interests are filled from, and in which order. No Spark."""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.slots import interest_order
from shortlist.kernels.arrays import Indices
from shortlist.sources.batch import CandidateSet, Scorer
from shortlist.sources.common_set import ScoredBlock
from shortlist.sources.interests import InterestsScorer, InterestVectors

INTERESTS: Final = "interests"


def interest_numbers(
    block: ScoredBlock, scorer: Scorer[Any], row: int, proposed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The turn of each candidate for the slots of interests: (C,) as `interest_order`, -1 where none proposed it.

    Args:
        block: candidates with scores.
        scorer: the source.
        row: of its scores.
        proposed: (C,) whether it proposed the candidate.
    """
    numbers = np.full(len(proposed), -1, np.int64)
    chosen = np.flatnonzero(proposed)
    theirs = block.candidates.take(chosen)
    vectors = cast("InterestVectors", block.prepared[INTERESTS])
    nearest = cast("InterestsScorer", scorer).nearest(vectors, theirs)
    owners = owners_of(theirs)
    numbers[chosen] = interest_order(owners, nearest, block.scores[row, chosen], vectors.shares[owners, nearest])
    return numbers


def medoids_of(
    block: ScoredBlock, scorer: Scorer[Any], listed: NDArray[np.int64], brought: NDArray[np.bool_]
) -> Indices:
    """The item in the middle of the interest that brought each listed candidate into its slot: (L,) int32, -1 for none.

    Args:
        block: candidates.
        scorer: the source.
        listed: (L,) which candidates are listed.
        brought: (L,) whether an interest brought it.
    """
    medoids = np.full(len(listed), -1, np.int32)
    asked = np.flatnonzero(brought)
    # Candidates ascend within their subject, listed items do not.
    asked = asked[np.argsort(listed[asked])]
    medoids[asked] = scorer.explain(block.batch, block.prepared[INTERESTS], block.candidates.take(listed[asked]))
    return medoids


def owners_of(candidates: CandidateSet) -> NDArray[np.int64]:
    """Whose each candidate is: (C,)."""
    lengths = np.diff(candidates.starts)
    return np.repeat(np.arange(len(lengths)), lengths)
