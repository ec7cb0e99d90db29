"""From a blend's score to a probability of engagement: the best fit that never falls."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

from shortlist.kernels.arrays import finite, require_shape


@dataclass(frozen=True)
class Calibration:
    """Probability by score, linear between knots and level beyond them.

    Attributes:
        scores: knots, ascending.
        probabilities: at the knots, never falling, from 0 to 1.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def predict(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """A probability for each score."""
        found: NDArray[np.float32] = np.interp(scores, self.scores, self.probabilities).astype(np.float32)
        return found


def fit_calibration(scores: ArrayLike, relevant: ArrayLike) -> Calibration:
    """Isotonic regression of relevance on the score (Zadrozny, Elkan, KDD 2002).

    Args:
        scores: (candidates,) of a blend, on subjects that it was not learned from.
        relevant: (candidates,) whether each was engaged with within the horizon.

    Raises:
        ValueError: no candidates, or scores that are not finite.
    """
    given = finite(scores, "scores").astype(np.float64)
    labels = np.asarray(relevant, np.float64)
    require_shape(labels, given.shape, "relevant")
    if not len(given):
        raise ValueError("no candidates to calibrate on; next: pass those of the held-out cut")
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(given, labels)
    return Calibration(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))
