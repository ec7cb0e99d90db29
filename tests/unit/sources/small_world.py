"""A small world of subjects and items, every scorer over it, and for each a dense reference in float64 loops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from heapq import heapify, heapreplace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shortlist.config import AlsConfig
from shortlist.config.sources import (
    AlsSourceConfig,
    CategoryAffinitySourceConfig,
    ContentSourceConfig,
    ConversionSourceConfig,
    FreshSourceConfig,
    InterestsSourceConfig,
    LastBasketSourceConfig,
    NeighbourListsSourceConfig,
    RepeatSourceConfig,
    SessionNeighboursSourceConfig,
    SessionNextSourceConfig,
    SpectralSourceConfig,
    TrendingSourceConfig,
    UserNeighboursSourceConfig,
)
from shortlist.sources.als import FoldedUsers
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.category_affinity import CategoryAffinityScorer, category_shares
from shortlist.sources.content import ContentScorer, text_rows
from shortlist.sources.conversion import conversion_rates, open_values
from shortlist.sources.fold_in import FoldInScorer
from shortlist.sources.fresh import freshness
from shortlist.sources.inputs import FoldIn
from shortlist.sources.interests import InterestsScorer
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer
from shortlist.sources.own_items import OwnItemsScorer
from shortlist.sources.repeat import repeat_scorer
from shortlist.sources.session_neighbours import SessionNeighboursScorer, session_sample
from shortlist.sources.session_next import SessionNextScorer
from shortlist.sources.spectral import SpectralScorer, fit_spectral, spectral_arrays
from shortlist.sources.trending import growth
from shortlist.sources.user_neighbours import UserNeighboursScorer, user_sample

SUBJECTS: Final = 23
ITEMS: Final = 61
# Subject 4 has no history; item 7 is known to nobody.
EMPTY: Final = 4
UNKNOWN: Final = 7
SAMPLE: Final = 12

Dense = NDArray[np.float64]


@dataclass(frozen=True)
class Taken:
    """One subject's history, entry by entry: item, weight, age in days, position, gap in days, whether it was bought."""

    row: int
    items: tuple[int, ...]
    weight: Dense
    age: Dense
    position: Dense
    gap: Dense
    bought: Dense


@dataclass(frozen=True)
class Case:
    """A scorer and what it must say of every item for one subject.

    Attributes:
        scorer: fitted.
        reference: (items,) scores of a history.
        counts: whether only scores above 0 are proposed.
        proposes: which so many of the items that a subject may be given it proposes; None: those with the largest scores.
    """

    scorer: Scorer[Any]
    reference: Callable[[Taken], Dense]
    counts: bool
    proposes: Callable[[Taken, Sequence[int], int], list[int]] | None = None


