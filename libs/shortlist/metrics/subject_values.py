"""What each subject's list was worth: one value for each metric and k, from arrays. No Spark.

T are a subject's relevant items, L the first k items of its list. Definitions are those of `definitions.py`; nDCG
follows Järvelin and Kekäläinen (2002) with binary gains, mean average precision divides by min(k, |T|). Stratified recall is
Steck's ("Item popularity and recommendation accuracy", 2011) with the exponent 1/2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortlist.metrics.definitions import RANKING_METRICS

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Listed:
    """Rows of lists, in any order.

    Attributes:
        subject: (rows,) int64, whose list, counted from 0.
        rank: (rows,) int64, from 1.
        item: (rows,) int64, any numbers that name items.
    """

    subject: Integers
    rank: Integers
    item: Integers


@dataclass(frozen=True)
class Wanted:
    """What subjects wanted: relevant items, in any order, a pair as often as it likes.

    Attributes:
        subject: (rows,) int64, who.
        item: (rows,) int64, in the same numbers as of lists.
        popularity: (rows,) int64, by how many people the item was engaged with when the lists were made; one that nobody has
            engaged with counts as if one person had.
    """

    subject: Integers
    item: Integers
    popularity: Integers


def checked_cutoffs(ks: Sequence[int]) -> list[int]:
    """The cut-offs as a list.

    Raises:
        ValueError: When there is none, one is below 1, or one is given twice.
    """
    cutoffs = list(ks)
    if not cutoffs or min(cutoffs) < 1 or len(set(cutoffs)) != len(cutoffs):
        raise ValueError(f"ks {cutoffs}: expected one or more different cut-offs of at least 1; next: e.g. ks=[10, 20]")
    return cutoffs


def ranking_values(lists: Listed, wanted: Wanted, subjects: int, ks: Sequence[int]) -> tuple[Integers, Doubles]:
    """Score subjects' lists against what they wanted.

    An item that a list has twice counts once, at its better rank; so does a pair that is wanted twice. A list shorter than
    k is scored as it is, its missing ranks find nothing; a subject without a list has zeros.

    Args:
        lists: one source's lists.
        wanted: relevant items.
        subjects: how many subjects there are.
        ks: cut-offs.

    Returns:
        How many different items each subject wanted, (subjects,) int64, and (subjects, metrics, cut-offs) float64 in the
        order of `RANKING_METRICS` and of ks: values in [0, 1], NaN for a subject that wanted nothing.
    """
    cutoffs = np.asarray(checked_cutoffs(ks), np.int64)
    size = 1 + max(lists.item.max(initial=-1), wanted.item.max(initial=-1))
    pairs, first_rows = np.unique(wanted.subject * size + wanted.item, return_index=True)
    weights = 1 / np.sqrt(np.maximum(wanted.popularity[first_rows], 1))
    owners = pairs // max(size, 1)
    asked = np.bincount(owners, minlength=subjects)
    # Numbers of items differ with the partition: weights are added in their own order, for the same bits everywhere.
    by_weight = np.lexsort((weights, owners))
    asked_weight = np.bincount(owners[by_weight], weights[by_weight], minlength=subjects)
    subject, rank, position_in_pairs = _found(lists, pairs, size)
    found_weight = weights[position_in_pairs]
    values = np.empty((subjects, len(RANKING_METRICS), len(cutoffs)))
    longest = int(min(cutoffs.max(), max(1, asked.max(initial=1))))
    ideal = np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(2, longest + 2)))))
    # How many of the subject's items were found up to this one, itself included.
    begins = np.searchsorted(subject, subject)
    precision = (np.arange(len(subject)) - begins + 1) / rank

    with np.errstate(invalid="ignore", divide="ignore"):
        for position, k in enumerate(cutoffs):
            within = rank <= k
            of, at = subject[within], rank[within]

            def total(gains: Doubles, of: Integers = of) -> Doubles:
                return np.bincount(of, weights=gains, minlength=subjects).astype(np.float64)

            found = total(np.ones(len(of)))
            possible = np.minimum(k, asked)
            first = total(np.where(begins == np.arange(len(subject)), 1 / rank, 0.0)[within])
            scores = {
                "recall": found / asked,
                "recall_capped": found / possible,
                # The two sums are rounded differently.
                "recall_stratified": np.minimum(total(found_weight[within]) / asked_weight, 1.0),
                "precision": np.where(asked > 0, found / k, np.nan),
                "ndcg": total(1 / np.log2(at + 1)) / ideal[possible],
                "hit_rate": np.where(asked > 0, found > 0, np.nan),
                "mrr": np.where(asked > 0, first, np.nan),
                "map": total(precision[within]) / possible,
            }
            for metric, name in enumerate(RANKING_METRICS):
                values[:, metric, position] = scores[name]
    return asked, values


def novelty_values(lists: Listed, popularity: Integers, subjects: int, ks: Sequence[int]) -> Doubles:
    """Mean of -log2(people who engaged with an item) over the first k items of each list, in bits.

    Novelty as Zhou et al. define it ("Solving the apparent diversity-accuracy dilemma of recommender systems", 2010) is
    relative to a population: it is this and log2 of how many people there are, the same for every list.

    Args:
        lists: one source's lists.
        popularity: (rows,) int64, of each of their rows how many people engaged with the item; an item that nobody has
            engaged with counts as if one person had.
        subjects: how many subjects there are.
        ks: cut-offs.

    Returns:
        (subjects, cut-offs) float64, NaN for a subject without a list.
    """
    bits = -np.log2(np.maximum(popularity, 1))
    values = np.empty((subjects, len(ks)))
    with np.errstate(invalid="ignore"):
        for position, k in enumerate(checked_cutoffs(ks)):
            within = lists.rank <= k
            rows = np.bincount(lists.subject[within], minlength=subjects)
            values[:, position] = np.bincount(lists.subject[within], bits[within], minlength=subjects) / rows
    return values


def use_values(lists: Listed, wanted: Wanted, subjects: int, ks: Sequence[int]) -> Doubles:
    """How many rows the first k of each list are, and how many of them hold an item that the subject wanted.

    Args:
        lists: one source's lists.
        wanted: relevant items.
        subjects: how many subjects there are.
        ks: cut-offs.

    Returns:
        (subjects, 2, cut-offs) float64, 0 for a subject without a list.
    """
    used = _among(lists, wanted)
    values = np.empty((subjects, 2, len(ks)))
    for position, k in enumerate(checked_cutoffs(ks)):
        within = lists.rank <= k
        values[:, 0, position] = np.bincount(lists.subject[within], minlength=subjects)
        values[:, 1, position] = np.bincount(lists.subject[within & used], minlength=subjects)
    return values


def without(lists: Listed, pairs: Wanted) -> Listed:
    """Lists without some pairs; what is left is ranked anew, from 1.

    Args:
        lists: one source's lists.
        pairs: those that are taken out.
    """
    left = ~_among(lists, pairs)
    subject, rank, item = lists.subject[left], lists.rank[left], lists.item[left]
    order = np.lexsort((rank, subject))
    subject, item = subject[order], item[order]
    ranks = np.arange(1, len(subject) + 1) - np.searchsorted(subject, subject)
    return Listed(subject, ranks, item)


def free_slots(lists: Listed, repeats: Wanted, subjects: int, k: int, kept: int) -> Integers:
    """How many slots each subject's list has for items that are no repeats: (subjects,) int64.

    All slots that hold no repeat, also those that a short list leaves empty, and never fewer than are kept for such
    items: a list that fills these with others is not excused by it.

    Args:
        lists: of at most k rows a subject.
        repeats: pairs that take a slot.
        subjects: how many there are; one without a list has k.
        k: longest list.
        kept: slots that settings keep.
    """
    taken = lists.subject[_among(lists, repeats)]
    free: Integers = np.maximum(k - np.bincount(taken, minlength=subjects), kept)
    return free


def cut_to(lists: Listed, lengths: Integers) -> Listed:
    """Lists cut to a length for each subject.

    Args:
        lists: one source's lists.
        lengths: (subjects,).
    """
    left = lists.rank <= lengths[lists.subject]
    return Listed(lists.subject[left], lists.rank[left], lists.item[left])


def _among(lists: Listed, pairs: Wanted) -> NDArray[np.bool_]:
    """Which rows of lists are one of the pairs: (rows,)."""
    size = 1 + max(lists.item.max(initial=-1), pairs.item.max(initial=-1))
    return np.isin(lists.subject * size + lists.item, pairs.subject * size + pairs.item)


def _found(lists: Listed, pairs: Integers, size: int) -> tuple[Integers, Integers, Integers]:
    """Subject and rank of each wanted item that a list has, and where it is in `pairs`, which are sorted; by subject and rank."""
    keys = lists.subject * size + lists.item
    hit = np.isin(keys, pairs)
    keys, rank = keys[hit], lists.rank[hit]
    order = np.lexsort((rank, keys))
    keys, rank = keys[order], rank[order]
    better = np.concatenate((np.ones(min(1, len(keys)), bool), keys[1:] != keys[:-1]))
    keys, rank = keys[better], rank[better]
    subject = keys // max(size, 1)
    order = np.lexsort((rank, subject))
    return subject[order], rank[order], np.searchsorted(pairs, keys[order])
