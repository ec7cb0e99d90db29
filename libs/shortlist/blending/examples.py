"""What a blend learns from and is judged by: candidates with what followed the cut."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.blending.features import Features, joined
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.arrays import checked_rows, finite_doubles, require_shape
from shortlist.kernels.ranking import list_worth
from shortlist.kernels.starting import chances


@dataclass(frozen=True)
class Examples:
    """Candidates of n subjects, and which of them were relevant.

    Attributes:
        features: of the candidates.
        gains: (candidates,) float32, what a candidate is worth; 0 if it was not relevant.
        best_gain: (n,) float64, what the best list of length k is worth; 0 for a subject with nothing relevant.
        best_dcg: (n,) float64, the same discounted by rank.
    """

    features: Features
    gains: NDArray[np.float32]
    best_gain: NDArray[np.float64]
    best_dcg: NDArray[np.float64]

    @property
    def subjects(self) -> int:
        """How many subjects had something relevant: the others say nothing."""
        return int((self.best_gain > 0).sum())


def examples_of(
    features: Features,
    items: NDArray[np.int32],
    relevant: tuple[ArrayLike, ArrayLike],
    users_of_items: ArrayLike,
    config: LearnedBlendConfig,
) -> Examples:
    """Label candidates.

    A relevant item is worth (its users, at least 1)^-popularity_exponent. The best list has as many of a subject's relevant
    items as fit, whether or not a source proposed them: what nobody proposed counts against the lists.

    Args:
        features: of the candidates.
        items: (candidates,) item indices, ascending within a subject.
        relevant: rows of n subjects: what followed the cut, ascending.
        users_of_items: (items,) how many users each item had at the cut.
        config: k and the exponent.
    """
    worth = np.maximum(finite_doubles(users_of_items, "users of items", least=0.0), 1.0) ** -config.popularity_exponent
    wanted = checked_rows(relevant, len(worth), "relevant items")
    subjects = len(features.starts) - 1
    require_shape(wanted.indptr, (subjects + 1,), "relevant indptr")
    owners = np.repeat(np.arange(subjects), np.diff(features.starts))
    found = np.isin(owners * len(worth) + items, _pairs(wanted.indptr, wanted.indices, len(worth)))
    gains = np.where(found, worth[items], 0.0).astype(np.float32)
    # The best list: all that is relevant, the most valuable first.
    ideal = worth[wanted.indices].astype(np.float32)
    best = list_worth(wanted.indptr, ideal, ideal, config.k)
    return Examples(features, gains, best.gain, best.dcg)


def values_of(examples: Examples, scores: NDArray[np.float32], config: LearnedBlendConfig) -> NDArray[np.float64]:
    """The objective of each subject with something relevant, from 0 to 1, when its candidates are ranked by `scores`."""
    worth = list_worth(examples.features.starts, scores, examples.gains, config.k)
    judged = examples.best_gain > 0
    recall = worth.gain[judged] / examples.best_gain[judged]
    ndcg = worth.dcg[judged] / examples.best_dcg[judged]
    match config.objective:
        case "recall":
            return recall
        case "ndcg":
            return ndcg
        case "both":
            return (recall + ndcg) / 2


def pooled(cuts: Sequence[Examples]) -> Examples:
    """Several cuts as one."""
    return Examples(
        joined([cut.features for cut in cuts]),
        np.concatenate([cut.gains for cut in cuts]),
        np.concatenate([cut.best_gain for cut in cuts]),
        np.concatenate([cut.best_dcg for cut in cuts]),
    )


def subset(examples: Examples, chosen: NDArray[np.bool_]) -> Examples:
    """The examples of some subjects.

    Args:
        examples: of n subjects.
        chosen: (n,) who stays.
    """
    features = examples.features
    lengths = np.diff(features.starts)
    columns = np.repeat(chosen, lengths)
    starts = np.concatenate(([0], np.cumsum(lengths[chosen])))
    kept = Features(features.sources, features.names, starts, np.ascontiguousarray(features.values[:, columns]))
    return Examples(kept, examples.gains[columns], examples.best_gain[chosen], examples.best_dcg[chosen])


def halves(examples: Examples, seed: int) -> tuple[Examples, Examples]:
    """Two halves of the subjects by a seeded draw: where there is one cut only, the second half takes the later one's part."""
    first = chances(np.arange(len(examples.best_gain)), seed) < 0.5
    return subset(examples, first), subset(examples, ~first)


def _pairs(starts: NDArray[np.int64], items: NDArray[np.int32], width: int) -> NDArray[np.int64]:
    pairs: NDArray[np.int64] = np.repeat(np.arange(len(starts) - 1), np.diff(starts)) * width + items
    return pairs
