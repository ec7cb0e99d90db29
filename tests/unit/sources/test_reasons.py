"""The reason of a score is the history item with the largest part in it times rarity: against dense attributions."""

import numpy as np

from shortlist.config.sources import AlsSourceConfig
from shortlist.kernels.arrays import Rows
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.fold_in import FoldInScorer
from shortlist.sources.inputs import FoldIn
from shortlist.sources.item_vectors import REASON_ITEMS
from tests.unit.sources.small_world import (
    ALS,
    BATCH,
    CASES,
    EVERY_ITEM,
    FACTORS,
    GIVEN,
    ITEMS,
    RARITY,
    SAMPLE,
    SIMILAR,
    SUBJECTS,
    TAKEN,
    TERMS,
    UNITS,
    USERS,
    Taken,
    clusters,
    heaviest,
    history_of,
)


def reasons(name: str) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    scorer = CASES[name].scorer
    return scorer.explain(BATCH, scorer.prepare(BATCH), EVERY_ITEM).reshape(SUBJECTS, ITEMS)


def check_reasons(
    name: str, parts: list[dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]]], exponent: int = 1
) -> None:
    """Each subject's parts: history item -> what it adds to every item; and the exponent of rarity."""
    rarity = RARITY.astype(np.float64) ** exponent
    found = reasons(name)
    named = 0
    for subject, added in enumerate(parts):
        for item in range(ITEMS):
            best = max((part[item] * rarity[seed] for seed, part in added.items()), default=0.0)
            if found[subject, item] < 0:
                assert best < 1e-9
            else:
                named += 1
                seed = int(found[subject, item])
                np.testing.assert_allclose(added[seed][item] * rarity[seed], best, rtol=1e-5)
    assert named > 50


def test_reasons__of_neighbours() -> None:
    for name, seeds in (("neighbour_lists", 4), ("multi_hit", 50)):
        histories = [heaviest(history_of(subject), seeds) for subject in range(SUBJECTS)]
        check_reasons(name, [{item: weight * SIMILAR[item] for item, weight in history} for history in histories])


def test_reasons__of_texts() -> None:
    histories = [heaviest(history_of(subject), 5) for subject in range(SUBJECTS)]
    check_reasons(
        "content", [{item: weight * (TERMS @ TERMS[item]) for item, weight in history} for history in histories]
    )


def influences(taken: Taken) -> dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """What each liked item adds to every score of the fold-in: y_j' (a0 Y'Y + reg I + Y_u' W Y_u)^-1 w_i y_i."""
    observed = np.where(taken.weight < 0, ALS.hide_weight, taken.weight)
    mine = FACTORS[list(taken.items)]
    strength = ALS.regularization * (len(taken.items) + (ITEMS - 1) / ALS.alpha) ** ALS.nu
    left = FACTORS.T @ FACTORS / ALS.alpha + strength * np.eye(6) + mine.T @ (observed[:, None] * mine)
    liked = [(item, weight) for item, weight in zip(taken.items, taken.weight, strict=True) if weight > 0]
    return {item: FACTORS @ np.linalg.solve(left, weight * FACTORS[item]) for item, weight in liked}


def test_reasons__of_folded_in_users_are_the_largest_parts_of_the_score() -> None:
    parts = [influences(history_of(subject)) for subject in range(SUBJECTS)]
    for subject, of_subject in enumerate(parts):
        if of_subject:
            scores = CASES["fold_in"].reference(history_of(subject))
            np.testing.assert_allclose(np.nansum([*of_subject.values()], axis=0), np.nan_to_num(scores), atol=1e-9)
        for item, part in of_subject.items():
            part[item] = 0  # no reason for itself
    check_reasons("fold_in", parts, exponent=2)
    assert [found for found in reasons("fold_in")[np.nonzero(TAKEN)] if found >= 0]


def shared(taken: Taken) -> dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """What neighbours add, dealt out to the history items by their part in the similarity."""
    degrees = np.maximum(TAKEN[:SAMPLE].sum(axis=0), 1)
    liked = [(item, weight) for item, weight in zip(taken.items, taken.weight, strict=True) if weight > 0]
    part = np.array(
        [
            [w * degrees[i] ** -0.5 * max(TAKEN[v].sum(), 1) ** -0.5 * TAKEN[v, i] for i, w in liked]
            for v in range(SAMPLE)
        ]
    )
    similarity = part.sum(axis=1) if liked else np.zeros(SAMPLE)
    if taken.row >= 0:
        similarity[taken.row] = 0
    nearest = sorted(range(SAMPLE), key=lambda v: (-similarity[v], v))[: USERS.nearest]
    added = {}
    for place, (item, _) in enumerate(liked):
        added[item] = np.sum([similarity[v] ** 0.5 * part[v, place] * GIVEN[v] for v in nearest], axis=0)
    return added


def test_reasons__of_users() -> None:
    check_reasons("user_neighbours", [shared(history_of(subject)) for subject in range(SUBJECTS)])


def test_reasons__what_is_taken_again_is_its_own() -> None:
    found, rows = reasons("repeat"), Rows(BATCH.history_starts, BATCH.history_items)
    for subject in range(SUBJECTS):
        mine = rows.indices[rows.indptr[subject] : rows.indptr[subject + 1]]
        weights = BATCH.history["weight"][rows.indptr[subject] : rows.indptr[subject + 1]]
        expected = np.full(ITEMS, -1)
        expected[mine[weights > 0]] = mine[weights > 0]
        assert found[subject].tolist() == expected.tolist()


def test_reasons__of_interests_name_the_middle_of_the_nearest() -> None:
    found = reasons("interests")
    for subject in range(SUBJECTS):
        taken = history_of(subject)
        weight = dict(zip(taken.items, taken.weight, strict=True))
        middles = {
            max(part, key=lambda item: round(sum(weight[other] * UNITS[item] @ UNITS[other] for other in part), 9))
            for part in clusters(taken)
        }
        assert set(found[subject].tolist()) <= middles or (not middles and set(found[subject].tolist()) == {-1})
    assert len(np.unique(found)) > 20


def test_reasons__of_folded_in_users_look_at_the_heaviest_of_a_long_history() -> None:
    """Item 60 alone is like what is asked for, 0; it is named while it is among the entries that are looked at."""
    factors = np.zeros((61, 2))
    factors[:, 1], factors[[0, 60]] = 1.0, [1.0, 0.0]
    scorer = FoldInScorer(FoldIn.of(factors, ALS).arrays, ALS, AlsSourceConfig())
    for weight, named in ((2.0, 60), (0.5, -1)):
        items = np.arange(60 - REASON_ITEMS, 61, dtype=np.int32)
        weights = np.array([1.0] * REASON_ITEMS + [weight], np.float32)
        batch = SubjectBatch(np.array([0, len(items)]), items, {"weight": weights, "rarity": np.ones_like(weights)},
                             np.zeros(2, np.int64), items[:0], np.array([-1], np.int32))  # fmt: skip
        asked = CandidateSet(np.array([0, 1]), np.zeros(1, np.int32))
        assert scorer.explain(batch, scorer.prepare(batch), asked).tolist() == [named]
