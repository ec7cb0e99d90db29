"""Gradient-boosted trees over all features, by LightGBM; kept as its model text and walked by our own loop.

Trees order anew only what a weighted sum ranks best: elsewhere they cost much and change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.examples import Examples
from shortlist.blending.features import Features
from shortlist.blending.logistic import require_features, training_rows
from shortlist.blending.z_sum import ZSum, fit_z_sum
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.arrays import frozen
from shortlist.kernels.ranking import cut_lists
from shortlist.kernels.ranking_loops import walk_trees

_NODES: Final = ("split_feature", "threshold", "left_child", "right_child", "decision_type")
# Bit 0 of a decision type: the feature is a category.
_CATEGORICAL: Final = 1


class TreeArrays(NamedTuple):
    """Trees as the loop walks them; see `kernels.ranking_loops.walk_trees`.

    Attributes:
        roots: (trees,) int32.
        depths: (trees,) int32.
        columns: (nodes,) int32.
        thresholds: (nodes,) float32.
        left: (nodes,) int32.
        values: (nodes,) float64.
    """

    roots: NDArray[np.int32]
    depths: NDArray[np.int32]
    columns: NDArray[np.int32]
    thresholds: NDArray[np.float32]
    left: NDArray[np.int32]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Trees:
    """Trees on the best candidates of a weighted sum.

    Attributes:
        text: LightGBM's model.
        names: features that it was learned from.
        first: the weighted sum.
        reranked: how many of its best are ordered anew.
        gains: feature -> how much its splits gained.
    """

    text: str
    names: tuple[str, ...]
    first: ZSum
    reranked: int
    gains: dict[str, float] = field(default_factory=dict)

    @cached_property
    def arrays(self) -> TreeArrays:
        """The trees of the text."""
        return read_trees(self.text)

    def predict(self, features: Features) -> NDArray[np.float32]:
        """(candidates,) scores: of the best ones by the trees, of the others below them in the order of the sum."""
        require_features(features, self.names)
        sums = self.first.predict(features)
        starts = features.starts
        listed = cut_lists(starts, sums, self.reranked).listed
        best = listed[listed >= 0]
        rows: NDArray[np.float32] = frozen(features.values[:, best].T, np.float32, "features")
        found = np.zeros(len(best))
        walk_trees(rows, *self.arrays, found)
        subjects = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        above = np.zeros(len(sums), bool)
        above[best] = True
        # Scores of a subject's rest: under the lowest of its best by 1 and more.
        lowest, highest = np.full(len(starts) - 1, np.inf), np.full(len(starts) - 1, -np.inf)
        np.minimum.at(lowest, subjects[best], found)
        np.maximum.at(highest, subjects[~above], sums[~above])
        scores = np.empty(len(sums), np.float64)
        scores[best] = found
        rest = ~above
        scores[rest] = lowest[subjects[rest]] - 1.0 - (highest[subjects[rest]] - sums[rest])
        return scores.astype(np.float32)

    def importance(self) -> dict[str, float]:
        """What the splits on each feature gained."""
        return dict(self.gains)


def fit_trees(examples: Examples, config: LearnedBlendConfig) -> Trees:
    """Fit small trees to log odds; one thread and a seed, so that the same rows give the same text.

    Raises:
        RuntimeError: LightGBM cannot be loaded.
    """
    lightgbm = _lightgbm()
    rows = training_rows(examples, config)
    names = examples.features.names
    parameters = {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.rows_per_leaf,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "seed": config.seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    data = lightgbm.Dataset(rows.values, rows.relevant, weight=rows.weights, feature_name=list(names))
    booster = lightgbm.train(parameters, data, config.trees)
    gains = dict(zip(names, booster.feature_importance("gain").tolist(), strict=True))
    return Trees(booster.model_to_string(), names, fit_z_sum(examples, config), config.reranked, gains)


def _lightgbm() -> ModuleType:
    # Imported where trees are fitted only: predicting needs no LightGBM, and its library needs one of the system's.
    try:
        import lightgbm
    except OSError as error:
        raise RuntimeError(
            f"LightGBM cannot be loaded ({error}); next: install libgomp1 on this machine, or leave trees out of blend.kinds"
        ) from error
    module: ModuleType = lightgbm
    return module


def read_trees(text: str) -> TreeArrays:
    """The trees of a LightGBM model text.

    Thresholds are rounded down to float32: features are float32, so no row changes sides.

    Raises:
        ValueError: no trees, or splits on categories or missing values, which the loop does not know.
    """
    trees = [_section(part) for part in text.split("\nTree=")[1:]]
    if not trees:
        raise ValueError(
            f"no trees in a model text of {len(text)} characters; next: pass what LightGBM's model_to_string wrote"
        )
    roots, depths = [], []
    columns: list[int] = []
    thresholds: list[float] = []
    left: list[int] = []
    values: list[float] = []

    def make_room(count: int) -> int:
        columns.extend([0] * count)
        thresholds.extend([np.inf] * count)
        left.extend([0] * count)
        values.extend([0.0] * count)
        return len(columns) - count

    for number, tree in enumerate(trees):
        leaves = [float(word) for word in tree["leaf_value"].split()]
        splits = {name: tree.get(name, "").split() for name in _NODES}
        if any(int(kind) & _CATEGORICAL for kind in splits["decision_type"]) or int(tree.get("num_cat", 0)):
            raise ValueError(f"tree {number} splits on categories; next: learn from numbers only")
        root = make_room(1)
        roots.append(root)
        deepest = 0
        # Node of ours, child of theirs (leaves are below 0), depth.
        waiting = [(root, 0 if splits["split_feature"] else -1, 0)]
        while waiting:
            node, theirs, depth = waiting.pop()
            deepest = max(deepest, depth)
            if theirs < 0:
                left[node], values[node] = node, leaves[-theirs - 1]
                continue
            columns[node] = int(splits["split_feature"][theirs])
            thresholds[node] = float(splits["threshold"][theirs])
            first = make_room(2)
            left[node] = first
            waiting.append((first, int(splits["left_child"][theirs]), depth + 1))
            waiting.append((first + 1, int(splits["right_child"][theirs]), depth + 1))
        depths.append(deepest)
    exact = np.array(thresholds)
    rounded = exact.astype(np.float32)
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return TreeArrays(
        frozen(np.array(roots), np.int32, "roots"),
        frozen(np.array(depths), np.int32, "depths"),
        frozen(np.array(columns), np.int32, "columns"),
        frozen(rounded, np.float32, "thresholds"),
        frozen(np.array(left), np.int32, "left"),
        frozen(np.array(values), np.float64, "values"),
    )


def _section(text: str) -> Mapping[str, str]:
    """name=value lines up to the first empty one."""
    lines = text.split("\n\n", 1)[0].splitlines()[1:]
    return dict(line.split("=", 1) for line in lines if "=" in line)
