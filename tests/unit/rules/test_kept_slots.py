"""Slots that are kept for several groups: by hand, and against plain loops."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.blending.slots import SLOTS
from shortlist.rules import removing_rules
from shortlist.rules.kept_slots import GROUPS, keep_slots, reserve
from tests.unit.rules.test_rules import CANDIDATES, surface

# One subject's candidates, the best first, each with the groups that it is in.
Candidates = list[frozenset[int]]


def reserved(candidates: Candidates, slots: list[int]) -> list[int | None]:
    """Which group reserves each candidate."""
    found: list[int | None] = [None] * len(candidates)
    for group, wanted in enumerate(slots):
        have = sum(found[at] is not None and group in candidates[at] for at in range(len(candidates)))
        for at, groups in enumerate(candidates):
            if group in groups and found[at] is None and have < wanted:
                found[at] = group
                have += 1
    return found


def listed(candidates: Candidates, slots: list[int], k: int) -> list[int]:
    """The list: what is reserved and the best of the rest, by score."""
    by_group = reserved(candidates, slots)
    rest = [at for at, group in enumerate(by_group) if group is None]
    taken = [at for at, group in enumerate(by_group) if group is not None]
    return sorted(taken + rest[: k - len(taken)])


def arrays(lists: list[Candidates], slots: list[int]) -> tuple[np.ndarray, list[tuple[np.ndarray, int]]]:
    subjects = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    every = [groups for each in lists for groups in each]
    return subjects, [
        (np.array([group in groups for groups in every], np.bool_), wanted) for group, wanted in enumerate(slots)
    ]


def test_what_an_earlier_group_reserved_counts_for_a_later_one() -> None:
    # Two slots each. Group 0 reserves 2 and 3; 3 is in group 1 too, which needs one more: 4, not 5.
    candidates = [frozenset[int](), frozenset[int](), {0}, {0, 1}, {1}, {1}, {0}]
    subjects, groups = arrays([[frozenset(each) for each in candidates]], [2, 2])
    assert reserve(subjects, groups).tolist() == [-1, -1, 0, 0, 1, -1, -1]
    assert np.flatnonzero(keep_slots(subjects, groups, 4)).tolist() == [0, 2, 3, 4]
    assert np.flatnonzero(keep_slots(subjects, groups, 5)).tolist() == [0, 1, 2, 3, 4]


def test_of_one_group_what_follows_the_list_stays() -> None:
    """As an item that is drawn from it does not make the group smaller."""
    candidates = [frozenset({0} if at in (1, 3, 4) else ()) for at in range(5)]
    subjects, groups = arrays([candidates], [1, 0])
    assert np.flatnonzero(keep_slots(subjects, groups, 2)).tolist() == [0, 1, 3, 4]


@given(
    st.lists(st.lists(st.frozensets(st.integers(0, 3)), max_size=12), max_size=4),
    st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any),
    st.integers(0, 4),
)
def test_lists_are_those_of_plain_loops(lists: list[Candidates], slots: list[int], more: int) -> None:
    k = sum(slots) + more
    subjects, groups = arrays(lists, slots)
    by_group, stays = reserve(subjects, groups), keep_slots(subjects, groups, k)
    for subject, candidates in enumerate(lists):
        theirs = subjects == subject
        assert [None if group < 0 else group for group in by_group[theirs]] == reserved(candidates, slots)
        found = np.flatnonzero(stays[theirs])[:k].tolist()
        assert found == listed(candidates, slots, k)
        assert len(found) == min(k, len(candidates))
        for group, wanted in enumerate(slots):
            held = [at for at, groups_of in enumerate(candidates) if group in groups_of]
            assert len({*held} & {*found}) >= min(wanted, len(held))


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 4), st.integers(0, 4))
def test_beside_one_group_so_many_others_stay_as_it_leaves_slots_to(fresh: list[bool], slots: int, more: int) -> None:
    subjects, groups = arrays([[frozenset({0}) if each else frozenset() for each in fresh]], [slots])
    stays = keep_slots(subjects, groups, slots + more).tolist()
    others = [at for at, each in enumerate(fresh) if not each]
    assert [stays[at] for at in others] == [rank < slots + more - min(slots, sum(fresh)) for rank in range(len(others))]
    assert all(stays[at] for at, each in enumerate(fresh) if each)


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 4), st.integers(0, 4))
def test_a_draw_of_what_follows_leaves_one_group_what_it_has(fresh: list[bool], slots: int, more: int) -> None:
    """Whatever takes the last slots from the candidates that stay."""
    k = slots + more
    subjects, groups = arrays([[frozenset({0}) if each else frozenset() for each in fresh]], [slots])
    stays = np.flatnonzero(keep_slots(subjects, groups, k)).tolist()
    for ranked in range(k + 1):
        older_first = sorted(stays[ranked:], key=lambda at: fresh[at])
        drawn = stays[:ranked] + older_first[: k - ranked]
        assert sum(fresh[at] for at in drawn) >= min(slots, sum(fresh))


def test_every_group_is_a_slot_and_has_a_setting() -> None:
    assert set(GROUPS) <= set(SLOTS)
    kept = surface(fresh={"slots": 3}, first_time={"slots": 4}, mask_seen=False).kept_slots
    related = surface(subject="item", relations={"substitutes": 5, "complements": 6}).kept_slots
    assert {**kept, **related} == {"fresh": 3, "first_time": 4, "substitute": 5, "complement": 6}
    assert [*kept, *related] == list(GROUPS)
    assert surface().kept_slots == {}


@pytest.mark.parametrize(
    ("k", "slots", "removed"),
    [
        (3, 1, [3, 5]),  # 2 older ones beside a fresh one: the first three have it already
        (3, 2, [1, 3, 5]),  # 4 is fresh and comes in for 1, the second list has one of each
        (4, 2, [3, 5]),
        (5, 2, [5]),
        (4, 4, [3, 5]),  # more slots than fresh candidates: older ones fill them
        (1, 1, [0, 1, 3, 5, 6]),
    ],
)
def test_slots_are_kept_for_fresh_items(k: int, slots: int, removed: list[int]) -> None:
    """The first list is old, old, fresh, old, fresh, old; the second old, fresh."""
    asked = surface(k=k, fresh={"slots": slots})
    assert np.flatnonzero(removing_rules(CANDIDATES, asked) >= 0).tolist() == removed


@pytest.mark.parametrize(
    ("k", "settings", "removed"),
    [
        # The first list is -, new, fresh, -, fresh, new, the second new, fresh.
        (3, {"first_time": {"slots": 2}}, [2, 3, 4]),
        (3, {"first_time": {"slots": 2}, "fresh": {"slots": 1}}, [0, 3, 4]),
        (4, {"first_time": {"slots": 2}, "fresh": {"slots": 2}}, [0, 3]),
        (1, {"first_time": {"slots": 1}}, [0, 2, 3, 4, 7]),
    ],
)
def test_slots_are_kept_for_what_the_subject_never_engaged_with(
    k: int, settings: dict[str, Any], removed: list[int]
) -> None:
    asked = surface(k=k, mask_seen=False, **settings)
    assert np.flatnonzero(removing_rules(CANDIDATES, asked) >= 0).tolist() == removed


def test_slots_for_what_lists_hold_anyway_are_refused() -> None:
    with pytest.raises(ValueError, match=r"first_time .* mask_seen is on; next: set mask_seen: false"):
        surface(first_time={"slots": 2})
    with pytest.raises(ValueError, match=r"first_time .* the subject is an item"):
        surface(subject="item", mask_seen=False, first_time={"slots": 2})


def test_slots_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fresh\.slots 4 is above k 3"):
        surface(k=3, fresh={"slots": 4})
    with pytest.raises(ValueError, match="moves rows between lists"):
        surface(fresh={}, promotions={"max_campaign_share": 0.5})
    several: dict[str, Any] = {"mask_seen": False, "fresh": {"slots": 2}, "first_time": {"slots": 3}}
    assert surface(k=5, **several).kept_slots == {"fresh": 2, "first_time": 3}
    with pytest.raises(ValueError, match=r"5 slots are kept \(fresh 2, first_time 3\), which is above k 4; next: keep"):
        surface(k=4, **several)
    with pytest.raises(
        ValueError, match=r"\(first_time 5\), and nothing but these is left to draw from; next: take one"
    ):
        surface(mask_seen=False, first_time={}, exploration={})
    interests = {"sources": ("als", "interests"), "interests": {"slots": 3}}
    assert surface(k=5, fresh={}, **interests).kept_slots == {"fresh": 2}
    with pytest.raises(
        ValueError, match=r"2 slots are kept \(fresh 2\) and 3 for interests, together above k 4; next: keep"
    ):
        surface(k=4, fresh={}, **interests)
