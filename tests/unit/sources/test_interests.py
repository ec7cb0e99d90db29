"""What the interests of a user bring, in a world whose structure is planted."""

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from shortlist.config import AlsConfig
from shortlist.config.sources import InterestsSourceConfig
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.inputs import FoldIn
from shortlist.sources.interests import InterestsScorer, cut
from shortlist.sources.item_vectors import ItemVectors

# Items 0 to 29 are of one kind and 30 to 39 of another. The vectors of the first kind are twice as long, so the largest score of
# an item of the second kind is below those of the first.
KINDS: Final = np.repeat([0, 1], [30, 10])
FACTORS: Final = np.eye(4)[KINDS] * np.where(KINDS == 0, 2.0, 1.0)[:, None]
FACTORS[:, 2:] = 0.1 * np.random.default_rng(5).standard_normal((40, 2))
UNITS: Final = FACTORS / np.linalg.norm(FACTORS, axis=1, keepdims=True)
EVERY: Final = np.ones(40, np.uint8)


def user_of(*taken: int) -> SubjectBatch:
    """Who took these items, of weight 1, and is given none of them again."""
    items, starts = np.array(taken, np.int32), np.array([0, len(taken)])
    weights = {"weight": np.ones(len(items), np.float32)}
    return SubjectBatch(starts, items, weights, starts, items, np.full(1, -1, np.int32))


def proposed(batch: SubjectBatch, count: int) -> list[int]:
    """What source `interests`, with two interests a user, proposes to the one user."""
    config, als = InterestsSourceConfig(most=2), AlsConfig(factors=4)
    scorer = InterestsScorer(ItemVectors.of(UNITS, EVERY), FoldIn.of(FACTORS, als).arrays, als, config)
    return [*map(int, scorer.propose(batch, scorer.prepare(batch), count, EVERY)[0])]


def test_interests__a_small_one_is_proposed_by_its_share_however_low_it_scores() -> None:
    # Four fifths of the weight: turns at .625, 1.875, 3.125, 4.375, 5.625, ...; one fifth: 2.5, 7.5, 12.5.
    user = user_of(*range(8), 30, 31)
    found = {count: KINDS[proposed(user, count)].tolist() for count in (2, 3, 5, 10)}
    assert found == {2: [0, 0], 3: [0, 0, 1], 5: [0, 0, 0, 0, 1], 10: [0] * 8 + [1, 1]}


def test_interests__the_shares_are_of_weight_and_not_of_items() -> None:
    user = user_of(*range(8), 30, 31)
    weights = np.where(user.history_items < 30, 1, 4).astype(np.float32)
    assert KINDS[proposed(replace(user, history={"weight": weights}), 6)].tolist() == [0] * 3 + [1] * 3


@pytest.mark.parametrize("most", [1, 3, 20])
def test_cut__gives_the_clusters_that_scipy_gives(most: int) -> None:
    random = np.random.default_rng(most)
    for size in range(2, 40):
        # Every other set is a small lattice, with many merges at the same height.
        points = random.standard_normal((size, 3)) if size % 2 else random.integers(-1, 2, (size, 2)).astype(np.float64)
        merges = linkage(points, "ward")
        found, expected = cut(merges, most), fcluster(merges, most, "maxclust")
        assert (found[:, None] == found).tolist() == (expected[:, None] == expected).tolist()
