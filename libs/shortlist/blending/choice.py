"""Which blend is published: the simplest within one standard error of the best, and never one below its best source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.blends import BLENDS, Blend
from shortlist.blending.examples import Examples, pooled, values_of
from shortlist.blending.z_sum import ZSum, best_single
from shortlist.config.blends import BlendKind, LearnedBlendConfig

# Fewer subjects with something relevant say nothing about a difference.
LEAST_SUBJECTS: Final = 30


@dataclass(frozen=True)
class Judged:
    """One kind on the latest cut.

    Attributes:
        mean: of the objective over subjects.
        below_best: how much lower than the best kind, on the same subjects.
        error: standard error of that difference; 0 for the best itself.
    """

    mean: float
    below_best: float
    error: float


@dataclass(frozen=True)
class Choice:
    """What is published, and why.

    Attributes:
        kind: of the blend.
        blend: learned from all cuts.
        judged: kind -> how it did on the latest cut, learned from the earlier ones.
        sources: source -> mean of the objective of its own lists on the latest cut.
        subjects: how many the latest cut was judged by.
        reason: a sentence.
    """

    kind: BlendKind
    blend: Blend
    judged: dict[BlendKind, Judged]
    sources: dict[str, float]
    subjects: int
    reason: str


def choose_blend(earlier: Sequence[Examples], latest: Examples, config: LearnedBlendConfig) -> Choice:
    """Learn every kind from the earlier cuts, choose by the latest one, learn the chosen kind again from all.

    The order of kinds is that of BLENDS. A kind is within one standard error of the best when the mean difference on the same
    subjects is at most its standard error. The single source that everything is compared with is the best one of the latest
    cut itself, so a blend wins nothing by a source that was chosen badly.

    Args:
        earlier: at least one cut.
        latest: a later cut, or other subjects of the same one.
        config: kinds, objective, settings of the fits.

    Raises:
        ValueError: nothing to learn from, or too few subjects to judge by.
    """
    if latest.subjects < LEAST_SUBJECTS or not any(cut.subjects for cut in earlier):
        raise ValueError(
            f"{latest.subjects} subjects of the latest cut and {sum(cut.subjects for cut in earlier)} of the earlier ones "
            f"had something relevant, at least {LEAST_SUBJECTS} and 1 are needed; "
            "next: use weights from settings until there is more history"
        )
    past = pooled(earlier)
    kinds: list[BlendKind] = [kind for kind in BLENDS if kind == "single" or kind in config.kinds]
    values: dict[BlendKind, NDArray[np.float64]] = {}
    for kind in kinds:
        blend = best_single(latest, config) if kind == "single" else BLENDS[kind].fit(past, config)
        values[kind] = values_of(latest, blend.predict(latest.features), config)
    best = max(kinds, key=lambda kind: values[kind].mean())
    judged = {kind: _beside(values[kind], values[best]) for kind in kinds}
    allowed = [kind for kind in kinds if judged[kind].below_best <= judged[kind].error]
    chosen = allowed[0]
    reason = f"{chosen} is the simplest kind within one standard error of the best, which is {best}"
    if judged[chosen].mean < judged["single"].mean:
        reason = f"{chosen} is below the best single source on the latest cut, which is published without the others"
        chosen = "single"
    blend = (
        best_single(latest, config) if chosen == "single" else BLENDS[chosen].fit(pooled([*earlier, latest]), config)
    )
    sources = {
        name: float(values_of(latest, ZSum({name: 1.0}).predict(latest.features), config).mean())
        for name in latest.features.sources
    }
    return Choice(chosen, blend, judged, sources, latest.subjects, reason)


def _beside(values: NDArray[np.float64], best: NDArray[np.float64]) -> Judged:
    differences = best - values
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return Judged(float(values.mean()), float(differences.mean()), float(error))
