"""A blend of scores in the pass: every source scores every candidate, and one score comes out. No Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from shortlist.blending.blends import Blend
from shortlist.blending.features import Features, feature_names, features_of
from shortlist.blending.fusion import Ranked
from shortlist.blending.z_sum import ZSum
from shortlist.kernels.arrays import Floats, Indices
from shortlist.sources.common_set import ScoredBlock

_LOG_POPULARITY: Final = "log_popularity"
_LOG_ACTIVITY: Final = "log_activity"


def learned_features(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the features that a blend of some sources learns from."""
    return feature_names(names, (_LOG_POPULARITY,), (_LOG_ACTIVITY,))


def block_features(
    block: ScoredBlock, names: Sequence[str], log_popularity: Floats, *, with_ranks: bool = True
) -> Features:
    """What a blend knows of the candidates of a block, where it learns as where it is used.

    Args:
        block: candidates with scores.
        names: of the sources, one per row of scores.
        log_popularity: (items,) ln(1 + users).
        with_ranks: False leaves out all but the standard scores.
    """
    active = np.log1p(np.diff(block.batch.history_starts)).astype(np.float32)
    return features_of(
        names,
        block.candidates.starts,
        block.candidates.items,
        block.scores,
        {_LOG_POPULARITY: log_popularity},
        {_LOG_ACTIVITY: active},
        with_ranks=with_ranks,
    )


@dataclass(frozen=True)
class Blended:
    """Candidates ranked by a blend.

    A candidate's winner is, of the sources that proposed it, the one that adds most to its score; the fallback only where no
    other did.

    Attributes:
        blend: from features to a score.
        names: of the sources, the fallback last.
        fallback: name of the source that fills short lists; None for none.
        log_popularity: (items,) ln(1 + users).
    """

    blend: Blend
    names: Sequence[str]
    fallback: str | None
    log_popularity: Floats

    def rank(self, block: ScoredBlock, ranks: Indices) -> Ranked:
        """Scores of the candidates of a block, and which source speaks for each."""
        weights = self.blend.weights if isinstance(self.blend, ZSum) else None
        features = block_features(block, self.names, self.log_popularity, with_ranks=weights is None)
        scores = self.blend.predict(features).astype(np.float64)
        counted = [1.0 if weights is None else weights.get(name, 0.0) for name in self.names]
        added = features.standard.astype(np.float64) * np.array(counted)[:, None]
        contributions = np.full(added.shape, np.nan) if weights is None else added.copy()
        if self.fallback is not None:
            # Below whatever another source may add.
            added[self.names.index(self.fallback)] -= 1e9
        return Ranked(scores, contributions, np.where(ranks > 0, -added, np.inf))
