"""Places over all lists: a table that was worked out by hand, and many by chance against a loop."""

from collections import Counter
from random import Random

import pytest
from pyspark.sql import SparkSession

from shortlist.config import SurfaceConfig
from shortlist.generation.allocation import allocate
from shortlist.generation.batches import LISTS

# By subject the campaign and the score of each item, best first.
Table = dict[str, list[tuple[str | None, float]]]


def surface(share: float, k: int) -> SurfaceConfig:
    return SurfaceConfig.model_validate(
        {"subject": "user", "sources": ["als"], "k": k, "depth": 20, "promotions": {"max_campaign_share": share}}
    )


def allocated(
    spark: SparkSession, table: Table, share: float, k: int, tasks: int = 2
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """By subject the places, from 0, of the items that stay, and how many are out where some are."""
    rows: list[tuple[object, ...]] = [
        (subject, 9, {"seen": 1}, [], [(f"i{place}", float(score), "als", ["als"], None, campaign, None,
                                        "ranked", 1.0, None, None)
                                       for place, (campaign, score) in enumerate(items)])
        for subject, items in table.items()
    ]  # fmt: skip
    lists = spark.createDataFrame(rows, LISTS).repartition(tasks)
    done = allocate(lists, surface(share, k), 7)
    assert done.columns == lists.columns
    found = done.collect()
    assert all(row["removed"]["seen"] == 1 for row in found)
    kept = {row["subject_id"]: [int(item["item_id"][1:]) for item in row["listed"]] for row in found}
    return kept, {row["subject_id"]: row["removed"].get("campaign_share", 0) for row in found}


def test_a_campaign_keeps_its_best_rows_and_others_take_the_freed_places(spark: SparkSession) -> None:
    """3 subjects with 2 places each: x may have 3 of the 6, and would have 5."""
    table: Table = {
        "u1": [("x", 9), ("x", 8), ("y", 7), (None, 6)],
        "u2": [("x", 5), ("x", 3)],
        "u3": [("y", 2), ("x", 9), ("x", 1), (None, 0)],
    }
    kept, out = allocated(spark, table, 0.5, 2)
    # Of rank 1 both stay; of rank 2 the best score is u3's.
    assert kept == {"u1": [0, 2], "u2": [0], "u3": [0, 1]}
    assert out == {"u1": 1, "u2": 1, "u3": 1}


def test_what_moves_up_is_counted_too(spark: SparkSession) -> None:
    """4 subjects with 1 place, each campaign may have 2: y has its 2 only once x has lost its own, and then is full."""
    table: Table = {
        "u1": [("x", 9), ("y", 8)],
        "u2": [("x", 8), ("y", 7)],
        "u3": [("x", 7), ("y", 6), ("z", 5)],
        "u4": [("y", 9)],
    }
    kept, _ = allocated(spark, table, 0.5, 1)
    assert kept == {"u1": [0], "u2": [0], "u3": [1], "u4": [0]}
    kept, _ = allocated(spark, table, 0.25, 1)
    assert kept == {"u1": [0], "u2": [], "u3": [2], "u4": [0]}


def by_loop(table: Table, most: int, k: int) -> dict[str, list[int]]:
    out: set[tuple[str, int]] = set()
    full: set[str] = set()
    while True:
        placed = {
            (subject, place)
            for subject, items in table.items()
            for place in [place for place in range(len(items)) if (subject, place) not in out][:k]
        }
        counts = Counter(table[subject][place][0] for subject, place in placed)
        over = {name for name, count in counts.items() if name is not None and count > most} - full
        if not over:
            return {subject: sorted(place for owner, place in placed if owner == subject) for subject in table}
        full |= over
        for name in over:
            # Scores differ, so nothing is left to the hash.
            theirs = sorted((place, -table[s][place][1], s) for s, place in placed if table[s][place][0] == name)
            stay = {(s, place) for place, _, s in theirs[:most]}
            out |= {
                (subject, place)
                for subject, items in table.items()
                for place, (campaign, _) in enumerate(items)
                if campaign == name and (subject, place) not in stay
            }


@pytest.mark.parametrize("seed", range(4))
def test_no_campaign_has_more_than_its_share(spark: SparkSession, seed: int) -> None:
    chance = Random(seed)
    scores = iter(chance.sample(range(10_000), 400))
    table: Table = {
        f"u{number}": sorted(
            (
                (chance.choice(["x", "x", "x", "y", "y", "z", None]), float(next(scores)))
                for _ in range(chance.randint(0, 9))
            ),
            key=lambda item: -item[1],
        )
        for number in range(30)
    }
    share, k = chance.choice([0.1, 0.2, 0.35]), 4
    most = int(round(share * 100) * 30 * k / 100)
    kept, _ = allocated(spark, table, share, k)
    counts = Counter(table[subject][place][0] for subject, places in kept.items() for place in places)
    assert all(count <= most for name, count in counts.items() if name is not None)
    assert kept == by_loop(table, most, k)
    assert kept == allocated(spark, table, share, k, tasks=5)[0]
