"""Lists that are shorter than they should be, and why."""

from collections.abc import Collection
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ELIGIBLE_LEFT, LENGTH, REMOVED, ROWS, SUBJECTS, WHY, WITHOUT_LIST

NOTHING_LEFT = "fewer than k eligible items are left that the subject has not seen"
RULES_OF_THE_LIST = (
    "rules of the list left fewer than k of what its sources proposed: raise the surface's depth, or relax them"
)
TOO_FEW_PROPOSED = "its sources proposed fewer than k items: raise the surface's depth"


def summarise(short: DataFrame, k: int, pair_rules: Collection[str], list_rules: Collection[str]) -> DataFrame:
    """How many subjects have fewer than k candidates, by reason.

    Args:
        short: length, eligible_left, removed (as JSON by rule): one row for each of them.
        k: length of a full list.
        pair_rules: names of the rules that forbid a subject items.
        list_rules: names of the rules that took candidates out of ranked lists, one by one or all together.

    Returns:
        why, subjects, rows (candidates that they have together), without_list (those that have none), removed (how many items
        each rule took from them together, without those that took none); no row when every list is full.
    """
    counts = {name: _taken_by(name) for name in (*pair_rules, *list_rules)}
    why = (
        F.when(F.col(ELIGIBLE_LEFT) < k, NOTHING_LEFT)
        .when(F.col(LENGTH) + reduce(add, (counts[name] for name in list_rules)) >= k, RULES_OF_THE_LIST)
        .otherwise(TOO_FEW_PROPOSED)
    )
    return (
        short.where(F.col(LENGTH) < k)
        .groupBy(why.alias(WHY))
        .agg(
            F.count("*").alias(SUBJECTS),
            F.sum(LENGTH).alias(ROWS),
            F.count_if(F.col(LENGTH) == 0).alias(WITHOUT_LIST),
            F.map_filter(
                F.map_from_arrays(F.array(*map(F.lit, counts)), F.array(*map(F.sum, counts.values()))),
                lambda _, items: items > 0,
            ).alias(REMOVED),
        )
    )


def _taken_by(rule: str) -> Column:
    """How many items a rule took from a subject."""
    return F.coalesce(F.from_json(REMOVED, "map<string, int>")[rule], F.lit(0))
