"""Which promotions are live, and which of them an item is given for, worked out by hand."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from shortlist.rules.promotions import NOT_OFFERED, LivePromotions, live_promotions, offering

DAY = date(2017, 11, 30)
ITEMS = pa.array(["a", "b", "c", "d"])
COLUMNS = ("promotion_id", "item_id", "campaign", "audience", "starts_at", "ends_at")


def at(day: int, hour: int = 0) -> datetime:
    """A time of December."""
    return datetime(2017, 12, day, hour, tzinfo=UTC)


def promotions(*rows: tuple[object, ...]) -> LivePromotions:
    kinds = [pa.string()] * 4 + [pa.timestamp("us", "UTC")] * 2
    columns = [pa.array(list(column), kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    return live_promotions(pa.table(columns, names=list(COLUMNS)), ITEMS, DAY)


NOVEMBER = datetime(2017, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "ends", "live"),
    [
        (NOVEMBER, at(1, 1), True),
        (NOVEMBER, at(1), False),  # over when the lists begin to be served
        (at(1), at(2), True),
        (at(1, 1), at(2), False),
    ],
)
def test_live_is_what_holds_when_the_lists_begin_to_be_served(starts: datetime, ends: datetime, live: bool) -> None:
    found = promotions(("p", "b", "x", None, starts, ends), ("q", "unknown", "x", None, NOVEMBER, at(9)))
    assert found.promoted(len(ITEMS)).tolist() == [False, live, False, False]


# The club is for the audience club, and so on; item d is for everybody, and one promotion of a belongs to no campaign.
LIVE = promotions(
    ("p2", "a", "winter", "club", NOVEMBER, at(5)),
    ("p1", "a", "late", "staff", NOVEMBER, at(9)),
    ("p3", "a", None, "guests", NOVEMBER, at(9)),
    ("p4", "b", "winter", "club", NOVEMBER, at(5)),
    ("p5", "b", "summer", "club", NOVEMBER, at(4)),
    ("p6", "d", "summer", None, NOVEMBER, at(4)),
)


def campaigns(*audiences: str) -> dict[str, str | None]:
    """By item that a user with some audiences is offered: the campaign."""
    numbers = np.array([LIVE.audience_names.to_pylist().index(name) for name in audiences], np.int32)
    # The second subject has none of them.
    offered = offering(LIVE)(np.array([0, len(numbers), len(numbers)]), numbers)
    assert [number != NOT_OFFERED for number in offered[1]] == [False, False, True]
    names = [*LIVE.campaign_names.to_pylist(), None]
    return {
        ITEMS[int(item)].as_py(): names[LIVE.campaigns[number]]
        for item, number in zip(LIVE.promoted_items, offered[0], strict=True)
        if number != NOT_OFFERED
    }


def test_an_item_is_given_for_the_promotion_that_ends_last_of_those_that_address_the_user() -> None:
    assert campaigns() == {"d": "summer"}
    assert campaigns("club") == {"a": "winter", "b": "winter", "d": "summer"}
    assert campaigns("club", "staff") == {"a": "late", "b": "winter", "d": "summer"}
    assert campaigns("guests") == {"a": None, "d": "summer"}
    # Two end at the same time: the smaller promotion_id is taken.
    assert campaigns("guests", "staff") == {"a": "late", "d": "summer"}


def test_only_items_that_may_be_shown_are_promoted() -> None:
    some = LIVE.among(np.array([0, 1, 1, 1], np.uint8))
    assert some.promoted_items.tolist() == [1, 3]
    assert some.addressed.to_pylist() == ["club"]
    assert some.for_everybody
    assert not LIVE.among(np.array([1, 1, 1, 0], np.uint8)).for_everybody


def test_without_a_live_promotion_nobody_is_offered_anything() -> None:
    none = promotions(("p", "a", "x", "club", NOVEMBER, at(1)))
    assert none.addressed.to_pylist() == []
    assert not none.for_everybody
    assert offering(none)(np.array([0, 0]), np.array([], np.int32)).shape == (1, 0)
