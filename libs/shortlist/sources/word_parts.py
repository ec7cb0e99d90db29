"""Items that share parts of words with the query: BM25 over runs of letters, so that a misspelled word still finds some."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.config.sources import WordPartsSourceConfig
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.text_index import TextScorer, Tokenizer
from shortlist.subjects import SubjectType


def word_parts_of(config: WordPartsSourceConfig) -> Tokenizer:
    """What takes a text apart: runs of letters within words, in lower case, without accents."""
    from sklearn.feature_extraction.text import CountVectorizer

    lengths = config.shortest, config.longest
    parts: Tokenizer = CountVectorizer(
        strip_accents="unicode", analyzer="char_wb", ngram_range=lengths
    ).build_analyzer()
    return parts


class WordParts:
    """Items with parts of a query's words."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Parts of the catalog's words."""
        return ("word_parts",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        return TextScorer(given(artefacts.word_parts, "word_parts"), word_parts_of(settings.sources.word_parts))
