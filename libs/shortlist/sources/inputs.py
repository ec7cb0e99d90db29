"""What candidate sources are made of: item-side arrays that every task finds. No Spark."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from shortlist.config import Settings
from shortlist.config.models import AlsConfig
from shortlist.kernels.arrays import Floats
from shortlist.kernels.candidates import flags
from shortlist.kernels.ials import basis_of
from shortlist.sources.batch import Scorer
from shortlist.sources.fold_in import FoldInArrays
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists
from shortlist.subjects import SubjectType

if TYPE_CHECKING:  # these files hold their sources, too, which are opened from what is stated here
    from shortlist.sources.category_affinity import CategoryShares
    from shortlist.sources.content import TextRows
    from shortlist.sources.session_neighbours import SessionSample
    from shortlist.sources.spectral import SpectralArrays
    from shortlist.sources.text_index import TextIndex
    from shortlist.sources.user_neighbours import UserSample

Content = TypeVar("Content")
ArtefactName = Literal[
    "item_vectors",
    "unit_item_vectors",
    "user_vectors",
    "fold_in",
    "neighbours",
    "walks",
    "lifts",
    "spectrum",
    "user_sample",
    "query_sample",
    "session_sample",
    "followers",
    "category_shares",
    "text_rows",
    "words",
    "word_parts",
    "recent_users",
    "conversion_rates",
    "growth",
    "freshness",
]
ARTEFACTS: Final[tuple[ArtefactName, ...]] = get_args(ArtefactName)


@dataclass(frozen=True)
class FoldIn:
    """What users are solved against.

    Attributes:
        arrays: the item vectors in the eigenbasis of their Gram matrix, and its eigenvalues.
        rotation: (d, d) float32, the basis; vectors as the model has them times it are in it.
    """

    arrays: FoldInArrays
    rotation: Floats

    @classmethod
    def of(cls, item_factors: ArrayLike, config: AlsConfig) -> "FoldIn":
        """Of a model's item factors, (items, d), zeros for an item that the model does not know; all in this process.

        Raises:
            ValueError: factors that are no finite matrix.
        """
        factors = np.asarray(item_factors, np.float32)
        basis = basis_of(factors, 1.0 / config.alpha)
        known = flags(factors.any(axis=1), len(factors), "known")
        return cls(FoldInArrays(factors @ basis.rotation, known, basis.spectrum), basis.rotation)


@dataclass(frozen=True)
class SampledSubjects:
    """Users or queries that subjects are compared with.

    Attributes:
        ids: of these, sorted; a row of the sample is a position here.
        sample: what they took.
    """

    ids: pa.Array
    sample: "UserSample"


@dataclass(frozen=True)
class Artefacts:
    """Whatever the sources of a run need; None where none of them needs it.

    Attributes:
        item_vectors: as the model has them; where users cannot be folded in.
        unit_item_vectors: each of Euclidean length 1, or 0.
        fold_in: item vectors that users, and the interests of a user, are folded in by.
        neighbours: of the configured measure.
        walks: neighbours of measure rp3beta.
        lifts: neighbours of measure log_lift.
        spectrum: the smoothest directions of the graph of users and items.
        user_sample: some users with what they took.
        query_sample: some queries with what was clicked for them.
        session_sample: some sessions.
        followers: what follows each item in sessions.
        category_shares: the category of each item and its share in it.
        text_rows: terms of each item.
        words: items with each word.
        word_parts: items with each part of a word.
        recent_users: (items,) float32, users who took each item within the configured window.
        conversion_rates: (items,) float32, as `sources.conversion.conversion_rates`.
        growth: (items,) float32, as `sources.trending.growth`.
        freshness: (items,) float32, as `sources.fresh.freshness`.
    """

    item_vectors: ItemVectors | None = None
    unit_item_vectors: ItemVectors | None = None
    fold_in: FoldIn | None = None
    neighbours: NeighbourLists | None = None
    walks: NeighbourLists | None = None
    lifts: NeighbourLists | None = None
    spectrum: "SpectralArrays | None" = None
    user_sample: SampledSubjects | None = None
    query_sample: SampledSubjects | None = None
    session_sample: "SessionSample | None" = None
    followers: NeighbourLists | None = None
    category_shares: "CategoryShares | None" = None
    text_rows: "TextRows | None" = None
    words: "TextIndex | None" = None
    word_parts: "TextIndex | None" = None
    recent_users: Floats | None = None
    conversion_rates: Floats | None = None
    growth: Floats | None = None
    freshness: Floats | None = None


class Source(Protocol):
    """A candidate source before its arrays are at hand."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Names of the artefacts that `open` will ask for; `user_vectors` come with the subjects."""

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Any]:
        """The scorer, for a task."""


def given(artefact: Content | None, name: ArtefactName) -> Content:
    """The artefact.

    Raises:
        ValueError: it is not there.
    """
    if artefact is None:
        raise ValueError(f"artefact {name} was not shared; next: name it in the source's `needs`")
    return artefact
