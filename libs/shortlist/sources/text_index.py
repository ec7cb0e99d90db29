"""Items by the terms of their text, weighted by BM25, and the scorer of texts that are looked up in them.

BM25 (Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009): a term t of an item counts

    idf_t (k1 + 1) f / (f + k1 (1 - b + b l / mean l)),   idf_t = ln(1 + (n - n_t + 1/2) / (n_t + 1/2)),

where f is how often the item has it and l how many terms the item has, both weighted by field; of n items n_t have it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray

from shortlist.config.sources import TextMatchConfig
from shortlist.kernels.arrays import Rows, frozen, offsets_of
from shortlist.kernels.candidates import best_of_rows, flags, gathered_values
from shortlist.kernels.counting_loops import add_neighbours
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.item_side import ItemSide

Tokenizer = Callable[[str], list[str]]


@dataclass(frozen=True)
class TextIndex(ItemSide):
    """Items with each term.

    Attributes:
        terms: all terms, sorted; a term's index is its position here.
        starts: (terms + 1,) int64.
        items: int32, items with each term, ascending.
        weights: float32, what the term counts of the item, above 0.
        silent: (items,) uint8, 1 where an item has no term.
    """

    terms: pa.Array
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    weights: NDArray[np.float32]
    silent: NDArray[np.uint8]


def fit_text_index(
    fields: Sequence[tuple[Sequence[str], float]], tokenize: Tokenizer, config: TextMatchConfig
) -> TextIndex:
    """Index the texts of items.

    Args:
        fields: a text of each item, empty where it has none, and how often a term of this field counts.
        tokenize: the terms of a text.
        config: saturation and length; its fields are not looked at.
    """
    # Imported where texts are indexed only: every task that scores imports this file.
    from sklearn.feature_extraction.text import CountVectorizer

    count = len(fields[0][0])
    # Many items share a text, as of their category: each is taken apart once.
    distinct = {text: at for at, text in enumerate(dict.fromkeys(text for texts, _ in fields for text in texts))}
    if not any(tokenize(text) for text in distinct):
        return TextIndex(
            pa.array([], pa.string()),
            np.zeros(1, np.int64),
            np.empty(0, np.int32),
            np.empty(0, np.float32),
            np.ones(count, np.uint8),
        )
    vectorizer = CountVectorizer(analyzer=tokenize, dtype=np.float64)
    counted = vectorizer.fit_transform(distinct).tocsr()
    found = sum(weight * counted[[distinct[text] for text in texts]] for texts, weight in fields)
    by_term = _bm25(sp.csr_matrix(found), config).tocsc()
    by_term.sort_indices()
    return TextIndex(
        pa.array(vectorizer.get_feature_names_out().tolist(), pa.string()),
        frozen(by_term.indptr, np.int64, "term starts"),
        frozen(by_term.indices, np.int32, "items with terms"),
        frozen(by_term.data, np.float32, "term weights"),
        (np.bincount(by_term.indices, minlength=count) == 0).astype(np.uint8),
    )


def index_catalog(column: Callable[[str], pa.Array], tokenize: Tokenizer, config: TextMatchConfig) -> TextIndex:
    """Index the columns of a catalog that settings name.

    Args:
        column: what the catalog says of each item in a column, by its name: a text, a list of words, or NULL.
        tokenize: the terms of a text.
        config: fields with what a term in each counts, saturation and length.
    """
    fields = [(plain_texts(column(name)), weight) for name, weight in config.fields.items()]
    return fit_text_index(fields, tokenize, config)


def plain_texts(column: pa.Array) -> list[str]:
    """Texts of a catalog's column: a list of words joined, empty where it says nothing."""
    joined = pc.binary_join(column.cast(pa.list_(pa.string())), " ") if pa.types.is_nested(column.type) else column
    texts: list[str] = pc.fill_null(joined, "").to_pylist()
    return texts


def _bm25(counts: sp.csr_matrix, config: TextMatchConfig) -> sp.csr_matrix:
    """Weights of counted terms: (items, terms)."""
    items = counts.shape[0]
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    holders = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log1p((items - holders + 0.5) / (holders + 0.5))
    relative = np.repeat(lengths / lengths.mean(), np.diff(counts.indptr))
    damping = config.saturation * (1 - config.length + config.length * relative)
    weights = rarity[counts.indices] * (config.saturation + 1) * counts.data / (counts.data + damping)
    return sp.csr_matrix((weights, counts.indices, counts.indptr), shape=counts.shape)


class TextScorer:
    """score = sum of the weights of the text's terms in an item, each term once; NaN for an item without text."""

    wide = False

    def __init__(self, index: TextIndex, tokenize: Tokenizer) -> None:
        self._index = index
        self._tokenize = tokenize

    def prepare(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """Scores of all items: (n, items) float32.

        Raises:
            ValueError: the subjects have no texts.
        """
        if batch.texts is None:
            raise ValueError(
                "subjects have no text that could be looked up; next: use this source where the subject is a query"
            )
        starts, terms = self._terms(batch.texts)
        weights = frozen(np.ones(len(terms)), np.float32, "weights")
        index = self._index
        rows = np.empty((batch.size, len(index.silent)), np.float32)
        add_neighbours(starts, terms, weights, index.starts, index.items, index.weights, False, rows)
        return rows

    def propose(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        allowed = flags(eligible, len(self._index.silent), "eligible")
        return best_of_rows(prepared, batch.masked, allowed, count, 0.0)

    def score(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], candidates: CandidateSet
    ) -> NDArray[np.float32]:
        """The sum; NaN for an item without text."""
        scores = gathered_values(prepared, candidates.rows)
        scores[self._index.silent[candidates.items] > 0] = np.nan
        return scores

    def explain(self, batch: SubjectBatch, prepared: NDArray[np.float32], chosen: CandidateSet) -> NDArray[np.int32]:
        """No item of the history has a part in it."""
        return np.full(len(chosen.items), -1, np.int32)

    def _terms(self, texts: Sequence[str]) -> Rows:
        """The known terms of each text: ascending, each once."""
        found = [self._tokenize(text) for text in texts]
        owners = np.repeat(np.arange(len(found)), [len(terms) for terms in found])
        wanted = pa.array([term for terms in found for term in terms], pa.string())
        at = pc.fill_null(pc.index_in(wanted, value_set=self._index.terms), -1).to_numpy().astype(np.int64)
        pairs = np.unique(np.stack((owners[at >= 0], at[at >= 0])), axis=1)
        return Rows(frozen(offsets_of(pairs[0], len(found)), np.int64, "starts"), frozen(pairs[1], np.int32, "terms"))
