"""Matrix factorisation: what similar users take (users), what is taken by the same users (items)."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shortlist.config import AlsConfig, AlsSourceConfig, Settings
from shortlist.kernels.arrays import Floats, Indices
from shortlist.sources.batch import WEIGHT, CandidateSet, Scorer, SubjectBatch
from shortlist.sources.fold_in import FoldInScorer
from shortlist.sources.inputs import ArtefactName, Artefacts, FoldIn, given
from shortlist.sources.item_vectors import ItemVectors
from shortlist.subjects import SubjectType

# Name of the stored vectors among those of a batch.
STORED = "als"


class Als:
    """Largest inner product of user and item factors; beside items the largest cosine of item factors."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Item vectors, and of users what is stored: in the basis that users are folded in by, where the engine allows that."""
        if subject.history == "itself":
            return ("unit_item_vectors",)
        if not settings.als.folds_in:
            return ("item_vectors", "user_vectors")
        return ("fold_in", "user_vectors") if settings.als.store_user_factors else ("fold_in",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> "Scorer[NDArray[np.float32]]":
        """The scorer."""
        if subject.history == "itself":
            return BesideItems(given(artefacts.unit_item_vectors, "unit_item_vectors"))
        if not settings.als.folds_in:
            return StoredUsers(given(artefacts.item_vectors, "item_vectors"))
        return FoldedUsers(given(artefacts.fold_in, "fold_in"), settings.als, settings.sources.als)


class _ByVectors:
    """Inner products of a vector for each subject, zeros where there is none, with the items'."""

    wide = True

    def __init__(self, items: ItemVectors) -> None:
        self._items = items

    def propose(self, batch: SubjectBatch, prepared: Floats, count: int, eligible: NDArray[np.uint8]) -> Indices:
        """The largest inner products."""
        return self._items.propose(prepared, batch, count, eligible)

    def score(self, batch: SubjectBatch, prepared: Floats, candidates: CandidateSet) -> Floats:
        """Inner products."""
        return self._items.score(prepared, candidates)

    def explain(self, batch: SubjectBatch, prepared: Floats, chosen: CandidateSet) -> Indices:
        """The history item whose vector, times weight and rarity, has the largest inner product with the chosen item's."""
        return self._items.explain(batch, batch.column(WEIGHT), self._items.vectors, chosen)


class BesideItems(_ByVectors):
    """A subject's vector is that of the one item in its history."""

    def prepare(self, batch: SubjectBatch) -> Floats:
        """The vectors.

        Raises:
            ValueError: a subject with another history than one item.
        """
        if not (np.diff(batch.history_starts) == 1).all():
            raise ValueError(
                "a subject of an item surface has another history than itself; next: gather it as one item"
            )
        return np.asarray(self._items.vectors[batch.history_items])


class StoredUsers(_ByVectors):
    """A user's vector is the stored one: engines `implicit` and `mllib` solve another objective than the fold-in.

    Who has none gets no proposal; the fallback serves them. Reasons go by how alike items are, for the same cause.
    """

    def prepare(self, batch: SubjectBatch) -> Floats:
        """The vectors."""
        if STORED not in batch.vectors:
            return np.zeros((batch.size, self._items.vectors.shape[1]), np.float32)
        return np.nan_to_num(batch.vectors[STORED])


class FoldedUsers(_ByVectors):
    """A user's vector is the stored one; users without one are folded in from their history.

    Everything is in the eigenbasis of the items' Gram matrix: inner products are the same there, and one matrix of items serves
    scores, users that are folded in, and reasons. Whoever took nothing that has a vector gets no proposal; the fallback serves
    them.
    """

    def __init__(self, fold_in: FoldIn, als: AlsConfig, config: AlsSourceConfig) -> None:
        """What users without a stored vector are solved against."""
        super().__init__(ItemVectors.of(fold_in.arrays.rotated, fold_in.arrays.known))
        self._rotation = fold_in.rotation
        self._solver = FoldInScorer(fold_in.arrays, als, config)

    def prepare(self, batch: SubjectBatch) -> Floats:
        """The vectors."""
        if STORED not in batch.vectors:
            return self._solver.prepare(batch)
        stored = batch.vectors[STORED]
        missing = np.asarray(np.isnan(stored).any(axis=1))
        vectors = np.empty_like(stored)
        # Without BLAS, whose rounding depends on how many rows it is given at once.
        vectors[~missing] = cast("Any", np).einsum("nd,de->ne", stored[~missing], self._rotation, optimize=False)
        if missing.any():
            vectors[missing] = self._solver.prepare(batch.select(missing))
        return vectors

    def explain(self, batch: SubjectBatch, prepared: Floats, chosen: CandidateSet) -> Indices:
        """The history item that adds most to the score by the equations of the fold-in."""
        return self._solver.explain(batch, prepared, chosen)
