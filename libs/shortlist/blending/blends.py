"""The kinds of blend, from the simplest on, and how they are kept as text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from shortlist.blending.examples import Examples
from shortlist.blending.logistic import Logistic, fit_logistic
from shortlist.blending.trees import Trees, fit_trees
from shortlist.blending.z_sum import ZSum, fit_equal, fit_single, fit_z_sum
from shortlist.config.blends import BlendKind, LearnedBlendConfig

# `predict` gives a score for each candidate, from its subject's candidates only; `importance` says how much a source or feature
# counts.
Blend = ZSum | Logistic | Trees


@dataclass(frozen=True)
class Kind:
    """One kind of blend.

    Attributes:
        fit: learns one; the same examples give the same blend.
        restore: makes one from what `text_of` kept.
        with_ranks: whether it reads more than standard scores.
    """

    fit: Callable[[Examples, LearnedBlendConfig], Blend]
    restore: Callable[[Mapping[str, Any]], Blend]
    with_ranks: bool


def _read_z_sum(kept: Mapping[str, Any]) -> ZSum:
    return ZSum(dict(kept["weights"]))


def _read_logistic(kept: Mapping[str, Any]) -> Logistic:
    return Logistic(dict(kept["coefficients"]), float(kept["intercept"]), dict(kept["deviations"]))


def _read_trees(kept: Mapping[str, Any]) -> Trees:
    first = _read_z_sum(kept["first"])
    return Trees(kept["text"], tuple(kept["names"]), first, int(kept["reranked"]), dict(kept["gains"]))


# From the simplest on: of those that are as good as equal the first is taken.
BLENDS: Final[dict[BlendKind, Kind]] = {
    "single": Kind(fit_single, _read_z_sum, with_ranks=False),
    "equal": Kind(fit_equal, _read_z_sum, with_ranks=False),
    "z_sum": Kind(fit_z_sum, _read_z_sum, with_ranks=False),
    "logistic": Kind(fit_logistic, _read_logistic, with_ranks=True),
    "trees": Kind(fit_trees, _read_trees, with_ranks=True),
}


def text_of(kind: BlendKind, blend: Blend) -> str:
    """The blend as JSON, the same text for the same blend; nothing in it is run when it is read."""
    return json.dumps({"kind": kind, **asdict(blend)}, sort_keys=False)


def blend_of(text: str) -> Blend:
    """The blend that `text_of` wrote.

    Raises:
        ValueError: an unknown kind.
    """
    kept = json.loads(text)
    kind = kept.get("kind")
    if kind not in BLENDS:
        raise ValueError(f"a blend of kind {kind!r} is not known; next: choose from {', '.join(BLENDS)}")
    return BLENDS[kind].restore(kept)
