"""What the slots of lists must hold: the best, items of groups that slots are kept for, items drawn at random."""

import json
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


def filled(order: Sequence[str], groups: Sequence[tuple[str, int, set[str]]], k: int) -> list[tuple[str, str]]:
    """A list of k by plain loops, each item with its slot: of the candidates in their order, and groups with their slots."""
    kept_for = dict[str, str]()
    for name, slots, members in groups:
        for item in order:
            if item in members - set(kept_for) and len(members & set(kept_for)) < slots:
                kept_for[item] = name
    others = [item for item in order if item not in kept_for][: k - len(kept_for)]
    listed = [item for item in order if item in kept_for or item in others]
    return [(item, "ranked" if item in order[:k] else kept_for[item]) for item in listed]


def lists_of(listed: pl.DataFrame, surface: str) -> dict[str, pl.DataFrame]:
    """The list of each subject, best first."""
    rows = listed.filter(pl.col("surface") == surface).sort("subject_id", "rank")
    return {str(subject): theirs for (subject,), theirs in rows.group_by("subject_id", maintain_order=True)}


def check_kept(listed: pl.DataFrame, young: set[str], bought: Purchases) -> None:
    """Fresh items reserve three slots of twelve, then those that a user never bought have four."""
    again, unkept = lists_of(listed, "again"), lists_of(listed, "unkept")
    assert set(again) == set(unkept) == set(tiny.USERS)
    named = Counter[str]()
    for user, theirs in again.items():
        order = unkept[user]["item_id"].to_list()
        new = {item for item in order if (user, item) not in bought}
        assert theirs.select("item_id", "slot").rows() == filled(
            order, [("fresh", 3, young), ("first_time", 4, new)], 12
        )
        named.update(theirs["slot"])
    assert set(named) == {"ranked", "fresh", "first_time"}


def check_related(listed: pl.DataFrame, short: pl.DataFrame, categories: Mapping[str, str], young: set[str]) -> None:
    """Beside an item lie substitutes, of its category, and complements; slots are kept for both, or one is left out.

    Args:
        listed: all lists.
        short: of the lists that are too short, what rules took.
        categories: by item, without those that have none.
        young: items.
    """
    whole, mixed = lists_of(listed, "beside"), lists_of(listed, "mixed")
    only = {"substitute": lists_of(listed, "swaps"), "complement": lists_of(listed, "extras")}
    assert set(whole) == set(mixed)
    assert set(whole) - set(categories)
    named = Counter[str]()
    for subject, theirs in whole.items():
        order, own = theirs["item_id"].to_list(), categories.get(subject)
        related = {item for item in order if own is not None and item in categories}
        of = {"substitute": {item for item in related if categories[item] == own}}
        of["complement"] = related - of["substitute"]
        for rows in (theirs, mixed[subject], *(lists[subject] for lists in only.values() if subject in lists)):
            for item, relation in rows.select("item_id", "relation").rows():
                assert relation == next((name for name, items in of.items() if item in items), None)
        groups = [("fresh", 1, young), ("substitute", 2, of["substitute"]), ("complement", 3, of["complement"])]
        assert mixed[subject].select("item_id", "slot").rows() == filled(order, groups, 8)
        named.update(mixed[subject]["slot"])
        for name, lists in only.items():
            expected = [item for item in order if item in of[name]][:30]
            assert (lists[subject]["item_id"].to_list() if subject in lists else []) == expected
        (removed,) = short.filter((pl.col("surface") == "swaps") & (pl.col("subject_id") == subject))["removed"]
        left_out = len(order) - len(of["substitute"])
        assert json.loads(removed) == {"itself": 1, **({"only_relation": left_out} if left_out else {})}
    assert set(named) == {"ranked", "fresh", "substitute", "complement"}, named
