"""What the slots of lists must hold: the best, fresh items, items of each interest, items drawn at random."""

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
