"""Slots of a list are kept for groups of candidates, as far as they are proposed: all others fill the other slots only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ListFacts, ListRule
from shortlist.rules.groups import chosen_before, chosen_of_subject
from shortlist.rules.relations import COMPLEMENT, RELATIONS, SUBSTITUTE


def _related(candidates: ListFacts, relation: str) -> NDArray[np.bool_]:
    if candidates.relations is None:
        return np.zeros(len(candidates.subjects), np.bool_)
    related: NDArray[np.bool_] = candidates.relations == RELATIONS.index(relation)
    return related


@dataclass(frozen=True)
class Group:
    """Candidates that slots may be kept for.

    Attributes:
        holds: (n,) bool, which candidates are in it.
        named: what it is called in a sentence.
    """

    holds: Callable[[ListFacts], NDArray[np.bool_]]
    named: str


# By the word that column `slot` says, in the order in which they reserve.
GROUPS: Final[Mapping[str, Group]] = {
    "fresh": Group(lambda candidates: candidates.traits.fresh, "fresh items"),
    "first_time": Group(lambda candidates: candidates.first_time, "items that the subject never engaged with"),
    SUBSTITUTE: Group(lambda candidates: _related(candidates, SUBSTITUTE), "substitutes"),
    COMPLEMENT: Group(lambda candidates: _related(candidates, COMPLEMENT), "complements"),
}
Members = Sequence[tuple[NDArray[np.bool_], int]]
"""Of each group which of n candidates are in it, (n,) bool, and how many slots are kept for it."""


def members_of(candidates: ListFacts, surface: SurfaceConfig) -> Members:
    """The groups in their order; those for which a surface keeps no slots have none."""
    return [(group.holds(candidates), surface.kept_slots.get(name, 0)) for name, group in GROUPS.items()]


def reserve(subjects: NDArray[np.int64], groups: Members) -> NDArray[np.int8]:
    """Which group reserves each candidate: (n,) int8 positions in `groups`, -1 where none does.

    Group after group reserves its best candidates until as many as it has slots for are reserved, those that an earlier
    group reserved and that are in it too among them.

    Args:
        subjects: (n,) whose candidate each is; ascending, the best candidate of each first.
        groups: in the order in which they reserve.
    """
    found = np.full(len(subjects), -1, np.int8)
    for position, (members, slots) in enumerate(groups):
        if not slots:
            continue
        free = members & (found < 0)
        missing = slots - chosen_of_subject(subjects, members & (found >= 0))
        found[free & (chosen_before(subjects, free) < missing)] = position
    return found


def keep_slots(subjects: NDArray[np.int64], groups: Members, k: int) -> NDArray[np.bool_]:
    """Which candidates stay, so that the best k of these hold what is reserved and the best of the others: (n,) bool.

    What is in every group that has slots stays anyway: it takes no slot from any of them. So of one group alone all stays,
    and a draw from what follows the best leaves it as many.

    Args:
        subjects: as in `reserve`.
        groups: of which one at least has slots.
        k: longest list.
    """
    reserved = reserve(subjects, groups) >= 0
    stays = reserved | reduce(and_, (members for members, slots in groups if slots))
    best: NDArray[np.bool_] = chosen_before(subjects, ~stays) < k - chosen_of_subject(subjects, reserved)
    return stays | best


def _keeps(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    if not surface.kept_slots:
        return np.ones(len(candidates.subjects), np.bool_)
    return keep_slots(candidates.subjects, members_of(candidates, surface), surface.k)


KEPT_SLOTS = ListRule(
    lambda surface: bool(surface.kept_slots),
    _keeps,
    "slots are kept for some items (fresh.slots, first_time.slots, relations), and better items than it fill the others",
)
