"""How candidates of one list share something, such as a category: what is better among them. No Spark."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.kernels.arrays import Indices, offsets_of


def group_numbers(names: pa.Array) -> Indices:
    """Groups numbered from 0 in the order in which they are met: (items,) int32, -1 where an item is in none.

    Args:
        names: texts, the group of each item; NULL or empty where it is in none.
    """
    named = pc.if_else(pc.equal(names, ""), None, names)
    numbers: Indices = pc.fill_null(pc.dictionary_encode(named).indices, -1).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int32)


def at_most(subjects: NDArray[np.int64], groups: NDArray[np.int32], most: int | None) -> NDArray[np.bool_]:
    """Which candidates stay where a list has at most so many of one group: (n,) bool.

    Args:
        subjects: (n,) ascending, the best candidate of each first.
        groups: (n,) the group of each; -1 for none, which is not limited.
        most: None: any number.
    """
    if most is None:
        return np.ones(len(subjects), np.bool_)
    kept: NDArray[np.bool_] = (groups < 0) | (better_in_group(subjects, groups) < most)
    return kept


def better_in_group(subjects: NDArray[np.int64], groups: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many better candidates of the same subject and group there are: (n,) int64.

    Args:
        subjects: (n,) ascending, the best candidate of each first.
        groups: (n,).
    """
    order = np.lexsort((groups, subjects))  # stable: the better stay before the worse
    ordered, named = subjects[order], groups[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (ordered[1:] != ordered[:-1]) | (named[1:] != named[:-1])
    firsts = np.flatnonzero(begins)
    better = np.empty(len(order), np.int64)
    better[order] = np.arange(len(order)) - np.repeat(firsts, np.diff(firsts, append=len(order)))
    return better


def chosen_before(subjects: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many better candidates of the same subject are chosen: (n,) int64.

    Args:
        subjects: (n,) numbers from 0, ascending, the best candidate of each first.
        chosen: (n,).
    """
    before: NDArray[np.int64] = np.cumsum(chosen) - chosen
    starts = offsets_of(subjects, int(subjects.max(initial=-1)) + 1)
    better: NDArray[np.int64] = before - before[starts[subjects]]
    return better


def chosen_of_subject(subjects: NDArray[np.int64], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many candidates of the same subject are chosen, itself included: (n,) int64.

    Args:
        subjects: (n,) numbers from 0.
        chosen: (n,).
    """
    found: NDArray[np.int64] = np.bincount(subjects[chosen], minlength=int(subjects.max(initial=-1)) + 1)[subjects]
    return found


def groups_before(subjects: NDArray[np.int64], groups: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many other groups begin better than the candidate's own in the subject's list: (n,) int64.

    Args:
        subjects: (n,) ascending, the best candidate of each first.
        groups: (n,), from 0.
    """
    width = int(groups.max(initial=0)) + 1
    _, firsts, own = np.unique(subjects * width + groups, return_index=True, return_inverse=True)
    places = np.empty(len(firsts), np.int64)
    places[np.argsort(firsts)] = np.arange(len(firsts))
    # Subjects ascend, so the groups of each follow one another in the order of their best candidates.
    before: NDArray[np.int64] = places[own] - np.searchsorted(subjects[np.sort(firsts)], subjects)
    return before
