"""Items whose words in the catalog are those of the query: BM25 over words, forms of one word taken as one."""

from functools import lru_cache

import numpy as np
import snowballstemmer  # type: ignore[import-untyped]
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.config.sources import WordsSourceConfig
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.text_index import TextScorer, Tokenizer
from shortlist.subjects import SubjectType


def words_of(config: WordsSourceConfig) -> Tokenizer:
    """What takes a text apart: words in lower case, without accents, stemmed."""
    from sklearn.feature_extraction.text import CountVectorizer

    words: Tokenizer = CountVectorizer(strip_accents="unicode", token_pattern=r"(?u)\b\w+\b").build_analyzer()
    if config.stemmer is None:
        return words
    # Texts repeat their words, and the rules are plain Python.
    stem = lru_cache(maxsize=1_000_000)(snowballstemmer.stemmer(config.stemmer).stemWord)
    return lambda text: [stem(word) for word in words(text)]


class Words:
    """Items with the words of a query."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Words of the catalog."""
        return ("words",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        return TextScorer(given(artefacts.words, "words"), words_of(settings.sources.words))
