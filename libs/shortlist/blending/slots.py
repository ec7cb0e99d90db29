"""Which candidates fill the slots of a list: the best, those that slots are kept for, and some drawn at random. No Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Doubles, Indices, Offsets, offsets_of
from shortlist.kernels.hashes import STEP, mixed

# Why an item is in its slot: its score, a slot that is kept for a group of candidates (`rules.kept_slots`) or for one of the
# interests, or a draw.
RANKED, INTEREST, EXPLORATION = "ranked", "interest", "exploration"
SLOTS: Final = (RANKED, "fresh", "first_time", "substitute", "complement", INTEREST, EXPLORATION)


@dataclass(frozen=True)
class Kept:
    """Slots that are kept for some of C candidates.

    Attributes:
        slots: (C,) int8 positions in SLOTS, for what the slot of a candidate is kept; that of RANKED where none is.
        replaced: (C,) whether a candidate was left out only because slots are kept for others.
    """

    slots: NDArray[np.int8]
    replaced: NDArray[np.bool_]


@dataclass(frozen=True)
class Draw:
    """A random draw for the last slots of lists.

    Attributes:
        slots: how many of the k slots are drawn.
        pool: they are drawn from so many candidates that follow the best.
        numbers: (C,) uint64, a random number for each candidate; the smallest are drawn.
    """

    slots: int
    pool: int
    numbers: NDArray[np.uint64]


@dataclass(frozen=True)
class Filled:
    """The lists of n subjects, L items in all.

    Attributes:
        listed: (L,) int64 positions among the candidates that were given, the best of each subject first.
        starts: (n + 1,) int64, the list of each subject.
        slots: (L,) int8 positions in SLOTS.
        propensities: (L,) float64, the probability with which a draw would list it; 1 where nothing was drawn.
    """

    listed: NDArray[np.int64]
    starts: Offsets
    slots: NDArray[np.int8]
    propensities: Doubles


def fill_slots(
    subjects: NDArray[np.int64],
    allowed: NDArray[np.bool_],
    size: int,
    k: int,
    draw: Draw | None = None,
    kept: Kept | None = None,
) -> Filled:
    """Fill the lists of subjects from their candidates.

    Args:
        subjects: (C,) whose candidate each is; ascending, the best candidate of each first.
        allowed: (C,) whether every rule of the list allows it.
        size: how many subjects.
        k: longest list.
        draw: how the last slots are drawn; None: all slots hold the best.
        kept: slots that are kept for some candidates; None: none are.
    """
    positions = np.flatnonzero(allowed)
    owners = subjects[positions]
    rank = _ranks(owners, size)
    ranked_slots = k if draw is None else k - draw.slots
    chosen, drawn = rank < ranked_slots, np.zeros(len(rank), np.bool_)
    propensities = np.ones(len(rank), np.float64)
    if draw is not None:
        pool = np.flatnonzero((rank >= ranked_slots) & (rank < ranked_slots + draw.pool))
        pool_owners = owners[pool]
        pool_sizes = np.bincount(pool_owners, minlength=size)[pool_owners]
        order = np.lexsort((draw.numbers[positions[pool]], pool_owners))
        chosen[pool[order]] = _ranks(pool_owners[order], size) < draw.slots
        drawn[pool] = pool_sizes > draw.slots
        propensities[pool] = np.minimum(1.0, draw.slots / pool_sizes)
    slots = np.where(drawn, np.int8(SLOTS.index(EXPLORATION)), np.int8(SLOTS.index(RANKED)))
    if kept is not None:
        # The rank that each would have if no slots were kept.
        by_score = allowed | kept.replaced
        rank_by_score = _ranks(subjects[by_score], size)[allowed[by_score]]
        only_kept = ~drawn & (rank_by_score >= np.where(rank < ranked_slots, ranked_slots, k))
        slots[only_kept] = kept.slots[positions[only_kept]]
    starts = offsets_of(owners[chosen], size)
    return Filled(positions[chosen], starts, slots[chosen], propensities[chosen])


def with_interests(
    subjects: NDArray[np.int64], numbers: NDArray[np.int64], size: int, ranked: int, slots: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The order in which candidates are considered: the best so many, then those of interests, then the others by score.

    Args:
        subjects: (C,) whose candidate each is; ascending, the best candidate of each first.
        numbers: (C,) the place at which an interest brings it (`take_turns`), -1 where it is no interest's.
        size: how many subjects.
        ranked: how many are considered by score alone at first.
        slots: how many of interests are considered before the others.

    Returns:
        (C,) positions, and (C,) whether an interest brought the candidate at each position of the input forward.
    """
    behind = np.flatnonzero((_ranks(subjects, size) >= ranked) & (numbers >= 0))
    order = behind[np.lexsort((numbers[behind], subjects[behind]))]
    forward = np.zeros(len(subjects), np.bool_)
    forward[order[_ranks(subjects[order], size) < slots]] = True
    turns = np.where(_ranks(subjects, size) < ranked, 0, np.where(forward, 1, 2))
    return np.lexsort((turns, subjects)), forward  # stable


def in_order_of_score(
    filled: Filled, considered: NDArray[np.int64], forward: NDArray[np.bool_], allowed: NDArray[np.bool_],
    subjects: NDArray[np.int64], size: int, k: int,
) -> Filled:  # fmt: skip
    """Lists that were filled in the order of `with_interests`, by score again; what only an interest brought is said to be so.

    Args:
        filled: lists of positions in that order.
        considered: (C,) that order.
        forward: (C,) whether an interest brought the candidate forward, in the order of scores.
        allowed: (C,) whether every rule of the list allows it, in the order of `considered`.
        subjects: (C,) whose candidate each is, in either order.
        size: how many subjects.
        k: longest list.
    """
    by_score = np.empty(len(allowed), np.bool_)
    by_score[considered] = allowed
    left = np.flatnonzero(by_score)
    beyond = np.zeros(len(allowed), np.bool_)
    beyond[left] = _ranks(subjects[left], size) >= k
    positions = considered[filled.listed]
    brought = forward[positions] & beyond[positions] & (filled.slots == SLOTS.index(RANKED))
    slots = np.where(brought, np.int8(SLOTS.index(INTEREST)), filled.slots)
    order = np.argsort(positions)  # candidates of a subject lie together
    return Filled(positions[order], filled.starts, slots[order], filled.propensities[order])


def subject_numbers(subjects: Sequence[str], *seed: object) -> NDArray[np.uint64]:
    """A random number for each subject, a function of its id and the seed: (n,)."""
    key = " ".join(map(str, seed)).encode()
    digests = b"".join(blake2b(subject.encode(), digest_size=8, key=key).digest() for subject in subjects)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def candidate_numbers(of_subjects: NDArray[np.uint64], items: Indices) -> NDArray[np.uint64]:
    """A random number for each candidate: (C,).

    Args:
        of_subjects: (C,) the random number of its subject.
        items: (C,) its item.
    """
    return mixed(of_subjects ^ mixed(items.astype(np.uint64) + STEP))


def _ranks(subjects: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The rank of each candidate in its subject's list, from 0, where subjects ascend: (C,) int64."""
    ranks: NDArray[np.int64] = np.arange(len(subjects)) - offsets_of(subjects, size)[subjects]
    return ranks
