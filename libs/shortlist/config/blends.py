"""Settings of how a blend of sources is learned."""

from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from shortlist.config.base import Section

BlendKind = Literal["single", "equal", "z_sum", "logistic", "trees"]


class LearnedBlendConfig(Section):
    """How scores of several sources become one, and how that is learned from what followed earlier cuts."""

    horizon_days: int = Field(default=7, ge=1)
    """Days after a cut whose engagement is the truth; the latest cut is so many days before the run date."""
    cuts: int = Field(default=1, ge=1, le=10)
    """Cuts, a horizon apart. The latest judges what was learned from the others; of a single one half of the subjects does."""
    subjects: int = Field(default=5000, ge=1)
    """Subjects that are drawn for each cut, of those with something relevant, by a seeded hash."""
    kinds: tuple[BlendKind, ...] = Field(default=("single", "equal", "z_sum", "logistic", "trees"), min_length=1)
    """Kinds that are fitted and compared, from the simplest on; the best single source is always compared."""
    objective: Literal["recall", "ndcg", "both"] = "both"
    """What lists are judged by: recall capped at the list's length, NDCG, or the mean of both."""
    k: int = Field(default=20, ge=1, le=10_000)
    """Length of the lists that are judged."""
    popularity_exponent: float = Field(default=0.0, ge=0, le=2)
    """A hit is worth (users of the item)^-exponent (Steck, RecSys 2011); above 0 where the most popular item is no answer."""
    rounds: int = Field(default=6, ge=1)
    """Rounds of coordinate ascent over the weights of `z_sum`, at most."""
    regularization: float = Field(default=1.0, gt=0)
    """Strength of the L2 penalty of `logistic`."""
    trees: int = Field(default=120, ge=1, le=5000)
    """Trees of `trees`."""
    leaves: int = Field(default=15, ge=2, le=255)
    """Leaves of a tree, at most."""
    learning_rate: float = Field(default=0.08, gt=0, le=1)
    """What a tree adds."""
    rows_per_leaf: int = Field(default=200, ge=1)
    """Rows that a leaf holds at least."""
    reranked: int = Field(default=100, ge=1)
    """The best so many of `z_sum` are ordered anew by `trees`; the others keep their order below them."""
    hard_rank: int = Field(default=100, ge=1)
    """Rows that some source ranks better than this are all learned from, as are all relevant ones."""
    easy_share: float = Field(default=0.2, gt=0, le=1)
    """Of the other rows this share is drawn, and counts as many times more."""
    seed: int = Field(default=7, ge=0)
    """Of that draw and of the trees."""

    def cut_days(self, run_date: date) -> list[date]:
        """Days that a blend is learned from, earliest first: a horizon apart, the latest a horizon before the run date."""
        return [run_date - timedelta(days=self.horizon_days * number) for number in range(self.cuts, 0, -1)]
