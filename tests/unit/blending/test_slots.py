"""How the slots of lists are filled: by score, kept for fresh items, drawn."""

import numpy as np
import pytest
from pydantic import ValidationError

from shortlist.blending.slots import (
    SLOTS,
    Draw,
    Filled,
    Kept,
    candidate_numbers,
    fill_slots,
    in_order_of_score,
    subject_numbers,
    with_interests,
)
from shortlist.config import SurfaceConfig

# Candidates of subjects 0 (six), 1 (none) and 2 (three), the best of each first.
SUBJECTS = np.array([0, 0, 0, 0, 0, 0, 2, 2, 2])
ALL = np.ones(9, np.bool_)


def positions(*chosen: int) -> np.ndarray:
    return np.isin(np.arange(9), chosen)


def kept_for_fresh(*replaced: int) -> Kept:
    return Kept(np.full(9, SLOTS.index("fresh"), np.int8), positions(*replaced))


def names(filled: Filled) -> list[str]:
    return [SLOTS[slot] for slot in filled.slots]


def test_the_best_are_listed() -> None:
    filled = fill_slots(SUBJECTS, ALL, 3, 2)
    assert filled.listed.tolist() == [0, 1, 6, 7]
    assert filled.starts.tolist() == [0, 2, 2, 4]
    assert names(filled) == ["ranked"] * 4
    assert filled.propensities.tolist() == [1.0] * 4


def test_what_rules_took_is_not_listed() -> None:
    filled = fill_slots(SUBJECTS, ~positions(0, 7), 3, 2)
    assert filled.listed.tolist() == [1, 2, 6, 8]
    assert names(filled) == ["ranked"] * 4


def test_a_slot_is_kept_for_a_fresh_item_that_its_score_would_not_list() -> None:
    # 1 and 2 gave way: 3 would have been fourth of three. 0 and 6 would be listed anyway.
    filled = fill_slots(SUBJECTS, ~positions(1, 2), 3, 3, kept=kept_for_fresh(1, 2))
    assert filled.listed.tolist() == [0, 3, 4, 6, 7, 8]
    assert names(filled) == ["ranked", "fresh", "fresh", "ranked", "ranked", "ranked"]


def test_slots_kept_for_interests_hold_what_is_not_among_the_best() -> None:
    # Of four slots two are kept. Interests propose 1 (among the best anyway), 5, 3 and 4, in this order; of subject 2 only 8.
    numbers = np.array([-1, 0, -1, 2, 3, 1, -1, -1, 0])
    considered, forward = with_interests(SUBJECTS, numbers, 3, 2, 2)
    assert considered.tolist() == [0, 1, 3, 5, 2, 4, 6, 7, 8]
    assert np.flatnonzero(forward).tolist() == [3, 5, 8]

    def lists(allowed: np.ndarray) -> Filled:
        filled = fill_slots(SUBJECTS, allowed[considered], 3, 4)
        return in_order_of_score(filled, considered, forward, allowed[considered], SUBJECTS, 3, 4)

    filled = lists(ALL)
    assert filled.listed.tolist() == [0, 1, 3, 5, 6, 7, 8]
    # 3 is the fourth best and 8 the third: both would be listed without slots for them.
    assert names(filled) == ["ranked", "ranked", "ranked", "interest", "ranked", "ranked", "ranked"]
    # A rule takes 0 and 5: the next best fill up.
    filled = lists(~positions(0, 5))
    assert filled.listed.tolist()[:4] == [1, 2, 3, 4]
    assert names(filled)[:4] == ["ranked"] * 4


def test_the_last_slots_are_drawn_from_the_next_best() -> None:
    # Of three slots one is drawn, from places 2 to 4: the random numbers decide, not the scores.
    numbers = np.array([9, 9, 9, 7, 5, 0, 9, 9, 9], np.uint64)
    filled = fill_slots(SUBJECTS, ALL, 3, 3, Draw(1, 3, numbers))
    assert filled.listed.tolist() == [0, 1, 4, 6, 7, 8]
    assert names(filled) == ["ranked", "ranked", "exploration", "ranked", "ranked", "ranked"]
    # Subject 2 has no choice: its last candidate is listed whatever the draw.
    assert filled.propensities.tolist() == pytest.approx([1, 1, 1 / 3, 1, 1, 1])


