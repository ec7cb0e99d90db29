"""What the slots of lists must hold: the best, items of groups that slots are kept for, items drawn at random."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from tests import tiny

# When a user bought an item.
Purchases = Mapping[tuple[str, str], Sequence[datetime]]


def check_fresh(listed: pl.DataFrame, supported: set[str], young: set[str], bought: Purchases) -> None:
    """Every list has its fresh items, or all that there are; and without the rule there would be fewer in some."""
    rows = listed.filter(pl.col("surface") == "fresh").sort("subject_id", "rank")
    most_popular = Counter(item for _, item in bought)
    lower = 0
    for user in tiny.USERS:
        theirs = rows.filter(pl.col("subject_id") == user)
        left = supported - {item for who, item in bought if who == user}
        assert theirs["score"].is_sorted(descending=True)
        assert len(theirs) == 20
        assert len(young & set(theirs["item_id"])) >= min(10, len(young & left))
        ranked = sorted(left, key=lambda item: (-most_popular[item], item))
        lower += len(young & set(ranked[:20])) < min(10, len(young & left))
    assert lower


def check_drawn(listed: pl.DataFrame) -> None:
    """The best are listed anyway, the others are some of those that follow, each with the probability of the draw."""
    slots, lasts = ("slot", "propensity"), 0
    for user in tiny.USERS:
        drawn, undrawn = (
            listed.filter((pl.col("surface") == surface) & (pl.col("subject_id") == user)).sort("rank")
            for surface in ("drawn", "undrawn")
        )
        assert set(undrawn.select(slots).rows()) == {("ranked", 1.0)}
        items, following = drawn["item_id"].to_list(), undrawn["item_id"].to_list()[6:]
        assert items[:6] == undrawn["item_id"].to_list()[:6]
        assert [item for item in following if item in items[6:]] == items[6:]
        assert drawn.select(slots).rows() == [("ranked", 1.0)] * 6 + [("exploration", 4 / len(following))] * 4
        assert following != items[6:]
        lasts += items[6:] == following[:4]
    assert lasts < len(tiny.USERS) / 2  # a draw, not the next best


def check_varied(listed: pl.DataFrame, bought: Purchases) -> None:
    """The best six are listed anyway; what an interest alone brought lies behind the best ten, and names an item of the user."""
    brought = 0
    for user in tiny.USERS:
        varied, unvaried = (
            listed.filter((pl.col("surface") == surface) & (pl.col("subject_id") == user)).sort("rank")
            for surface in ("varied", "unvaried")
        )
        order, items = unvaried["item_id"].to_list(), varied["item_id"].to_list()
        assert len(items) == 10
        assert items[:6] == order[:6]
        assert [item for item in order if item in items] == items
        for row in varied.iter_rows(named=True):
            if row["slot"] == "interest":
                brought += 1
                assert order.index(row["item_id"]) >= 10
                assert "interests" in row["sources"]
                assert (user, row["condition"]) in bought
            else:
                assert row["slot"] == "ranked"
                assert row["condition"] is None
        assert (varied["slot"] == "interest").sum() <= 4
        assert unvaried["condition"].is_null().all()
    assert brought > len(tiny.USERS)


def check_kept(listed: pl.DataFrame, young: set[str], bought: Purchases) -> None:
    """Every list is what plain loops make of all that is proposed: fresh items reserve three slots, then new ones four."""
    named = Counter[str]()
    for user in tiny.USERS:
        again, unkept = (
            listed.filter((pl.col("surface") == surface) & (pl.col("subject_id") == user)).sort("rank")
            for surface in ("again", "unkept")
        )
        order = unkept["item_id"].to_list()
        new = {item for item in order if (user, item) not in bought}
        assert len(order) > 12
        kept_for = dict[str, str]()
        for name, slots, members in (("fresh", 3, young), ("first_time", 4, new)):
            for item in order:
                if item in members - set(kept_for) and len(members & set(kept_for)) < slots:
                    kept_for[item] = name
        others = [item for item in order if item not in kept_for][: 12 - len(kept_for)]
        expected = [item for item in order if item in kept_for or item in others]
        assert again["item_id"].to_list() == expected
        assert len(expected) == 12
        assert again["slot"].to_list() == ["ranked" if item in order[:12] else kept_for[item] for item in expected]
        named.update(again["slot"])
    assert set(named) == {"ranked", "fresh", "first_time"}
