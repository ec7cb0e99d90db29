"""Items of the categories that a subject takes, by their share of the category lately."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import CategoryAffinitySourceConfig
from shortlist.kernels.arrays import bounded_rows, finite_doubles, frozen, require_shape
from shortlist.kernels.candidates import best_of_rows, gathered_values
from shortlist.kernels.counting_loops import add_groups, heaviest_of_group
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_side import ItemSide
from shortlist.sources.neighbour_lists import Votes
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class CategoryShares(ItemSide):
    """The category of each item and its share in it.

    Attributes:
        categories: (items,) int32, -1 where an item has none.
        shares: (items,) float32, shares of a category add up to 1; 0 without category.
    """

    categories: NDArray[np.int32]
    shares: NDArray[np.float32]

    @property
    def count(self) -> int:
        """How many categories."""
        return int(self.categories.max(initial=-1)) + 1


def category_shares(categories: ArrayLike, users: ArrayLike, config: CategoryAffinitySourceConfig) -> CategoryShares:
    """share_j = (users of j lately + smoothing) / the same of its whole category.

    Args:
        categories: (items,) numbers from 0, -1 where an item has no category.
        users: (items,) users of each item lately.
        config: the smoothing.
    """
    codes: NDArray[np.int32] = frozen(categories, np.int32, "categories")
    counts = finite_doubles(users, "users", least=0.0) + config.smoothing
    require_shape(codes, counts.shape, "categories")
    if len(codes) and codes.min() < -1:
        raise ValueError(
            f"category {codes.min()} at item {int(codes.argmin())}; next: number categories from 0, -1 for none"
        )
    size = int(codes.max(initial=-1)) + 1
    named = codes >= 0
    totals = np.bincount(codes[named], counts[named], size)
    shares = np.zeros(len(codes))
    shares[named] = counts[named] / np.maximum(totals[codes[named]], np.finfo(float).tiny)
    return CategoryShares(codes, frozen(shares, np.float32, "shares"))


class CategoryAffinity:
    """Items of the categories that a subject takes."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Categories of the catalog and counts."""
        return ("category_shares",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return CategoryAffinityScorer(
            given(artefacts.category_shares, "category_shares"), settings.sources.category_affinity
        )


class CategoryAffinityScorer:
    """score = (weight of what the subject took of the item's category) x (the item's share of its category)."""

    wide = False

    def __init__(self, shares: CategoryShares, config: CategoryAffinitySourceConfig) -> None:
        self._shares = shares
        self._config = config

    def prepare(self, batch: SubjectBatch) -> Votes:
        """Scores of all items."""
        shares = self._shares
        taken, weights = batch.taken(len(shares.categories)), batch.column(self._config.weight)
        rows = np.empty((batch.size, len(shares.categories)), np.float32)
        add_groups(*taken, weights, shares.categories, shares.shares, max(shares.count, 1), rows)
        return Votes(taken, weights, rows)

    def propose(
        self, batch: SubjectBatch, prepared: Votes, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest products above 0."""
        return best_of_rows(prepared.rows, batch.masked, eligible, count, 0.0)

    def score(self, batch: SubjectBatch, prepared: Votes, candidates: CandidateSet) -> NDArray[np.float32]:
        """The product; NaN for an item without category."""
        return gathered_values(prepared.rows, candidates.rows)

    def explain(self, batch: SubjectBatch, prepared: Votes, chosen: CandidateSet) -> NDArray[np.int32]:
        """The item of the history in the same category with the largest product of weight and rarity."""
        asked = bounded_rows(chosen.rows, len(self._shares.categories), "chosen")
        out = np.empty(len(asked.indices), np.int32)
        weights = frozen(batch.telling(prepared.weights), np.float32, "weights")
        heaviest_of_group(*prepared.taken, weights, self._shares.categories, *asked, out)
        return out
