"""Items whose text is near that of what a subject took: the one source that knows an item before anybody took it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import ContentSourceConfig
from shortlist.kernels.arrays import bounded_rows, checked_rows, finite, frozen, require_shape
from shortlist.kernels.candidates import best_of_rows, flags, gathered_values
from shortlist.kernels.counting_loops import add_terms, closest_terms
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.history_weights import heaviest
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_side import ItemSide
from shortlist.sources.neighbour_lists import Votes
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class TextRows(ItemSide):
    """Terms of each item, and items with each term.

    Attributes:
        starts: (items + 1,) int64.
        terms: int32, ascending within an item.
        weights: float32; the squares of an item's weights add up to 1.
        term_starts: (terms + 1,) int64.
        holders: int32, items with each term, ascending.
        holder_weights: float32.
    """

    starts: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[np.float32]
    term_starts: NDArray[np.int64]
    holders: NDArray[np.int32]
    holder_weights: NDArray[np.float32]


def text_rows(rows: tuple[ArrayLike, ArrayLike], weights: ArrayLike, term_count: int) -> TextRows:
    """Index term weights of items.

    Args:
        rows: indptr (items + 1) and indices: terms of each item, ascending.
        weights: one per index, above 0.
        term_count: number of terms.
    """
    terms = checked_rows(rows, term_count, "terms")
    values = finite(weights, "term weights", above=0.0)
    require_shape(values, terms.indices.shape, "term weights")
    items = len(terms.indptr) - 1
    by_term = sp.csr_matrix((values, terms.indices, terms.indptr), shape=(items, term_count)).tocsc()
    return TextRows(
        *terms,
        values,
        frozen(by_term.indptr, np.int64, "term starts"),
        frozen(by_term.indices, np.int32, "holders"),
        frozen(by_term.data, np.float32, "holder weights"),
    )


def fit_text(texts: Sequence[str], config: ContentSourceConfig) -> TextRows:
    """TF-IDF rows of catalog texts by scikit-learn: words of two letters or more, in lower case, without accents.

    Args:
        texts: one per item; an empty one has no terms.
        config: which terms are kept.

    Raises:
        ValueError: no term is left.
    """
    # Imported where terms are fitted only: every task that scores imports this file.
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        strip_accents="unicode",
        sublinear_tf=True,
        min_df=config.least_items,
        max_df=config.most_share,
        dtype=np.float64,
    )
    try:
        rows = vectorizer.fit_transform(texts).tocsr()
    except ValueError as error:
        raise ValueError(
            f"no term of {len(texts)} texts is in at least {config.least_items} items and at most "
            f"{config.most_share:.0%} of them; next: lower content.least_items, raise content.most_share, or drop the source"
        ) from error
    rows = _heaviest_terms(rows, config.terms_per_item)
    rows.sort_indices()
    return text_rows((rows.indptr, rows.indices), rows.data, rows.shape[1])


def _heaviest_terms(rows: sp.csr_matrix, count: int) -> sp.csr_matrix:
    lengths = np.diff(rows.indptr)
    items = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rows.indices, -rows.data, items))
    kept = order[np.arange(len(order)) - rows.indptr[items] < count]
    shorter = sp.csr_matrix((rows.data[kept], (items[kept], rows.indices[kept])), shape=rows.shape)
    norms = np.sqrt(np.bincount(items[kept], rows.data[kept] ** 2, len(lengths)))
    return sp.diags(1.0 / np.where(norms > 0, norms, 1.0)) @ shorter


class Content:
    """Items whose text is near that of what a subject took."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Terms of the catalog."""
        return ("text_rows",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return ContentScorer(given(artefacts.text_rows, "text_rows"), settings.sources.content)


class ContentScorer:
    """score = sum_i w_i <t_i, t_j> over a subject's heaviest items; t are the term rows."""

    wide = False

    def __init__(self, rows: TextRows, config: ContentSourceConfig) -> None:
        self._rows = rows
        self._config = config
        self._silent = np.diff(rows.starts) == 0

    def prepare(self, batch: SubjectBatch) -> Votes:
        """Scores of all items."""
        text = self._rows
        items = len(self._silent)
        taken = batch.taken(items)
        chosen = heaviest(taken, batch.column(self._config.weight), self._config.heaviest)
        weights = frozen(chosen, np.float32, "weights")
        rows = np.empty((batch.size, items), np.float32)
        add_terms(*taken, weights, text.starts, text.terms, text.weights, text.term_starts, text.holders,
                  text.holder_weights, rows)  # fmt: skip
        return Votes(taken, weights, rows)

    def propose(
        self, batch: SubjectBatch, prepared: Votes, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        return best_of_rows(prepared.rows, batch.masked, flags(eligible, len(self._silent), "eligible"), count, 0.0)

    def score(self, batch: SubjectBatch, prepared: Votes, candidates: CandidateSet) -> NDArray[np.float32]:
        """The sum; NaN for an item without text."""
        scores = gathered_values(prepared.rows, candidates.rows)
        scores[self._silent[candidates.items]] = np.nan
        return scores

    def explain(self, batch: SubjectBatch, prepared: Votes, chosen: CandidateSet) -> NDArray[np.int32]:
        """The history item with the largest product of weight, rarity and likeness of text."""
        asked = bounded_rows(chosen.rows, len(self._silent), "chosen")
        out = np.empty(len(asked.indices), np.int32)
        text = self._rows
        weights = frozen(batch.telling(prepared.weights), np.float32, "weights")
        closest_terms(*prepared.taken, weights, text.starts, text.terms, text.weights, *asked, out)
        return out
