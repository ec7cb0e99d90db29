"""Logistic regression over all features, by scikit-learn; kept as coefficients."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.examples import Examples
from shortlist.blending.features import BEST_RANK, Features
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.ranking import weighted_sum
from shortlist.kernels.starting import chances

# Steps of L-BFGS, at most.
MOST_STEPS: Final = 200


@dataclass(frozen=True)
class Logistic:
    """score = intercept + sum of coefficient x feature, the log odds of being relevant.

    Attributes:
        coefficients: feature -> coefficient.
        intercept: log odds where all features are 0.
        deviations: feature -> its standard deviation where it was learned.
    """

    coefficients: dict[str, float]
    intercept: float
    deviations: dict[str, float]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """(candidates,) log odds.

        Raises:
            ValueError: other features than those that it was learned from.
        """
        require_features(features, tuple(self.coefficients))
        return weighted_sum(features.values, list(self.coefficients.values())) + np.float32(self.intercept)

    def importance(self) -> dict[str, float]:
        """|coefficient| x standard deviation of each feature."""
        return {name: abs(value) * self.deviations[name] for name, value in self.coefficients.items()}


def require_features(features: Features, names: tuple[str, ...]) -> None:
    """Refuse other features than a blend was learned from, or in another order.

    Raises:
        ValueError: they differ.
    """
    if features.names != names:
        raise ValueError(
            f"the blend was learned from {', '.join(names)}, the candidates have {', '.join(features.names)}; "
            "next: score them with the same sources, or learn the blend anew"
        )


@dataclass(frozen=True)
class TrainingRows:
    """Rows that a classifier learns from.

    Attributes:
        values: (rows, features) float32.
        relevant: (rows,) uint8.
        weights: (rows,) float32.
    """

    values: NDArray[np.float32]
    relevant: NDArray[np.uint8]
    weights: NDArray[np.float32]


def training_rows(examples: Examples, config: LearnedBlendConfig) -> TrainingRows:
    """All relevant rows, all that some source ranks high, and a seeded share of the others, which count for the rest.

    Raises:
        ValueError: nothing or everything is relevant.
    """
    features = examples.features
    relevant = examples.gains > 0
    if not relevant.any() or relevant.all():
        raise ValueError(
            f"{int(relevant.sum())} of {len(relevant)} candidates are relevant, a classifier needs both kinds; "
            "next: learn from more subjects, a longer horizon, or a weighted sum"
        )
    judged = np.repeat(examples.best_gain > 0, np.diff(features.starts))
    hard = relevant | (features.row(BEST_RANK) < np.log1p(config.hard_rank))
    drawn = chances(np.arange(len(relevant)), config.seed) < config.easy_share
    chosen = np.flatnonzero(judged & (hard | drawn))
    weights = np.where(hard[chosen], 1.0, 1.0 / config.easy_share)
    # With an exponent of popularity a relevant row is worth its gain.
    weights = np.where(relevant[chosen], examples.gains[chosen], weights)
    values = np.ascontiguousarray(features.values[:, chosen].T)
    return TrainingRows(values, relevant[chosen].astype(np.uint8), weights.astype(np.float32))


def fit_logistic(examples: Examples, config: LearnedBlendConfig) -> Logistic:
    """Fit on standardised features with an L2 penalty; deterministic (L-BFGS from zeros)."""
    rows = training_rows(examples, config)
    values = rows.values.astype(np.float64)
    means, deviations = values.mean(axis=0), values.std(axis=0)
    scales = np.where(deviations > 0, deviations, 1.0)
    # Imported where one is fitted only: every task that predicts imports this file.
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0 / config.regularization, max_iter=MOST_STEPS)
    model.fit((values - means) / scales, rows.relevant, sample_weight=rows.weights)
    coefficients = model.coef_[0] / scales
    names = examples.features.names
    return Logistic(
        dict(zip(names, coefficients.tolist(), strict=True)),
        float(model.intercept_[0] - coefficients @ means),
        dict(zip(names, deviations.tolist(), strict=True)),
    )
