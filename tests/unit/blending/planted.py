"""Examples with a structure that blends must find: who is relevant is drawn from what some sources say."""

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.examples import Examples, examples_of
from shortlist.blending.features import Features, features_of
from shortlist.config.blends import LearnedBlendConfig

SOURCES = ("left", "right", "noise")
PER_SUBJECT = 30
CONFIG = LearnedBlendConfig(k=5, trees=30, leaves=7, rows_per_leaf=10, reranked=20)


def scores_of(subjects: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((3, subjects * PER_SUBJECT)).astype(np.float32)


def candidates(subjects: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    starts = np.arange(subjects + 1, dtype=np.int64) * PER_SUBJECT
    return starts, np.tile(np.arange(PER_SUBJECT, dtype=np.int32), subjects)


def features(subjects: int, seed: int) -> Features:
    starts, items = candidates(subjects)
    popular = {"log_popularity": np.log1p(np.arange(PER_SUBJECT)).astype(np.float32)}
    active = {"log_activity": np.linspace(0, 1, subjects).astype(np.float32)}
    return features_of(SOURCES, starts, items, scores_of(subjects, seed), popular, active)


def examples(subjects: int, seed: int, *, joint: bool = False) -> Examples:
    """Three relevant items a subject: where left + .5 right is largest, or (joint) where both have one sign."""
    _, items = candidates(subjects)
    left, right, _ = scores_of(subjects, seed).reshape(3, subjects, PER_SUBJECT)
    # No weighted sum sees what both sources agree on below 0.
    worth = left * right if joint else left + 0.5 * right
    worth = worth + 0.5 * np.random.default_rng(seed + 1).standard_normal(worth.shape)
    wanted = np.sort(np.argsort(-worth, axis=1)[:, :3], axis=1)
    relevant = (np.arange(subjects + 1) * 3, wanted.ravel())
    return examples_of(features(subjects, seed), items, relevant, np.ones(PER_SUBJECT), CONFIG)
