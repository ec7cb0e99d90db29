"""What sources are made from: fits by hand, against dense references, and on planted structures."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from shortlist.config import AlsConfig
from shortlist.config.sources import (
    AlsSourceConfig,
    CategoryAffinitySourceConfig,
    ContentSourceConfig,
    FreshSourceConfig,
    NeighbourListsSourceConfig,
    SessionNeighboursSourceConfig,
    SessionNextSourceConfig,
    SpectralSourceConfig,
    TrendingSourceConfig,
    UserNeighboursSourceConfig,
)
from shortlist.kernels.cooccurrence import cooccur
from shortlist.kernels.ials import fit_ials
from shortlist.kernels.observations import observe
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.category_affinity import CategoryAffinityScorer, category_shares
from shortlist.sources.content import ContentScorer, fit_text, text_rows
from shortlist.sources.fold_in import FoldInScorer
from shortlist.sources.fresh import freshness
from shortlist.sources.inputs import FoldIn
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer
from shortlist.sources.session_neighbours import SessionNeighboursScorer, session_sample
from shortlist.sources.session_next import SessionNextScorer, fit_followers
from shortlist.sources.spectral import SpectralScorer, fit_spectral, spectral_arrays
from shortlist.sources.trending import growth
from shortlist.sources.user_neighbours import UserNeighboursScorer, recency, user_sample
from tests.unit.sources.small_world import rows_of

USERS, ITEMS = 24, 20
# A checkerboard: even users take even items, odd users odd ones; each lacks one of its own kind.
BOARD = (np.arange(USERS)[:, None] + np.arange(ITEMS)) % 2 == 0
LACKING = np.array([(2 * (user // 2) + user % 2) % ITEMS for user in range(USERS)])
BOARD[np.arange(USERS), LACKING] = False


def board_batch(sample_rows: NDArray[np.int32]) -> SubjectBatch:
    starts, items = rows_of(BOARD)
    ones = np.ones(len(items), np.float32)
    positions = np.concatenate([np.arange(n)[::-1] for n in np.diff(starts)]).astype(np.float32)
    return SubjectBatch(starts, items, {"weight": ones, "position": positions}, starts, items, sample_rows)


def board_scorers() -> dict[str, Any]:
    rows = rows_of(BOARD)
    als = AlsConfig(factors=4, regularization=0.01, alpha=10.0, epochs=8)
    model = fit_ials(observe(rows, np.ones(len(rows[1])), ITEMS), ITEMS, factors=4, regularization=0.01,
                     unobserved_weight=0.1, epochs=8, seed=1, threads=1)  # fmt: skip
    walk = cooccur(rows, ITEMS, ["rp3beta"], ITEMS, alpha=1.0, beta=0.2)
    lists = NeighbourLists.padded(walk.items[0], walk.scores[0])
    spectral = SpectralSourceConfig(factors=2)
    degrees = BOARD.sum(axis=0)
    following = SessionNextSourceConfig(last=ITEMS, position_decay=1.0, distance_decay=0.9, discount=0.0)
    content = ContentSourceConfig(most_share=1.0)
    words = [("even tide" if item % 2 == 0 else "odd job") + " thing" for item in range(ITEMS)]
    affinity = CategoryAffinitySourceConfig()
    sessions = SessionNeighboursSourceConfig()
    return {
        "fold_in": FoldInScorer(FoldIn.of(model.item_factors, als).arrays, als, AlsSourceConfig()),
        "rp3beta": NeighbourListsScorer(lists, NeighbourListsSourceConfig()),
        "multi_hit": NeighbourListsScorer(lists, NeighbourListsSourceConfig(scoring="multi-hit")),
        "spectral": SpectralScorer(spectral_arrays(fit_spectral(rows, ITEMS, spectral), degrees, spectral), spectral),
        "user_neighbours": UserNeighboursScorer(user_sample(rows, ITEMS), UserNeighboursSourceConfig()),
        "session_neighbours": SessionNeighboursScorer(session_sample(rows, ITEMS, sessions), sessions),
        # All of a history votes, because what is lacking may come before its last items.
        "session_next": SessionNextScorer(fit_followers(rows, ITEMS, following), following),
        "content": ContentScorer(fit_text(words, content), content),
        "category_affinity": CategoryAffinityScorer(
            category_shares(np.arange(ITEMS) % 2, degrees, affinity), affinity
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", board_scorers())
def test_a_checkerboard_is_completed(name: str) -> None:
    scorer = board_scorers()[name]
    batch = board_batch(np.arange(USERS, dtype=np.int32))
    found = scorer.propose(batch, scorer.prepare(batch), 1, np.ones(ITEMS, np.uint8))
    # The first item of each kind is followed by others and follows nobody.
    wanted = LACKING if name != "session_next" else np.where(LACKING > 1, LACKING, found[:, 0])
    assert found[:, 0].tolist() == wanted.tolist()


def test_fold_in__an_item_that_the_model_does_not_know_is_no_observation() -> None:
    factors = np.random.default_rng(0).standard_normal((5, 3))
    factors[4] = 0
    als = AlsConfig(factors=3, regularization=0.1, alpha=5.0)
    scorer = FoldInScorer(FoldIn.of(factors, als).arrays, als, AlsSourceConfig())
    nobody = np.zeros(3, np.int64)
    # Subject 0 took items 0 and 1, subject 1 also item 4.
    batch = SubjectBatch(np.array([0, 2, 5]), np.array([0, 1, 0, 1, 4], np.int32), {"weight": np.ones(5, np.float32)},
                         nobody, nobody[:0].astype(np.int32), np.full(2, -1, np.int32))  # fmt: skip
    vectors = scorer.prepare(batch)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert vectors[0].any()


# ---------------------------------------------------------------- spectral
def test_fit_spectral__equals_the_dense_decomposition() -> None:
    taken = np.random.default_rng(5).random((40, 25)) < 0.25
    taken[:, 3] = False
    config = SpectralSourceConfig(factors=6, oversampling=10, iterations=12)
    basis = fit_spectral(rows_of(taken), 25, config).astype(np.float64)
    users, items = np.maximum(taken.sum(1), 1), np.maximum(taken.sum(0), 1)
    right = np.linalg.svd(taken / np.sqrt(users[:, None] * items[None, :]))[2][:6].T
    np.testing.assert_allclose(basis @ basis.T, right @ right.T, atol=2e-4)
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-5)
    assert (basis[np.abs(basis).argmax(axis=0), np.arange(6)] > 0).all()


def test_fit_spectral__no_more_vectors_than_the_graph_has() -> None:
    taken = np.eye(3, 5) > 0
    assert fit_spectral(rows_of(taken), 5, SpectralSourceConfig(factors=9)).shape == (5, 3)
    with pytest.raises(ValueError, match="nobody took anything, so there is no graph; next:"):
        fit_spectral(rows_of(np.zeros((3, 5), bool)), 5, SpectralSourceConfig())


# ---------------------------------------------------------------- samples
def test_recency__halves_with_every_half_life() -> None:
    assert recency([0.0, 30.0, 60.0], 30.0).tolist() == [1.0, 0.5, 0.25]
    assert recency([0.0, 30.0, 60.0], None).tolist() == [1.0, 1.0, 1.0]


def test_user_neighbours__what_neighbours_give_may_differ_from_what_they_took() -> None:
    # Both neighbours share item 0; only user 1 took item 2 lately.
    sample = user_sample(([0, 2, 4], [0, 1, 0, 2]), 3, [0.0, 0.0, 0.0, 1.0])
    scorer = UserNeighboursScorer(sample, UserNeighboursSourceConfig())
    batch = SubjectBatch(np.array([0, 1]), np.array([0], np.int32), {"weight": np.ones(1, np.float32)},
                         np.array([0, 1]), np.array([0], np.int32), np.array([-1], np.int32))  # fmt: skip
    found = scorer.propose(batch, scorer.prepare(batch), 2, np.ones(3, np.uint8))
    assert found.tolist() == [[2, -1]]


def test_session_sample__an_item_finds_its_newest_sessions_at_its_last_place() -> None:
    config = SessionNeighboursSourceConfig(sessions_per_item=2, recency=0.0)
    sample = session_sample(([0, 2, 5, 6], [0, 1, 0, 1, 0, 0]), 3, config)
    assert sample.item_starts.tolist() == [0, 2, 4, 4]
    assert sample.item_sessions.tolist() == [1, 2, 0, 1]
    assert sample.item_positions.tolist() == [2, 0, 1, 1]
    np.testing.assert_allclose(sample.scales, [2**-0.5, 3**-0.5, 1.0])
    # Item 0 is in all three sessions, item 1 in two, item 2 in none.
    rarity = np.log([4 / 4, 4 / 3, 4 / 1])
    np.testing.assert_allclose(sample.rarity, rarity / rarity.mean(), rtol=1e-6)


def test_session_neighbours__what_was_hidden_is_not_in_common() -> None:
    config = SessionNeighboursSourceConfig(recency=0.0)
    scorer = SessionNeighboursScorer(session_sample(([0, 2, 4], [0, 2, 1, 3]), 5, config), config)
    found = scorer.propose(two_taken(), scorer.prepare(two_taken()), 3, np.ones(5, np.uint8))
    # Item 0 leads to item 2; item 1, which leads to item 3, was hidden.
    assert found.tolist() == [[2, -1, -1]]


def test_session_next__what_was_hidden_has_no_vote() -> None:
    config = SessionNextSourceConfig(discount=0.0)
    scorer = SessionNextScorer(fit_followers(([0, 2, 4], [0, 2, 1, 3]), 5, config), config)
    found = scorer.propose(two_taken(), scorer.prepare(two_taken()), 3, np.ones(5, np.uint8))
    assert found.tolist() == [[2, -1, -1]]


def two_taken() -> SubjectBatch:
    """A subject that took item 0 and, last of all, hid item 1; both are masked."""
    items, starts = np.array([0, 1], np.int32), np.array([0, 2])
    history = {"weight": np.array([1, -1], np.float32), "position": np.array([1, 0], np.float32)}
    return SubjectBatch(starts, items, history, starts, items, np.array([-1], np.int32))


@pytest.mark.parametrize(("own", "wanted"), [(True, [[3, -1]]), (False, [[3, 2]])])
def test_session_neighbours__sample_rows_number_sessions_only_where_subjects_are_sessions(
    own: bool, wanted: list[list[int]]
) -> None:
    config = SessionNeighboursSourceConfig(recency=0.0)
    sample = session_sample(([0, 2, 5, 6], [0, 2, 0, 3, 3, 1]), 4, config)
    scorer = SessionNeighboursScorer(sample, config, subjects_are_sessions=own)
    batch = SubjectBatch(np.array([0, 1]), np.array([0], np.int32),
                         {"weight": np.ones(1, np.float32), "position": np.zeros(1, np.float32)},
                         np.array([0, 1]), np.array([0], np.int32), np.array([0], np.int32))  # fmt: skip
    assert scorer.propose(batch, scorer.prepare(batch), 2, np.ones(4, np.uint8)).tolist() == wanted


def test_fit_followers__by_hand() -> None:
    config = SessionNextSourceConfig(neighbours=2, distance_decay=0.5, discount=1.0)
    lists = fit_followers(([0, 3, 5, 5], [0, 1, 2, 0, 2]), 4, config)
    # Item 2 comes twice after item 0, once at distance 2, and is in two sessions; item 1 once, next to it, and is in one.
    assert lists.starts.tolist() == [0, 2, 3, 3, 3]
    found = dict(zip(lists.items[:2].tolist(), lists.similarities[:2].tolist(), strict=True))
    assert found == {2: (1 + 0.5) / 2, 1: 1.0}
    assert (lists.items[2], lists.similarities[2]) == (2, 0.5)


# ---------------------------------------------------------------- values of items
def test_growth__by_hand() -> None:
    config = TrendingSourceConfig(windows_before=3, smoothing=10)
    values = growth([40, 10, 20, 1, 0], [30, 30, 0, 0, 90], config)
    np.testing.assert_allclose(values, [np.log(50 / 20), 0.0, np.log(30 / 10), np.log(11 / 10), 0.0], rtol=1e-6)
    # A new item trends, one single event is hardly a trend, and what shrank is none.
    assert values.argmax() == 2


def test_freshness__floor_ceiling_and_unknown_ages() -> None:
    config = FreshSourceConfig(days=9, least_users=1, most_users=5)
    values = freshness([0, 9, 10, 3, 3, np.nan, -2], [1, 5, 1, 0, 6, 1, 1], config)
    np.testing.assert_allclose(values, [1.0, 0.1, 0.0, 0.0, 0.0, np.nan, 1.0], rtol=1e-6)


def test_category_shares__by_hand() -> None:
    shares = category_shares([0, 1, 0, -1], [3, 0, 1, 9], CategoryAffinitySourceConfig(smoothing=1.0))
    np.testing.assert_allclose(shares.shares, [4 / 6, 1.0, 2 / 6, 0.0], rtol=1e-6)
    assert shares.count == 2


def test_fit_text__frequent_and_rare_words_are_dropped_and_the_heaviest_kept() -> None:
    texts = ["Café noir", "cafe noir crème", "tea green crème", "TEA green", ""]
    rows = fit_text(texts, ContentSourceConfig(most_share=0.5, terms_per_item=2))
    assert np.diff(rows.starts).tolist() == [2, 2, 2, 2, 0]
    norms = [np.sqrt((rows.weights[rows.starts[i] : rows.starts[i + 1]] ** 2).sum()) for i in range(4)]
    np.testing.assert_allclose(norms, 1.0, rtol=1e-6)
    # cafe 0, creme 1, green 2, noir 3, tea 4: each in two texts, with and without accents; of equal weights the first stays.
    kept = [rows.terms[rows.starts[item] : rows.starts[item + 1]].tolist() for item in range(4)]
    assert kept == [[0, 3], [0, 1], [1, 2], [2, 4]]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ItemValuesScorer([1.0, np.inf]), "the value of item 1 is inf; next: give a finite value"),
        (lambda: category_shares([0, -2], [1, 1], CategoryAffinitySourceConfig()), "category -2 at item 1; next: number"),
        (lambda: fit_text(["one", "two"], ContentSourceConfig()), "no term of 2 texts is in at least 2 items and at most 20%"),
        (lambda: growth([1, -1], [0, 0], TrendingSourceConfig()), "events lately: -1.0 at [1]"),
        (lambda: freshness([1.0], [1, 2], FreshSourceConfig()), "ages has shape (1,), (2) is needed"),
        (lambda: NeighbourLists.of(([0, 1], [0]), [-0.5]), "similarities: -0.5 at [0] (1 such values), finite >= 0"),
        (lambda: NeighbourLists.of(([0, 1], [1]), [0.5]), "neighbours: row 0 holds index 1, allowed is 0 to 0"),
        (lambda: user_sample(([0, 1], [0]), 1, [np.nan]), "given: nan at [0]"),
        (lambda: text_rows(([0, 1], [0]), [0.0], 1), "term weights: 0.0 at [0]"),
        (lambda: session_sample(([0, 1], [2]), 2, SessionNeighboursSourceConfig()), "sessions: row 0 holds index 2"),
    ],
)  # fmt: skip
def test_fitting_refuses(call: Any, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        call()
