"""Item-side arrays for the sources of a run: only what they need is read, and it is put where every task finds it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shortlist.columns import CATEGORY, CREATED_AT, TITLE
from shortlist.generation.history_artefacts import (
    categories,
    conversions,
    freshnesses,
    growths,
    recent_users,
    sampled_queries,
    sampled_users,
    texts,
    word_parts,
    words,
)
from shortlist.generation.loading import Loading
from shortlist.generation.model_artefacts import fold_in, item_vectors, lifts, neighbours, unit_item_vectors, walks
from shortlist.generation.session_artefacts import followers, sampled_sessions
from shortlist.generation.spectral_artefact import spectrum
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.pipeline import producer
from shortlist.sources.inputs import ArtefactName, Artefacts
from shortlist.tables import ITEM_FACTORS, RELATED_ITEMS, USER_FACTORS, Table

# The model table that each artefact is made from.
TABLES: Final[Mapping[ArtefactName, Table]] = {
    "item_vectors": ITEM_FACTORS,
    "unit_item_vectors": ITEM_FACTORS,
    "fold_in": ITEM_FACTORS,
    "user_vectors": USER_FACTORS,
    "neighbours": RELATED_ITEMS,
    "walks": RELATED_ITEMS,
    "lifts": RELATED_ITEMS,
}
LOADERS: Final[Mapping[ArtefactName, Callable[[Loading], SharedArrays[Any]]]] = {
    "item_vectors": item_vectors,
    "unit_item_vectors": unit_item_vectors,
    "fold_in": fold_in,
    "neighbours": neighbours,
    "walks": walks,
    "lifts": lifts,
    "spectrum": spectrum,
    "user_sample": sampled_users,
    "query_sample": sampled_queries,
    "session_sample": sampled_sessions,
    "followers": followers,
    "category_shares": categories,
    "text_rows": texts,
    "words": words,
    "word_parts": word_parts,
    "recent_users": recent_users,
    "conversion_rates": conversions,
    "growth": growths,
    "freshness": freshnesses,
}
# Columns of the catalog that each is made from.
CATALOG_COLUMNS: Final[Mapping[ArtefactName, tuple[str, ...]]] = {
    "category_shares": (CATEGORY,),
    "text_rows": (TITLE, CATEGORY),
    "words": (TITLE, CATEGORY),
    "word_parts": (TITLE, CATEGORY),
    "freshness": (CREATED_AT,),
}


def trainers_of(names: Collection[ArtefactName]) -> set[str]:
    """Jobs that train the models which artefacts are made from."""
    return {producer(TABLES[name].name) for name in names if name in TABLES}


def catalog_columns(names: Collection[ArtefactName]) -> set[str]:
    """Columns of the catalog that artefacts are made from."""
    return {column for name in names for column in CATALOG_COLUMNS.get(name, ())}


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


def share_artefacts(names: Collection[ArtefactName], loading: Loading) -> SharedArtefacts:
    """Share what is needed.

    Args:
        names: artefacts that the sources need; those that come with the subjects are passed over.
        loading: what they are made from.
    """
    return SharedArtefacts({name: LOADERS[name](loading) for name in sorted(names) if name in LOADERS})
