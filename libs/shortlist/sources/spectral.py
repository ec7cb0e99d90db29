"""A low-pass filter on the graph of users and items: what is left of a history in the smoothest directions of the graph.

Shen et al., "How powerful is graph convolution for recommendation?", CIKM 2021, section 4 (GF-CF's ideal low-pass filter). The
basis is the leading right singular vectors of D_u^-1/2 R D_i^-1/2, by randomised subspace iteration (Halko, Martinsson, Tropp,
SIAM Review 53(2), 2011, algorithm 4.4) on the items' side alone, so that users may be anywhere: what users add to an iteration
is a sum over them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import SpectralSourceConfig
from shortlist.kernels.arrays import Doubles, Rows, checked_rows, frozen
from shortlist.kernels.starting import ITEMS, initial_factors
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_side import ItemSide
from shortlist.sources.item_vectors import ItemVectors
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class SpectralArrays(ItemSide):
    """The basis, scaled for both of its uses.

    Attributes:
        inward: (items, k) float32, V_i degree_i^-1/2: what an item of the history adds to a subject's vector.
        outward: (items, k) float32, V_j degree_j^popularity: what a candidate is multiplied by.
        known: (items,) uint8, 0 where nobody took an item.
    """

    inward: NDArray[np.float32]
    outward: NDArray[np.float32]
    known: NDArray[np.uint8]


def fit_spectral(
    pairs: tuple[ArrayLike, ArrayLike], item_count: int, config: SpectralSourceConfig
) -> NDArray[np.float32]:
    """The leading right singular vectors of the normalised graph, (items, k) float32, in one process.

    The sign of each vector is such that its largest entry is positive. Where the graph has fewer items or users than
    `factors`, there are as many vectors as it has.

    Args:
        pairs: indptr and indices: what each user took, ascending.
        item_count: number of items.
        config: factors, oversampling, iterations, seed.
    """
    taken = checked_rows(pairs, item_count, "pairs")
    degrees = np.bincount(taken.indices, minlength=item_count)
    return smoothest_directions(
        lambda basis: smoothed(taken, degrees, basis), item_count, len(taken.indptr) - 1, degrees, config
    )


def smoothest_directions(
    smooth: Callable[[Doubles], Doubles],
    item_count: int,
    user_count: int,
    degrees: ArrayLike,
    config: SpectralSourceConfig,
) -> NDArray[np.float32]:
    """As `fit_spectral`, of users who are not at hand.

    Args:
        smooth: (items, k) -> (items, k), the sum of `smoothed` over all users.
        item_count: number of items.
        user_count: number of users.
        degrees: (items,) users of each item.
        config: factors, oversampling, iterations, seed.
    """
    if not np.any(degrees):
        raise ValueError("nobody took anything, so there is no graph; next: check what the pairs were made from")
    width = subspace_width(user_count, item_count, config)
    start = initial_factors(np.arange(item_count), width, config.seed, ITEMS, scale=1.0).astype(np.float64)
    basis = np.linalg.qr(start)[0]
    for _ in range(config.iterations):
        basis = np.linalg.qr(smooth(basis))[0]
    within = basis.T @ smooth(basis)
    # The largest eigenvalue last.
    rotation = np.linalg.eigh((within + within.T) / 2)[1][:, ::-1]
    vectors = (basis @ rotation)[:, : min(config.factors, width)]
    largest = np.abs(vectors).argmax(axis=0)
    signed: NDArray[np.float32] = (vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])).astype(np.float32)
    return signed


def subspace_width(user_count: int, item_count: int, config: SpectralSourceConfig) -> int:
    """How many vectors are iterated: those that are kept and the further ones, where the graph has as many."""
    return min(config.factors + config.oversampling, user_count, item_count)


def smoothed(taken: Rows, degrees: ArrayLike, basis: Doubles) -> Doubles:
    """What some users add to D_i^-1/2 R' D_u^-1 R D_i^-1/2 times a basis.

    Args:
        taken: what each of these users took.
        degrees: (items,) users of each item, of all users.
        basis: (items, k).
    """
    lengths = np.diff(taken.indptr)
    roots = np.maximum(np.asarray(degrees, np.float64), 1.0) ** -0.5
    scale = np.repeat(np.maximum(lengths, 1) ** -0.5, lengths) * roots[taken.indices]
    graph = sp.csr_matrix((scale, taken.indices, taken.indptr), shape=(len(lengths), len(basis)))
    product: Doubles = graph.T @ (graph @ basis)
    return product


def spectral_arrays(basis: ArrayLike, degrees: ArrayLike, config: SpectralSourceConfig) -> SpectralArrays:
    """Scale a basis.

    Args:
        basis: (items, k) singular vectors.
        degrees: (items,) users of each item.
        config: the exponent of popularity.
    """
    vectors = np.asarray(basis, np.float64)
    users = np.asarray(degrees, np.float64)
    least = np.maximum(users, 1.0)[:, None]
    known = (users > 0).astype(np.uint8)
    inward = (vectors * least**-0.5).astype(np.float32)
    return SpectralArrays(inward, (vectors * least**config.popularity).astype(np.float32), known)


class Spectral:
    """What is near a subject's items in the smoothest directions of the graph."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """The basis."""
        return ("spectrum",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        return SpectralScorer(given(artefacts.spectrum, "spectrum"), settings.sources.spectral)


class SpectralScorer:
    """score = sum_i w_i degree_i^-1/2 <V_i, V_j> degree_j^popularity over the history."""

    wide = True

    def __init__(self, arrays: SpectralArrays, config: SpectralSourceConfig) -> None:
        self._items = ItemVectors.of(arrays.outward, arrays.known)
        self._inward: NDArray[np.float32] = frozen(arrays.inward, np.float32, "inward")
        self._config = config

    def prepare(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """(n, k) float32, the weighted sum of the vectors of the history."""
        taken = batch.taken(len(self._inward))
        weights = np.maximum(batch.column(self._config.weight), 0)
        history = sp.csr_matrix((weights, taken.indices, taken.indptr), shape=(batch.size, len(self._inward)))
        # scipy adds row by row in the order of the entries: a subject's sum does not depend on the batch.
        queries: NDArray[np.float32] = np.ascontiguousarray(history @ self._inward, np.float32)
        return queries

    def propose(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest inner products."""
        return self._items.propose(prepared, batch, count, eligible)

    def score(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], candidates: CandidateSet
    ) -> NDArray[np.float32]:
        """Inner products."""
        return self._items.score(prepared, candidates)

    def explain(self, batch: SubjectBatch, prepared: NDArray[np.float32], chosen: CandidateSet) -> NDArray[np.int32]:
        """The history item whose term of the sum is largest."""
        return self._items.explain(batch, batch.column(self._config.weight), self._inward, chosen)
