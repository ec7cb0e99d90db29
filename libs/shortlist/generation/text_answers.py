"""What the catalog's text answers to a query that nobody asked before: the pass over one subject without history. No Spark."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.blending.blended import Blended
from shortlist.blending.z_sum import ZSum
from shortlist.columns import ITEM_ID, SCORE, SOURCE
from shortlist.config import Settings, SurfaceConfig
from shortlist.config.sources import TextMatchConfig
from shortlist.generation.one_pass import OnePass
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.text_index import TextScorer, Tokenizer, index_catalog
from shortlist.sources.word_parts import word_parts_of
from shortlist.sources.words import words_of

# Sources that need no more than the catalog and what was asked.
BY_TEXT: Final = ("words", "word_parts")


def answer_by_text(
    settings: Settings, surface: SurfaceConfig, query: str, catalog: pa.Table, eligible: pa.Array
) -> pa.Table:
    """The list of a query by those sources of its surface that look at texts, with their weights.

    Args:
        settings: all settings.
        surface: one for queries.
        query: normalised.
        catalog: item_id, title, category.
        eligible: ids of the items that the surface may show.

    Returns:
        item_id, score, source (the one that adds most), best first; no row where the surface has no such source.
    """
    names = [name for name in surface.sources if name in BY_TEXT]
    if not names:
        return pa.schema({ITEM_ID: pa.string(), SCORE: pa.float64(), SOURCE: pa.string()}).empty_table()
    items = catalog.sort_by(ITEM_ID)
    ids = items[ITEM_ID].combine_chunks()
    config = settings.sources
    terms = {
        "words": (words_of(config.words), config.words),
        "word_parts": (word_parts_of(config.word_parts), config.word_parts),
    }

    def open_scorer(tokenize: Tokenizer, matching: TextMatchConfig) -> TextScorer:
        return TextScorer(index_catalog(lambda field: items[field].combine_chunks(), tokenize, matching), tokenize)

    scorers = {name: open_scorer(*terms[name]) for name in names}
    # Where settings weigh no source, all count alike.
    weights = {name: surface.weights.get(name, 0.0) if surface.weights else 1.0 for name in names}
    ranking = Blended(ZSum(weights), names, None, np.zeros(len(ids), np.float32))
    allowed = pc.is_in(ids, value_set=eligible).to_numpy(zero_copy_only=False).astype(np.uint8)
    one_pass = OnePass(scorers, ranking, allowed, surface.depth, surface.k)
    (found,) = one_pass.lists(SubjectBatch.of_texts([query]))
    return pa.table(
        {
            ITEM_ID: ids.take(pa.array(found.candidates.items[found.listed])),
            SCORE: found.blended[found.listed],
            SOURCE: pa.array(names).take(pa.array(found.winners)),
        }
    )
