"""A blend in the pass: scores by hand, and which source speaks for a candidate."""

import numpy as np
import pytest

from shortlist.blending.blended import Blended, block_features
from shortlist.blending.logistic import Logistic
from shortlist.blending.z_sum import ZSum
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.common_set import ScoredBlock

NAMES = ["als", "walks", "popularity"]
POPULAR = np.zeros(4, np.float32)
# One subject, four candidates: standard scores of als are -1.34, -.45, .45, 1.34, those of walks the other way round.
SCORES = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [5, 5, 5, 9]], np.float32)
ALL = np.arange(4)
# Nobody but popularity proposed the last one.
RANKS = np.array([[0, 2, 1, 0], [1, 2, 0, 0], [2, 3, 4, 1]], np.int32)


def block_of(scores: np.ndarray) -> ScoredBlock:
    nothing = np.zeros(2, np.int64), np.empty(0, np.int32)
    subject = SubjectBatch(*nothing, {}, *nothing, np.full(1, -1, np.int32))
    candidates = CandidateSet(np.array([0, 4]), np.arange(4, dtype=np.int32))
    return ScoredBlock(0, subject, candidates, scores, {}, np.empty((0, 1, 0), np.int32))


def test_scores_are_the_weighted_sum_and_the_largest_part_speaks() -> None:
    ranked = Blended(ZSum({"als": 1.0, "walks": 0.25}), NAMES, "popularity", POPULAR).rank(block_of(SCORES), RANKS)
    standard = (np.arange(1, 5) - 2.5) / np.sqrt(1.25)
    np.testing.assert_allclose(ranked.scores, 0.75 * standard, rtol=1e-6)
    # 0: only walks; 1: als adds -.45, walks .11; 2: als; 3: nobody else proposed it.
    assert ranked.winners(ALL).tolist() == [1, 1, 0, 2]
    np.testing.assert_allclose(ranked.contributions, [standard, -0.25 * standard, 0 * standard], rtol=1e-6)


def test_the_fallback_never_speaks_where_another_source_proposed() -> None:
    blend = ZSum({"als": 0.1, "popularity": 1.0})
    ranked = Blended(blend, NAMES, "popularity", POPULAR).rank(block_of(SCORES), RANKS)
    assert ranked.winners(ALL).tolist() == [1, 1, 0, 2]
    assert ranked.scores.argmax() == 3
    without = Blended(blend, NAMES, None, POPULAR).rank(block_of(SCORES), RANKS)
    assert without.winners(ALL).tolist() == [1, 1, 0, 2]


def test_a_source_that_cannot_say_adds_nothing() -> None:
    scores = SCORES.copy()
    scores[0] = np.nan
    ranked = Blended(ZSum({"als": 1.0, "walks": 1.0}), NAMES, "popularity", POPULAR).rank(block_of(scores), RANKS)
    np.testing.assert_allclose(ranked.scores, (2.5 - np.arange(1, 5)) / np.sqrt(1.25), rtol=1e-6)


def test_a_blend_that_reads_ranks_is_given_the_features_that_it_learned_from() -> None:
    features = block_features(block_of(SCORES), NAMES, POPULAR)
    coefficients = dict.fromkeys(features.names, 0.0) | {"log_rank_als": -1.0}
    ranked = Blended(Logistic(coefficients, 0.5, coefficients), NAMES, None, POPULAR).rank(block_of(SCORES), RANKS)
    np.testing.assert_allclose(ranked.scores, 0.5 - np.log1p([3, 2, 1, 0]), rtol=1e-6)
    assert np.isnan(ranked.contributions).all()  # it is no sum over sources
    with pytest.raises(ValueError, match="learned from"):
        Blended(Logistic({"z_als": 1.0}, 0.0, {"z_als": 1.0}), NAMES, None, POPULAR).rank(block_of(SCORES), RANKS)
