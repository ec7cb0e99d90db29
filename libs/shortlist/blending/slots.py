"""Which candidates fill the slots of a list: the best, fresh ones that slots are kept for, and some drawn at random. No Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.config import ExplorationConfig
from shortlist.kernels.arrays import Doubles, Indices, Offsets
from shortlist.kernels.hashes import STEP, mixed

# How an item came to its slot: by its score, because slots are kept for fresh items, or by a draw.
SLOTS: Final = ("ranked", "fresh", "exploration")
_RANKED, _FRESH, _EXPLORATION = range(len(SLOTS))


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
    stays: NDArray[np.bool_],
    gave_way: NDArray[np.bool_],
    size: int,
    k: int,
    exploration: ExplorationConfig | None = None,
    words: NDArray[np.uint64] | None = None,
) -> Filled:
    """Fill the lists of subjects from their candidates.

    Args:
        subjects: (C,) whose candidate each is; ascending, the best candidate of each first.
        stays: (C,) whether rules leave it.
        gave_way: (C,) whether it gave way to a fresh one.
        size: how many subjects.
        k: longest list.
        exploration: which slots are drawn; None: none.
        words: (C,) a random word for each candidate; asked for by exploration only.
    """
    position = np.flatnonzero(stays)
    owners = subjects[position]
    place = _places(owners, size)
    # Its place if no slots were kept for fresh candidates.
    place_by_score = _places(subjects[stays | gave_way], size)[stays[stays | gave_way]]
    ranked = k if exploration is None else k - exploration.slots
    chosen, drawn = place < k, np.zeros(len(place), np.bool_)
    propensities = np.ones(len(place), np.float64)
    if exploration is not None and words is not None:
        pool = np.flatnonzero((place >= ranked) & (place < ranked + exploration.pool))
        theirs = owners[pool]
        waiting = np.bincount(theirs, minlength=size)[theirs]
        order = np.lexsort((words[position][pool], theirs))
        first = np.zeros(len(pool), np.bool_)
        first[order] = _places(theirs[order], size) < exploration.slots
        chosen = place < ranked
        chosen[pool] = first
        drawn[pool] = waiting > exploration.slots
        propensities[pool] = np.minimum(1.0, exploration.slots / waiting)
    kept_for_fresh = ~drawn & (place_by_score >= np.where(place < ranked, ranked, k))
    slots = np.full(len(place), _RANKED, np.int8)
    slots[kept_for_fresh] = _FRESH
    slots[drawn] = _EXPLORATION
    lengths = np.bincount(owners[chosen], minlength=size)
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Filled(position[chosen], starts, slots[chosen], propensities[chosen])


def subject_words(subjects: Sequence[str], *seed: object) -> NDArray[np.uint64]:
    """A random word for each subject, a function of its id and the seed: (n,)."""
    key = " ".join(map(str, seed)).encode()
    digests = b"".join(blake2b(subject.encode(), digest_size=8, key=key).digest() for subject in subjects)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def candidate_words(words: NDArray[np.uint64], items: Indices) -> NDArray[np.uint64]:
    """A random word for each candidate: (C,).

    Args:
        words: (C,) that of its subject.
        items: (C,) its item.
    """
    return mixed(words ^ mixed(items.astype(np.uint64) + STEP))


def _places(subjects: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """How many candidates of the same subject come before each, where subjects ascend: (C,) int64."""
    lengths = np.bincount(subjects, minlength=size)
    begins = np.concatenate(([0], np.cumsum(lengths)))
    places: NDArray[np.int64] = np.arange(len(subjects)) - begins[subjects]
    return places