def rows_of(pattern: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return np.concatenate(([0], np.cumsum(pattern.sum(1)))).astype(np.int64), np.nonzero(pattern)[1].astype(np.int32)


RANDOM: Final = np.random.default_rng(11)
RANDOM_BOUGHT: Final = np.random.default_rng(12)  # of its own, so that what the other draws is as it was
TAKEN: Final = RANDOM.random((SUBJECTS, ITEMS)) < RANDOM.random(ITEMS) * 0.4
TAKEN[EMPTY] = False
TAKEN[:, UNKNOWN] = False
STARTS, HISTORY = rows_of(TAKEN)
LENGTHS: Final = np.diff(STARTS)
WEIGHTS: Final = (RANDOM.integers(1, 9, len(HISTORY)) / 4).astype(np.float32)
# Some hides.
WEIGHTS[RANDOM.random(len(HISTORY)) < 0.1] = -1.0
POSITIONS: Final = np.concatenate([RANDOM.permutation(n) for n in LENGTHS]).astype(np.float32)
AGES: Final = RANDOM.integers(0, 60, len(HISTORY)).astype(np.float32)
GAPS: Final = RANDOM.choice([0.0, 7.0, 30.0], len(HISTORY)).astype(np.float32)
BOUGHT: Final = (RANDOM_BOUGHT.random(len(HISTORY)) < 0.5).astype(np.float32)
# How much an item says of whoever took it, whatever that rests on.
RARITY: Final = np.linspace(0.7, 5.0, ITEMS).astype(np.float32)
MASKED: Final = TAKEN & (RANDOM.random(TAKEN.shape) < 0.6) | (RANDOM.random(TAKEN.shape) < 0.1)
ELIGIBLE: Final = (RANDOM.random(ITEMS) < 0.8).astype(np.uint8)
ROWS: Final = np.where(np.arange(SUBJECTS) < SAMPLE, np.arange(SUBJECTS), -1).astype(np.int32)
BATCH: Final = SubjectBatch(
    STARTS,
    HISTORY,
    {
        "weight": WEIGHTS,
        "age_days": AGES,
        "position": POSITIONS,
        "gap_days": GAPS,
        "bought": BOUGHT,
        "rarity": RARITY[HISTORY],
    },
    *rows_of(MASKED),
    ROWS,
)
EVERY_ITEM: Final = CandidateSet(
    np.arange(SUBJECTS + 1, dtype=np.int64) * ITEMS, np.tile(np.arange(ITEMS, dtype=np.int32), SUBJECTS)
)


def history_of(subject: int) -> Taken:
    part = slice(STARTS[subject], STARTS[subject + 1])
    columns = (column[part].astype(np.float64) for column in (WEIGHTS, AGES, POSITIONS, GAPS, BOUGHT))
    return Taken(int(ROWS[subject]), tuple(HISTORY[part].tolist()), *columns)


def heaviest(taken: Taken, count: int) -> list[tuple[int, float]]:
    pairs = sorted(zip(taken.items, taken.weight, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return [(item, weight) for item, weight in pairs[:count] if weight > 0]


# ---------------------------------------------------------------- item-side arrays
FACTORS: Final = RANDOM.standard_normal((ITEMS, 6))
FACTORS[UNKNOWN] = 0
SIMILAR: Final = np.where(RANDOM.random((ITEMS, ITEMS)) < 0.2, RANDOM.integers(1, 9, (ITEMS, ITEMS)) / 8, 0.0)
LISTS: Final = NeighbourLists.of(rows_of(SIMILAR > 0), SIMILAR[SIMILAR > 0])
DEGREES: Final = TAKEN.sum(axis=0)
BASIS: Final = fit_spectral(rows_of(TAKEN), ITEMS, SpectralSourceConfig(factors=8, iterations=3))
GIVEN: Final = RANDOM.integers(0, 3, (SAMPLE, ITEMS)) / 2 * TAKEN[:SAMPLE]
SESSIONS: Final = [RANDOM.integers(0, ITEMS - 1, RANDOM.integers(1, 9)).tolist() for _ in range(40)]
CATEGORIES: Final = np.where(np.arange(ITEMS) == UNKNOWN, -1, np.arange(ITEMS) % 5)
COUNTS: Final = RANDOM.integers(0, 50, ITEMS).astype(np.float64)
BUYERS: Final = np.floor(COUNTS / (1 + np.arange(ITEMS) % 4))
BEFORE: Final = RANDOM.integers(0, 90, ITEMS).astype(np.float64)
ITEM_AGES: Final = np.where(np.arange(ITEMS) == UNKNOWN, np.nan, RANDOM.integers(0, 50, ITEMS))
TERMS: Final = np.where(RANDOM.random((ITEMS, 30)) < 0.2, RANDOM.integers(1, 9, (ITEMS, 30)) / 8, 0.0)
TERMS[UNKNOWN] = 0

ALS: Final = AlsConfig(factors=6, regularization=0.05, alpha=10.0, nu=0.5, hide_weight=0.5)
INTERESTS: Final = InterestsSourceConfig(most=3, items=9)
UNITS: Final = FACTORS / np.linalg.norm(FACTORS, axis=1, keepdims=True).clip(1e-12)
KNOWN: Final = np.arange(ITEMS) != UNKNOWN
SPECTRAL: Final = SpectralSourceConfig(factors=8, popularity=0.4)
USERS: Final = UserNeighboursSourceConfig(nearest=4, power=1.5)
SESSION: Final = SessionNeighboursSourceConfig(nearest=5, sessions_per_item=6, before=0.6, same=1.3)
NEXT: Final = SessionNextSourceConfig(last=3, position_decay=0.6)
LAST: Final = LastBasketSourceConfig(seeds=3, within_days=20)
AFFINITY: Final = CategoryAffinitySourceConfig()
REPEAT: Final = RepeatSourceConfig(gap="gap_days", cycle=2.0)
TEXT: Final = ContentSourceConfig(heaviest=5)
TREND: Final = TrendingSourceConfig(windows_before=3, smoothing=5)
FRESH: Final = FreshSourceConfig(days=20, least_users=2, most_users=40)


# ---------------------------------------------------------------- references
def fold_in(taken: Taken) -> Dense:
    observed = np.where(taken.weight < 0, ALS.hide_weight, taken.weight)
    targets = (taken.weight > 0).astype(float)
    if not targets.any():
        return np.full(ITEMS, np.nan)
    mine = FACTORS[list(taken.items)]
    known = ITEMS - 1
    strength = ALS.regularization * (len(taken.items) + known / ALS.alpha) ** ALS.nu
    left = FACTORS.T @ FACTORS / ALS.alpha + strength * np.eye(6) + mine.T @ (observed[:, None] * mine)
    scores = FACTORS @ np.linalg.solve(left, mine.T @ (observed * targets))
    scores[UNKNOWN] = np.nan
    return scores


def clusters(taken: Taken) -> list[list[int]]:
    """The heaviest liked items, merged pair by pair as Ward says: the two whose merging adds least to the squared distances."""
    parts = [[item] for item, _ in heaviest(taken, INTERESTS.items)]

    def added(one: list[int], other: list[int]) -> float:
        apart = UNITS[one].mean(axis=0) - UNITS[other].mean(axis=0)
        return len(one) * len(other) / (len(one) + len(other)) * float(apart @ apart)

    while len(parts) > INTERESTS.most:
        pairs = [(added(parts[a], parts[b]), a, b) for b in range(len(parts)) for a in range(b)]
        _, first, second = min(pairs)
        parts[first] += parts.pop(second)
    return [sorted(part) for part in parts]


def by_interest(taken: Taken) -> list[tuple[float, Dense]]:
    """The weight of each interest, and its scores."""
    found = []
    for part in clusters(taken):
        weights = np.array([taken.weight[taken.items.index(item)] for item in part])
        strength = ALS.regularization * (len(part) + (ITEMS - 1) / ALS.alpha) ** ALS.nu
        mine = FACTORS[part]
        left = FACTORS.T @ FACTORS / ALS.alpha + strength * np.eye(6) + mine.T @ (weights[:, None] * mine)
        vector = np.linalg.solve(left, mine.T @ weights)
        scores = FACTORS @ vector / np.linalg.norm(vector)
        scores[UNKNOWN] = np.nan
        found.append((float(weights.sum()), scores))
    return found


def interests(taken: Taken) -> Dense:
    scores: Dense = np.fmax.reduce([np.full(ITEMS, np.nan), *(scores for _, scores in by_interest(taken))])
    return scores


def turn_by_turn(taken: Taken, allowed: Sequence[int], count: int) -> list[int]:
    """The interest that is next brings its next item, and waits the longer the less weight it has; what came is passed over."""
    parts = by_interest(taken)
    best = [sorted(allowed, key=lambda item: (-scores[item], item)) for _, scores in parts]
    wait = [1 / Fraction(weight) for weight, _ in parts]
    heads = [(wait[c] / 2, best[c][0], c, 0) for c in range(len(parts))]
    heapify(heads)
    came: list[int] = []
    while len(came) < min(count, len(allowed)):
        turn, item, c, rank = heads[0]
        came += [] if item in came else [item]
        following = (turn + wait[c], best[c][rank + 1], c, rank + 1) if rank + 1 < len(allowed) else None
        heapreplace(heads, following or (Fraction(10**9), -1, c, rank))
    return came


def neighbours(seeds: int, multi_hit: bool) -> Callable[[Taken], Dense]:
    def scores(taken: Taken) -> Dense:
        total = np.zeros(ITEMS)
        for item, weight in heaviest(taken, seeds):
            total += np.sqrt(weight * SIMILAR[item]) if multi_hit else weight * SIMILAR[item]
        return total**2 if multi_hit else total

    return scores


def spectral(taken: Taken) -> Dense:
    positive = [(item, weight) for item, weight in zip(taken.items, taken.weight, strict=True) if weight > 0]
    if not positive:
        return np.full(ITEMS, np.nan)
    basis = BASIS.astype(np.float64)
    scores = np.zeros(ITEMS)
    for item, weight in positive:
        scores += weight * DEGREES[item] ** -0.5 * (basis @ basis[item]) * np.maximum(DEGREES, 1) ** SPECTRAL.popularity
    scores[DEGREES == 0] = np.nan
    return scores


def users(taken: Taken) -> Dense:
    degrees = np.maximum(TAKEN[:SAMPLE].sum(axis=0), 1)
    similarity = np.zeros(SAMPLE)
    for item, weight in zip(taken.items, taken.weight, strict=True):
        for other in range(SAMPLE):
            if other != taken.row and TAKEN[other, item]:
                similarity[other] += max(weight, 0) * degrees[item] ** -0.5 * max(TAKEN[other].sum(), 1) ** -0.5
    nearest = sorted(range(SAMPLE), key=lambda other: (-similarity[other], other))[: USERS.nearest]
    scores: Dense = np.sum([similarity[other] ** 1.5 * GIVEN[other] for other in nearest], axis=0)
    return scores


def session_rarity() -> Dense:
    holding = np.array([sum(item in session for session in SESSIONS) for item in range(ITEMS)])
    rarity = np.log((len(SESSIONS) + 1) / (holding + 1))
    scaled: Dense = rarity / rarity.mean()
    return scaled


def sessions(taken: Taken) -> Dense:
    rarity = session_rarity()
    found = {
        item: [v for v, s in enumerate(SESSIONS) if item in s][-SESSION.sessions_per_item :] for item in range(ITEMS)
    }
    newest_first = [taken.items[e] for e in np.argsort(taken.position) if taken.weight[e] > 0]
    position = dict(zip(taken.items, taken.position, strict=True))
    near = []
    for v, session in enumerate(SESSIONS):
        common = [item for item in newest_first if v in found[item]]
        if v == taken.row or not common:
            continue
        recency = np.exp(-SESSION.recency * (1 - (v + 1) / len(SESSIONS)))
        shared = sum(SESSION.position_decay ** position[item] * rarity[item] for item in common)
        anchor = max(x for x, item in enumerate(session) if item == common[0])
        near.append((shared * recency * len(session) ** -0.5, -v, anchor))
    scores = np.zeros(ITEMS)
    for similarity, negative, anchor in sorted(near, reverse=True)[: SESSION.nearest]:
        for x, item in enumerate(SESSIONS[-negative]):
            side = 1.0 if x > anchor else SESSION.before if x < anchor else SESSION.same
            scores[item] += similarity * side * SESSION.distance_decay ** abs(x - anchor) * rarity[item] ** 0.5
    return scores


def following(taken: Taken) -> Dense:
    total = np.zeros(ITEMS)
    for item, weight, position in zip(taken.items, taken.weight, taken.position, strict=True):
        if position < NEXT.last and weight > 0:
            total += NEXT.position_decay**position * SIMILAR[item]
    return total


def repeated(taken: Taken) -> Dense:
    scores = np.zeros(ITEMS)
    for item, weight, age, gap in zip(taken.items, taken.weight, taken.age, taken.gap, strict=True):
        due = 1 + REPEAT.cycle * np.exp(-((age - gap) ** 2) / (2 * gap**2)) if gap else 1.0
        scores[item] = max(weight, 0) * due
    return scores


def unbought(taken: Taken) -> Dense:
    scores = np.zeros(ITEMS)
    for item, weight, bought in zip(taken.items, taken.weight, taken.bought, strict=True):
        rate = (BUYERS[item] + 20 * BUYERS.sum() / COUNTS.sum()) / (COUNTS[item] + 20)
        scores[item] = 0 if bought else max(weight, 0) * rate
    return scores


def beside_the_last(taken: Taken) -> Dense:
    newest = min(taken.age[taken.weight > 0], default=0.0)
    last = [age <= newest + LAST.within_days for age in taken.age]
    votes = replace(taken, weight=np.where(last, taken.weight, 0))
    return neighbours(LAST.seeds, multi_hit=False)(votes)


def affinity(taken: Taken) -> Dense:
    scores = np.zeros(ITEMS)
    for item in range(ITEMS):
        same = np.equal(CATEGORIES, CATEGORIES[item])
        liked = sum(w for i, w in zip(taken.items, taken.weight, strict=True) if same[i] and w > 0)
        scores[item] = liked * (COUNTS[item] + 0.1) / (COUNTS[same] + 0.1).sum()
    scores[UNKNOWN] = np.nan
    return scores


def text(taken: Taken) -> Dense:
    scores = np.zeros(ITEMS)
    for item, weight in heaviest(taken, TEXT.heaviest):
        scores += weight * (TERMS @ TERMS[item])
    scores[(TERMS == 0).all(axis=1)] = np.nan
    return scores


def trending(taken: Taken) -> Dense:
    return np.maximum(np.log((COUNTS + 5) / (BEFORE / 3 + 5)), 0)


def fresh(taken: Taken) -> Dense:
    wanted = (ITEM_AGES <= 20) & (COUNTS >= 2) & (COUNTS <= 40)
    return np.where(np.isnan(ITEM_AGES), np.nan, np.where(wanted, 1 - ITEM_AGES / 21, 0))


def voting(seeds: int, multi_hit: bool) -> Case:
    config = NeighbourListsSourceConfig(seeds=seeds, scoring="multi-hit" if multi_hit else "sum")
    return Case(NeighbourListsScorer(LISTS, config), neighbours(seeds, multi_hit), counts=True)


SESSION_SAMPLE: Final = session_sample(
    (np.cumsum([0, *map(len, SESSIONS)]), np.array([i for s in SESSIONS for i in s])), ITEMS, SESSION
)


CASES: Final[dict[str, Case]] = {
    "als": Case(FoldedUsers(FoldIn.of(FACTORS, ALS), ALS, AlsSourceConfig()), fold_in, counts=False),
    "fold_in": Case(FoldInScorer(FoldIn.of(FACTORS, ALS).arrays, ALS, AlsSourceConfig()), fold_in, counts=False),
    "interests": Case(
        InterestsScorer(ItemVectors.of(UNITS, KNOWN), FoldIn.of(FACTORS, ALS).arrays, ALS, INTERESTS),
        interests,
        counts=False,
        proposes=turn_by_turn,
    ),
    "neighbour_lists": voting(4, multi_hit=False),
    "multi_hit": voting(50, multi_hit=True),
    "spectral": Case(SpectralScorer(spectral_arrays(BASIS, DEGREES, SPECTRAL), SPECTRAL), spectral, counts=False),
    "user_neighbours": Case(
        UserNeighboursScorer(user_sample(rows_of(TAKEN[:SAMPLE]), ITEMS, GIVEN[TAKEN[:SAMPLE]]), USERS),
        users,
        counts=True,
    ),
    "session_neighbours": Case(SessionNeighboursScorer(SESSION_SAMPLE, SESSION), sessions, counts=True),
    "session_neighbours_of_users": Case(
        SessionNeighboursScorer(SESSION_SAMPLE, SESSION, subjects_are_sessions=False),
        lambda taken: sessions(replace(taken, row=-1)),
        counts=True,
    ),
    "session_next": Case(SessionNextScorer(LISTS, NEXT), following, counts=True),
    "repeat": Case(repeat_scorer(ITEMS, REPEAT), repeated, counts=True),
    "conversion": Case(
        OwnItemsScorer(
            ITEMS, partial(open_values, rates=conversion_rates(COUNTS, BUYERS, 20), config=ConversionSourceConfig())
        ),
        unbought,
        counts=True,
    ),
    "last_basket": Case(NeighbourListsScorer(LISTS, LAST, LAST.within_days), beside_the_last, counts=True),
    "category_affinity": Case(
        CategoryAffinityScorer(category_shares(CATEGORIES, COUNTS, AFFINITY), AFFINITY), affinity, counts=True
    ),
    "content": Case(ContentScorer(text_rows(rows_of(TERMS > 0), TERMS[TERMS > 0], 30), TEXT), text, counts=True),
    "popularity": Case(ItemValuesScorer(COUNTS), lambda taken: COUNTS, counts=True),
    "trending": Case(ItemValuesScorer(growth(COUNTS, BEFORE, TREND)), trending, counts=True),
    "fresh": Case(ItemValuesScorer(freshness(ITEM_AGES, COUNTS, FRESH)), fresh, counts=True),
}