def test_a_drawn_item_is_not_said_to_be_in_a_slot_for_fresh_ones() -> None:
    numbers = np.array([9, 9, 9, 9, 9, 0, 9, 9, 9], np.uint64)
    filled = fill_slots(SUBJECTS, ~positions(1, 2), 3, 3, Draw(1, 2, numbers), kept_for_fresh(1, 2))
    assert filled.listed.tolist()[:3] == [0, 3, 5]
    assert names(filled)[:3] == ["ranked", "fresh", "exploration"]
    assert filled.propensities.tolist()[:3] == pytest.approx([1, 1, 1 / 2])


def test_every_slot_may_be_drawn() -> None:
    numbers = np.arange(9, dtype=np.uint64)[::-1].copy()
    filled = fill_slots(SUBJECTS, ALL, 3, 2, Draw(2, 4, numbers))
    assert filled.listed.tolist() == [2, 3, 7, 8]
    assert filled.propensities.tolist() == pytest.approx([1 / 2, 1 / 2, 2 / 3, 2 / 3])


def test_items_are_drawn_as_often_as_their_propensity_says() -> None:
    people, pool = 20_000, 8
    subjects = np.repeat(np.arange(people), 10)
    items = np.tile(np.arange(10, dtype=np.int32), people)
    numbers = candidate_numbers(subject_numbers([f"u{n}" for n in range(people)], 7, "2017-11-30")[subjects], items)
    filled = fill_slots(subjects, np.ones(len(items), np.bool_), people, 4, Draw(2, pool, numbers))
    drawn = filled.slots == SLOTS.index("exploration")
    assert set(filled.propensities[drawn]) == {2 / pool}
    counts = np.bincount(items[filled.listed[drawn]], minlength=10)
    assert counts[:2].tolist() == [0, 0]
    # Four standard deviations of a binomial.
    expected = people * 2 / pool
    assert np.abs(counts[2:] - expected).max() < 4 * np.sqrt(expected * (1 - 2 / pool))
    # Weighted by 1 / propensity, what is drawn speaks for the whole pool: here, how many of its items have an even number.
    even = (items[filled.listed[drawn]] % 2 == 0) / filled.propensities[drawn]
    assert even.sum() / people == pytest.approx(4, abs=0.05)


def test_random_numbers_depend_on_the_subject_and_the_seed_alone() -> None:
    numbers = subject_numbers(["a", "b"], 7, "2017-11-30")
    assert subject_numbers(["b"], 7, "2017-11-30")[0] == numbers[1]
    assert (
        len({*numbers, *subject_numbers(["a", "b"], 8, "2017-11-30"), *subject_numbers(["a", "b"], 7, "2017-12-01")})
        == 6
    )
    assert len(subject_numbers([], 7)) == 0


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"exploration": {"slots": 2, "pool": 2}}, "pool 2 is not above slots 2"),
        ({"exploration": {"slots": 6}, "k": 5}, "exploration.slots 6 is above k 5"),
        ({"interests": {}}, "interests keeps slots for what source interests proposes to users"),
        (
            {"interests": {}, "sources": ["interests"], "subject": "item"},
            "interests keeps slots for what source interests",
        ),
        ({"interests": {"slots": 6}, "sources": ["interests"], "k": 5}, "interests.slots 6 is above k 5"),
        (
            {"exploration": {}, "promotions": {"max_campaign_share": 0.5}},
            "exploration keeps slots of each list, and promotions.max_campaign_share moves rows",
        ),
    ],
)
def test_a_draw_that_cannot_be_made_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SurfaceConfig.model_validate({"subject": "user", "sources": ["als"], **settings})
