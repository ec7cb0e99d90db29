"""Item-side arrays for the sources of a run: only what they need is read, and it is put where every task finds it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, MEASURE, RELATED_ITEM_ID, SCORE
from shortlist.config import Settings
from shortlist.generation.items import Items
from shortlist.kernels.arrays import Floats, Indices, Offsets
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays
from shortlist.models.ranking.item_factors import ItemFactors, SharedItems
from shortlist.sources.fold_in import FoldInArrays
from shortlist.sources.inputs import ArtefactName, Artefacts, FoldIn
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists
from shortlist.tables import ITEM_FACTORS, RELATED_ITEMS, USER_FACTORS, Table

# The model table that each artefact is made from.
TABLES: Final[Mapping[ArtefactName, Table]] = {
    "item_vectors": ITEM_FACTORS,
    "unit_item_vectors": ITEM_FACTORS,
    "fold_in": ITEM_FACTORS,
    "user_vectors": USER_FACTORS,
    "neighbours": RELATED_ITEMS,
}


@dataclass(frozen=True)
class ModelItems:
    """What the models that are needed say of items, read once.

    Attributes:
        settings: all settings.
        frames: the tables by name.
        folder: one that the driver and every task see, or None.
    """

    settings: Settings
    frames: Mapping[str, DataFrame]
    folder: Path | None

    @cached_property
    def factors(self) -> SharedItems | None:
        """Item factors; None where no source needs them."""
        frame = self.frames.get(ITEM_FACTORS.name)
        return None if frame is None else SharedItems(frame, self.folder)

    @cached_property
    def related(self) -> pa.Table | None:
        """item_id, related_item_id, score of the configured measure; None where no source needs them."""
        frame = self.frames.get(RELATED_ITEMS.name)
        if frame is None:
            return None
        wanted = frame.where(F.col(MEASURE) == self.settings.sources.cooccurrence.measure)
        return wanted.select(ITEM_ID, RELATED_ITEM_ID, SCORE).toArrow()

    def ids(self) -> list[pa.Array]:
        """Ids of all items that they name."""
        ids = [] if self.factors is None else [self.factors.ids]
        return (
            ids
            if self.related is None
            else [*ids, *self.related[ITEM_ID].chunks, *self.related[RELATED_ITEM_ID].chunks]
        )

    def close(self) -> None:
        """Give back the executors' copies."""
        if self.factors is not None:
            self.factors.close()


@dataclass(frozen=True)
class SharedArtefacts:
    """What a task is given in place of the artefacts.

    Attributes:
        arrays: each artefact by name.
    """

    arrays: Mapping[ArtefactName, SharedArrays[Any]]

    @property
    def value(self) -> Artefacts:
        """The artefacts."""
        return Artefacts(**{name: shared.value for name, shared in self.arrays.items()})


def share_artefacts(
    spark: SparkSession, names: Collection[ArtefactName], models: ModelItems, items: Items
) -> SharedArtefacts:
    """Share what is needed.

    Args:
        spark: the session.
        names: artefacts that the sources need; those that come with the subjects are passed over.
        models: what they are made from.
        items: all items of the run.
    """
    loading = _Loading(spark, models, items)
    return SharedArtefacts({name: LOADERS[name](loading) for name in sorted(names) if name in LOADERS})


@dataclass(frozen=True)
class _Known:
    """Which items have a vector."""

    known: NDArray[np.uint8]


@dataclass(frozen=True)
class _Users:
    """Users of each item."""

    users: Floats


@dataclass(frozen=True)
class _Lists:
    """Neighbours of each item, before they are checked."""

    starts: Offsets
    items: Indices
    similarities: Floats


@dataclass(frozen=True)
class _Loading:
    spark: SparkSession
    models: ModelItems
    items: Items

    def share(self, content: Any) -> SharedArrays[Any]:
        return share_arrays(self.spark, self.models.folder, content)

    @property
    def factors(self) -> SharedItems:
        factors = self.models.factors
        if factors is None:
            raise ValueError("item factors were not read; next: name their table in TABLES")
        return factors

    @cached_property
    def known(self) -> SharedArrays[_Known]:
        found = pc.is_in(self.items.ids, value_set=self.factors.ids)
        return self.share(_Known(found.to_numpy(zero_copy_only=False).astype(np.uint8)))

    def aligned(self, factors: SharedArrays[ItemFactors]) -> SharedArrays[ItemFactors]:
        return self.factors.aligned(factors, self.items.ids)


@dataclass(frozen=True)
class _SharedVectors:
    vectors: SharedArrays[ItemFactors]
    known: SharedArrays[_Known]

    @property
    def value(self) -> ItemVectors:
        return ItemVectors.of(self.vectors.value.vectors, self.known.value.known)


@dataclass(frozen=True)
class _SharedFoldIn:
    rotated: SharedArrays[ItemFactors]
    known: SharedArrays[_Known]
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


@dataclass(frozen=True)
class _SharedUsers:
    counted: SharedArrays[_Users]

    @property
    def value(self) -> Floats:
        return cast("Floats", np.asarray(self.counted.value.users))


def _item_vectors(loading: _Loading) -> SharedArrays[ItemVectors]:
    return _SharedVectors(loading.aligned(loading.factors.fitted), loading.known)


def _unit_item_vectors(loading: _Loading) -> SharedArrays[ItemVectors]:
    return _SharedVectors(loading.aligned(loading.factors.unit_length), loading.known)


def _fold_in(loading: _Loading) -> SharedArrays[FoldIn]:
    basis, rotated = loading.factors.basis(1.0 / loading.models.settings.als.alpha)
    return _SharedFoldIn(loading.aligned(rotated), loading.known, basis.spectrum, basis.rotation)


def _neighbours(loading: _Loading) -> SharedArrays[NeighbourLists]:
    """Neighbours that are nearer than chance or absence: some measures go below 0, and those speak for nothing."""
    table, ids = loading.models.related, loading.items.ids
    if table is None:
        raise ValueError("related items were not read; next: name their table in TABLES")
    table = table.filter(pc.greater(table[SCORE], 0))
    rows, columns = (
        pc.index_in(table[name], value_set=ids).to_numpy().astype(np.int32) for name in (ITEM_ID, RELATED_ITEM_ID)
    )
    order = np.lexsort((columns, rows))
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(ids))))).astype(np.int64)
    similarities = table[SCORE].to_numpy().astype(np.float32)[order]
    return _SharedNeighbours(loading.share(_Lists(starts, columns[order], similarities)))


def _recent_users(loading: _Loading) -> SharedArrays[Floats]:
    return _SharedUsers(loading.share(_Users(loading.items.recent_users)))


LOADERS: Final[Mapping[ArtefactName, Callable[[_Loading], SharedArrays[Any]]]] = {
    "item_vectors": _item_vectors,
    "unit_item_vectors": _unit_item_vectors,
    "fold_in": _fold_in,
    "neighbours": _neighbours,
    "recent_users": _recent_users,
}
