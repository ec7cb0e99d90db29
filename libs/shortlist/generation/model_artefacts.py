"""Artefacts that are made from model tables."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.columns import ITEM_ID, MEASURE, RELATED_ITEM_ID, SCORE
from shortlist.config.base import Measure
from shortlist.generation.loading import KnownItems, Loading
from shortlist.kernels.arrays import Floats, Indices, Offsets, Rows, offsets_of
from shortlist.models.als.item_factors import ItemFactors
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.sources.fold_in import FoldInArrays
from shortlist.sources.inputs import FoldIn
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists


@dataclass(frozen=True)
class _Lists:
    """Neighbours of each item, before they are checked."""

    starts: Offsets
    items: Indices
    similarities: Floats


@dataclass(frozen=True)
class _SharedVectors:
    vectors: SharedArrays[ItemFactors]
    known: SharedArrays[KnownItems]

    @property
    def value(self) -> ItemVectors:
        return ItemVectors.of(self.vectors.value.vectors, self.known.value.known)


@dataclass(frozen=True)
class _SharedFoldIn:
    rotated: SharedArrays[ItemFactors]
    known: SharedArrays[KnownItems]
    spectrum: Floats
    rotation: Floats

    @property
    def value(self) -> FoldIn:
        return FoldIn(FoldInArrays(self.rotated.value.vectors, self.known.value.known, self.spectrum), self.rotation)


@dataclass(frozen=True)
class _SharedNeighbours:
    lists: SharedArrays[_Lists]

    @property
    def value(self) -> NeighbourLists:
        lists = self.lists.value
        return NeighbourLists.of((lists.starts, lists.items), lists.similarities)


def item_vectors(loading: Loading) -> SharedArrays[ItemVectors]:
    """As the model has them."""
    return _SharedVectors(_aligned(loading, loading.factors.fitted), loading.known)


def unit_item_vectors(loading: Loading) -> SharedArrays[ItemVectors]:
    """Each of length 1, or 0."""
    return _SharedVectors(_aligned(loading, loading.factors.unit_length), loading.known)


def fold_in(loading: Loading) -> SharedArrays[FoldIn]:
    """What users are solved against."""
    basis, rotated = loading.factors.basis(1.0 / loading.settings.als.alpha)
    return _SharedFoldIn(_aligned(loading, rotated), loading.known, basis.spectrum, basis.rotation)


def neighbours(loading: Loading) -> SharedArrays[NeighbourLists]:
    """By the configured measure."""
    return _neighbours(loading, loading.settings.sources.cooccurrence.measure)


def walks(loading: Loading) -> SharedArrays[NeighbourLists]:
    """By measure rp3beta."""
    return _neighbours(loading, "rp3beta")


def lifts(loading: Loading) -> SharedArrays[NeighbourLists]:
    """By measure log_lift."""
    return _neighbours(loading, "log_lift")


def _aligned(loading: Loading, factors: SharedArrays[ItemFactors]) -> SharedArrays[ItemFactors]:
    return loading.factors.aligned(factors, loading.items.ids)


def _neighbours(loading: Loading, measure: Measure) -> SharedArrays[NeighbourLists]:
    """Neighbours that are nearer than chance or absence: some measures go below 0, and those speak for nothing."""
    table, ids = loading.related, loading.items.ids
    table = table.filter(pc.and_(pc.equal(table[MEASURE], measure), pc.greater(table[SCORE], 0)))
    rows, similarities = related_rows(table, ids)
    return _SharedNeighbours(loading.share(_Lists(*rows, similarities)))


def related_rows(table: pa.Table, ids: pa.Array) -> tuple[Rows, Floats]:
    """Related items as rows, the neighbours of each item ascending, and their similarities.

    Args:
        table: item_id, related_item_id, score.
        ids: sorted; an item's index is its position here.
    """
    rows, columns = (
        pc.index_in(table[name], value_set=ids).to_numpy().astype(np.int32) for name in (ITEM_ID, RELATED_ITEM_ID)
    )
    order = np.lexsort((columns, rows))
    starts = offsets_of(rows, len(ids))
    return Rows(starts, columns[order]), table[SCORE].to_numpy().astype(np.float32)[order]
