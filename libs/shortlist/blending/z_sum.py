"""A weighted sum of standard scores: a weight per source, learned by coordinate ascent on the objective itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.examples import Examples, values_of
from shortlist.blending.features import Features
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.ranking import weighted_sum

# What a weight is multiplied by, and what one of 0 is set to, relative to the largest.
STEPS: Final = (0.0, 0.5, 0.8, 1.25, 2.0)
ENTRIES: Final = (0.05, 0.15, 0.4, 1.0)
# A round that gains less is the last.
LEAST_GAIN: Final = 1e-4
_NEGLIGIBLE: Final = 1e-6


@dataclass(frozen=True)
class ZSum:
    """score = sum of weight x standard score.

    Attributes:
        weights: source -> weight, at least 0; the largest is 1.
    """

    weights: dict[str, float]

    def predict(self, features: Features) -> NDArray[np.float32]:
        """(candidates,) scores.

        Raises:
            ValueError: a source with a weight that the features lack.
        """
        absent = sorted(set(self.weights) - set(features.sources))
        if absent:
            raise ValueError(
                f"the blend weighs {', '.join(absent)}, the candidates have {', '.join(features.sources)}; "
                "next: score them with the sources that the blend was learned from"
            )
        return weighted_sum(features.standard, [self.weights.get(name, 0.0) for name in features.sources])

    def importance(self) -> dict[str, float]:
        """The weights."""
        return dict(self.weights)


def best_single(examples: Examples, config: LearnedBlendConfig) -> ZSum:
    """The one source whose own lists are best; of equal ones the first."""
    names, standard = examples.features.sources, examples.features.standard
    means = [values_of(examples, row, config).mean() for row in standard]
    return ZSum({names[int(np.argmax(means))]: 1.0})


def fit_single(examples: Examples, config: LearnedBlendConfig) -> ZSum:
    """As `best_single`: a blend of one."""
    return best_single(examples, config)


def fit_equal(examples: Examples, config: LearnedBlendConfig) -> ZSum:
    """Every source counts the same: nothing is learned, so nothing is learned that held for one week only."""
    return ZSum(dict.fromkeys(examples.features.sources, 1.0))


def fit_z_sum(examples: Examples, config: LearnedBlendConfig) -> ZSum:
    """Weights by coordinate ascent, from the best single source and from equal weights; the better end of the two.

    One weight is changed at a time, to the best of a few multiples, until a round gains next to nothing. The objective is a
    step function of the weights: there is no gradient to follow.
    """
    names, standard = examples.features.sources, examples.features.standard
    alone = np.array([float(name in best_single(examples, config).weights) for name in names])
    ends = [_ascend(examples, standard, start, config) for start in (alone, np.ones(len(names)))]
    weights = max(ends, key=lambda end: end[0])[1]
    largest = weights.max()
    return ZSum(
        {name: round(float(weight / largest), 6) for name, weight in zip(names, weights, strict=True) if weight}
    )


def _ascend(
    examples: Examples, standard: NDArray[np.float32], start: NDArray[np.float64], config: LearnedBlendConfig
) -> tuple[float, NDArray[np.float64]]:
    def value(of: Sequence[float] | NDArray[np.float64]) -> float:
        return float(values_of(examples, weighted_sum(standard, of), config).mean())

    weights = start.copy()
    best = value(weights)
    for _ in range(config.rounds):
        before = best
        for source in range(len(weights)):
            largest = weights.max()
            steps = [weights[source] * step for step in STEPS] if weights[source] else [largest * e for e in ENTRIES]
            for step in steps:
                tried = weights.copy()
                tried[source] = step
                if not tried.any():
                    continue
                found = value(tried)
                if found > best + _NEGLIGIBLE:
                    best, weights = found, tried
        if best - before < LEAST_GAIN:
            break
    return best, weights
