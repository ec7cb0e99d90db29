"""Matrix factorisation: what similar users take (users), what is taken by the same users (items)."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shortlist.config import AlsConfig, AlsSourceConfig, Settings
from shortlist.kernels.arrays import Floats, Indices
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
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
        """Item vectors, and of users what is stored or what solves them."""
        if subject.history == "itself":
            return ("unit_item_vectors",)
        stored: tuple[ArtefactName, ...] = ("user_vectors",) if settings.als.store_user_factors else ()
        solved: tuple[ArtefactName, ...] = ("fold_in",) if settings.als.folds_in else ()
        return ("item_vectors", *stored, *solved)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> "Scorer[NDArray[np.float32]]":
        """The scorer."""
        if subject.history == "itself":
            return BesideItems(given(artefacts.unit_item_vectors, "unit_item_vectors"))
        return ForUsers(
            given(artefacts.item_vectors, "item_vectors"), artefacts.fold_in, settings.als, settings.sources.als
        )


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
        """Its reason names no item."""
        return np.full(len(chosen.items), -1, np.int32)


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


class ForUsers(_ByVectors):
    """A user's vector is the stored one; users without one are folded in from their history.

    Engines `implicit` and `mllib` solve another objective than the fold-in, so theirs are not folded in. Whoever took nothing
    that has a vector gets no proposal; the fallback serves them.
    """

    def __init__(self, items: ItemVectors, fold_in: FoldIn | None, als: AlsConfig, config: AlsSourceConfig) -> None:
        """Items, and what users without a stored vector are solved against; None: they get no proposal."""
        super().__init__(items)
        self._fold_in = fold_in
        self._solver = None if fold_in is None else FoldInScorer(fold_in.arrays, als, config)

    def prepare(self, batch: SubjectBatch) -> Floats:
        """The vectors."""
        vectors = np.zeros((batch.size, self._items.vectors.shape[1]), np.float32)
        missing: NDArray[np.bool_] = np.ones(batch.size, np.bool_)
        if STORED in batch.vectors:
            missing = np.asarray(np.isnan(batch.vectors[STORED]).any(axis=1))
            vectors[~missing] = batch.vectors[STORED][~missing]
        if self._solver is not None and self._fold_in is not None and missing.any():
            solved = self._solver.prepare(batch.select(missing))
            # Without BLAS, whose rounding depends on how many rows it is given at once.
            vectors[missing] = cast("Any", np).einsum("ne,de->nd", solved, self._fold_in.rotation, optimize=False)
        return vectors
