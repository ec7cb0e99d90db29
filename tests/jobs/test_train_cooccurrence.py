"""train_cooccurrence: the neighbours of five baskets, counted by hand; of one kind of baskets and one day."""

from datetime import date
from math import sqrt
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.errors import HeldError, InputMissingError
from tests import published
from tests.jobs.conftest import Deployment

DAY, LATER = date(2017, 11, 10), date(2017, 11, 11)
SESSIONS = {"s1": "ab", "s2": "ab", "s3": "abc", "s4": "bc", "s5": "d"}
MEASURES = "cooccurrence.measures=[cosine,count]"


def basket_rows(day: date, kind: str, baskets: dict[str, str]) -> list[dict[str, Any]]:
    """A letter is an item."""
    return [
        {"run_date": day, "basket_kind": kind, "basket_id": name, "item_id": item, "position": at, "weight": 1.0}
        for name, items in baskets.items()
        for at, item in enumerate(items, start=1)
    ]


@pytest.fixture
def built(spark: SparkSession, deployment: Deployment) -> Deployment:
    """Sessions of DAY, and what must not count among them: its orders, and the sessions of another day."""
    rows = basket_rows(DAY, "session", SESSIONS) + basket_rows(DAY, "order", {"o1": "ad", "o2": "ad"})
    rows += basket_rows(LATER, "session", {"s6": "ad", "s7": "ad"})
    published.write(deployment.home / "warehouse", "baskets", "baskets", rows)
    return deployment


def related(deployment: Deployment, measure: str) -> dict[str, list[tuple[Any, ...]]]:
    """Item: its neighbours in the order of their ranks, with score and support."""
    rows = deployment.table("related_items").filter(pl.col("run_date") == DAY, pl.col("measure") == measure)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows.sort("item_id", "rank").iter_rows(named=True):
        found.setdefault(row["item_id"], []).append((row["related_item_id"], row["score"], row["support"]))
    return found


def test_neighbours_are_what_the_baskets_say(built: Deployment) -> None:
    built.run("train_cooccurrence", DAY, MEASURES)
    # Baskets with a: 3, b: 4, c: 2; with a and b: 3, b and c: 2, a and c: 1. Nothing is ever beside d.
    ab, bc, ac = 3 / sqrt(3 * 4), 2 / sqrt(4 * 2), 1 / sqrt(3 * 2)
    assert related(built, "cosine") == {
        "a": [("b", pytest.approx(ab), 3), ("c", pytest.approx(ac), 1)],
        "b": [("a", pytest.approx(ab), 3), ("c", pytest.approx(bc), 2)],
        "c": [("b", pytest.approx(bc), 2), ("a", pytest.approx(ac), 1)],
    }
    assert related(built, "count")["b"] == [("a", 3.0, 3), ("c", 2.0, 2)]
    assert set(built.table("related_items")["basket_kind"]) == {"session"}


def test_a_pair_below_the_support_is_no_neighbour(built: Deployment) -> None:
    built.run("train_cooccurrence", DAY, MEASURES, "cooccurrence.min_support=2", "cooccurrence.neighbours=1")
    assert related(built, "count") == {"a": [("b", 3.0, 3)], "b": [("a", 3.0, 3)], "c": [("b", 2.0, 2)]}


def test_without_baskets_the_job_that_makes_them_is_named(deployment: Deployment) -> None:
    with pytest.raises(InputMissingError, match=r"run jobs/build_interactions\.py for that day first"):
        deployment.run("train_cooccurrence", DAY)


def test_baskets_beyond_the_budget_are_refused_before_they_are_counted(built: Deployment) -> None:
    # Ten rows; baskets of 2, 2, 3, 2 and 1 items: 4 + 4 + 9 + 4 + 1 pairs. With two items a basket at most 10 x 2.
    with pytest.raises(
        HeldError, match=r"22 pairs, budget\.pairs is 21\n.*baskets\.session\.max_items=2 and build"
    ) as held:
        built.run("train_cooccurrence", DAY, "budget.pairs=21")
    assert "10 rows, 5 baskets, 4 items, 22 squared sizes" in str(held.value)
    assert not built.exists("related_items")
