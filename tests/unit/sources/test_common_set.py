"""One candidate set for all sources: the union of what they propose, every source's score, the same for any blocks."""

from itertools import pairwise

import numpy as np
import pytest

from shortlist.sources.batch import CandidateSet
from shortlist.sources.common_set import ScoredBlock, score_given, score_together
from tests.unit.sources.small_world import BATCH, CASES, ELIGIBLE, EVERY_ITEM, ITEMS, MASKED, SUBJECTS, history_of

SCORERS = {name: case.scorer for name, case in CASES.items()}
COUNT = 5


def joined(blocks: list[ScoredBlock]) -> tuple[list[list[int]], bytes]:
    """Candidates of each subject, and all scores in one piece, NaN included."""
    candidates = []
    for block in blocks:
        starts = block.candidates.starts
        candidates += [block.candidates.items[low:high].tolist() for low, high in pairwise(starts)]
    return candidates, np.concatenate([block.scores for block in blocks], axis=1).tobytes()


def test_score_together__candidates_are_what_any_source_proposes() -> None:
    candidates, _ = joined(list(score_together(SCORERS, BATCH, COUNT, ELIGIBLE)))
    lists = [scorer.propose(BATCH, scorer.prepare(BATCH), COUNT, ELIGIBLE) for scorer in SCORERS.values()]
    for subject in range(SUBJECTS):
        proposed = {int(item) for found in lists for item in found[subject] if item >= 0}
        assert candidates[subject] == sorted(proposed)
        assert not MASKED[subject, candidates[subject]].any()
        assert ELIGIBLE[candidates[subject]].all()


def test_score_together__every_source_scores_every_candidate() -> None:
    for block in score_together(SCORERS, BATCH, COUNT, ELIGIBLE, narrow_subjects=4):
        for row, case in zip(block.scores, CASES.values(), strict=True):
            for subject in range(block.batch.size):
                part = slice(block.candidates.starts[subject], block.candidates.starts[subject + 1])
                expected = case.reference(history_of(block.first + subject))[block.candidates.items[part]]
                np.testing.assert_allclose(row[part], expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("wide", "narrow"), [(1, 1), (7, 3), (10, 32), (256, 5)])
def test_score_together__blocks_change_nothing(wide: int, narrow: int) -> None:
    whole = joined(list(score_together(SCORERS, BATCH, COUNT, ELIGIBLE)))
    assert joined(list(score_together(SCORERS, BATCH, COUNT, ELIGIBLE, None, wide, narrow))) == whole


def test_score_together__who_does_not_propose_still_scores() -> None:
    blocks = list(score_together(SCORERS, BATCH, COUNT, ELIGIBLE, {"repeat"}))
    assert [block.scores.shape[0] for block in blocks] == [len(SCORERS)] * len(blocks)
    assert [block.proposals.shape[0] for block in blocks] == [1] * len(blocks)
    own = CASES["repeat"].scorer
    found = own.propose(BATCH, own.prepare(BATCH), COUNT, ELIGIBLE)
    assert joined(blocks)[0] == [sorted(row[row >= 0].tolist()) for row in found]


def test_score_given__the_same_scores_for_candidates_of_others() -> None:
    blocks = list(score_given(SCORERS, BATCH, EVERY_ITEM, subjects=6))
    scores = np.concatenate([block.scores for block in blocks], axis=1)
    for row, case in zip(scores, CASES.values(), strict=True):
        expected = case.scorer.score(BATCH, case.scorer.prepare(BATCH), EVERY_ITEM)
        np.testing.assert_array_equal(row, expected)
    assert [block.first for block in blocks] == [0, 6, 12, 18]
    nobody = CandidateSet(np.zeros(1, np.int64), np.empty(0, np.int32))
    assert list(score_given(SCORERS, BATCH.slice(0, 0), nobody)) == []
    assert scores.shape[1] == SUBJECTS * ITEMS


@pytest.mark.parametrize(
    ("scorers", "proposing", "error"),
    [
        (SCORERS, {"nobody", "repeat"}, "sources nobody should propose, there are als, .*; next: name sources"),
        ({}, None, "sources none should propose, there are none"),
        (SCORERS, set(), "sources none should propose"),
    ],
)
def test_score_together__refuses(scorers: dict[str, object], proposing: set[str] | None, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        list(score_together(scorers, BATCH, COUNT, ELIGIBLE, proposing))  # type: ignore[arg-type]
