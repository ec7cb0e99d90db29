"""Texts that are looked up in the catalog's: BM25 by hand, forms of words, spelling, and what a scorer promises."""

import math

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from shortlist.config.sources import TextMatchConfig, WordPartsSourceConfig, WordsSourceConfig
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.text_index import TextIndex, TextScorer, fit_text_index, plain_texts
from shortlist.sources.word_parts import word_parts_of
from shortlist.sources.words import words_of

TITLES = ["red shoe", "blue shoe shoe", "red red hat", ""]
AISLES = ["shoes", "shoes", "hats", ""]
PLAIN = TextMatchConfig(saturation=1.2, length=0.75)


def queries(*texts: str, masked: tuple[int, ...] = ()) -> SubjectBatch:
    """Queries without a history; the first one must not be given the masked items."""
    none = np.zeros(len(texts) + 1, np.int64)
    starts = np.array([0, *[len(masked)] * len(texts)], np.int64)
    nothing = np.empty(0, np.int32)
    return SubjectBatch(none, nothing, {}, starts, np.array(masked, np.int32), np.full(len(texts), -1, np.int32),
                        texts=texts)  # fmt: skip


def scorer(fields: list[tuple[list[str], float]], config: TextMatchConfig = PLAIN) -> TextScorer:
    return TextScorer(fit_text_index(fields, str.split, config), str.split)


def all_items(subjects: int, items: int) -> CandidateSet:
    return CandidateSet(
        np.arange(subjects + 1, dtype=np.int64) * items, np.tile(np.arange(items, dtype=np.int32), subjects)
    )


def bm25(count: float, length: float, holders: int, lengths: tuple[float, ...], config: TextMatchConfig) -> float:
    """The formula of the text index for one term, of floats."""
    mean = sum(lengths) / len(lengths)
    rarity = math.log(1 + (len(lengths) - holders + 0.5) / (holders + 0.5))
    damping = config.saturation * (1 - config.length + config.length * length / mean)
    return rarity * (config.saturation + 1) * count / (count + damping)


def test_text_index__scores_are_those_of_the_formula() -> None:
    lengths = (2.0, 3.0, 3.0, 0.0)
    scores = scorer([(TITLES, 1.0)]).prepare(queries("red shoe", "hat"))
    red = [bm25(1, 2, 2, lengths, PLAIN), 0, bm25(2, 3, 2, lengths, PLAIN), 0]
    shoe = [bm25(1, 2, 2, lengths, PLAIN), bm25(2, 3, 2, lengths, PLAIN), 0, 0]
    assert_allclose(scores[0], np.add(red, shoe), rtol=1e-6)
    assert_allclose(scores[1], [0, 0, bm25(1, 3, 1, lengths, PLAIN), 0], rtol=1e-6)


def test_text_index__a_word_counts_as_often_as_its_field_says() -> None:
    twice = scorer([(TITLES, 2.0)]).prepare(queries("red shoe"))
    doubled = scorer([([f"{title} {title}" for title in TITLES], 1.0)]).prepare(queries("red shoe"))
    assert_allclose(twice, doubled, rtol=1e-6)
    both = scorer([(TITLES, 1.0), (AISLES, 3.0)]).prepare(queries("hats"))
    assert_allclose(both[0], [0, 0, bm25(3, 6, 1, (5.0, 6.0, 6.0, 0.0), PLAIN), 0], rtol=1e-6)


def test_text_index__a_word_that_is_asked_twice_counts_once() -> None:
    scores = scorer([(TITLES, 1.0)]).prepare(queries("red", "red red", "red unheard"))
    assert_array_equal(scores[1], scores[0])
    assert_array_equal(scores[2], scores[0])


def test_text_index__best_first_without_what_is_masked_or_does_not_match() -> None:
    found = scorer([(TITLES, 1.0)])
    batch = queries("red shoe", "unheard", masked=(0,))
    proposed = found.propose(batch, found.prepare(batch), 3, np.ones(4, np.uint8))
    assert sorted(proposed[0][:2].tolist()) == [1, 2]
    assert proposed[0][2] == -1
    assert (proposed[1] == -1).all()


def test_text_index__an_item_without_text_has_no_score() -> None:
    found = scorer([(TITLES, 1.0)])
    batch = queries("red")
    scores = found.score(batch, found.prepare(batch), all_items(1, 4))
    assert np.isnan(scores[3])
    assert not np.isnan(scores[:3]).any()


def test_text_index__answers_do_not_depend_on_the_batch() -> None:
    found = scorer([(TITLES, 1.0), (AISLES, 0.5)])
    batch = queries("hat", "red shoe", "shoes blue", "")
    whole = found.prepare(batch)
    for at in range(batch.size):
        assert_array_equal(found.prepare(batch.slice(at, at + 1))[0], whole[at])
    assert_array_equal(found.prepare(batch.select(np.array([True, False, True, False]))), whole[[0, 2]])


def test_text_index__a_catalog_without_text_matches_nothing() -> None:
    index = fit_text_index([(["", " "], 1.0)], str.split, PLAIN)
    assert isinstance(index, TextIndex)
    found = TextScorer(index, str.split)
    assert (found.prepare(queries("red")) == 0).all()


def test_text_index__subjects_without_texts_are_refused() -> None:
    batch = queries("red")
    silent = SubjectBatch(
        batch.history_starts,
        batch.history_items,
        {},
        batch.masked_starts,
        batch.masked_items,
        batch.sample_rows,
    )
    with pytest.raises(ValueError, match="have no text that could be looked up"):
        scorer([(TITLES, 1.0)]).prepare(silent)


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_text_index__a_list_of_words_is_a_text(kind: pa.DataType) -> None:
    assert plain_texts(pa.array([["food", "milk"], None, []], kind)) == ["food milk", "", ""]
    assert plain_texts(pa.array(["oat milk", None])) == ["oat milk", ""]


def test_words__forms_of_a_word_are_one_without_case_and_accents() -> None:
    words = words_of(WordsSourceConfig())
    assert words("Running SHOES, crème") == words("run shoe creme")
    assert words_of(WordsSourceConfig(stemmer=None))("Shoes") == ["shoes"]
    assert words_of(WordsSourceConfig(stemmer="german"))("Häuser") == words_of(WordsSourceConfig(stemmer="german"))(
        "haus"
    )


def test_word_parts__a_misspelled_word_still_finds_its_item() -> None:
    config = WordPartsSourceConfig()
    parts = word_parts_of(config)
    titles = ["Headphones, wireless", "Garden hose", "Phone case"]
    found = TextScorer(fit_text_index([(titles, 1.0)], parts, config), parts)
    batch = queries("headfones")
    assert found.propose(batch, found.prepare(batch), 1, np.ones(3, np.uint8)).tolist() == [[0]]
    assert set(parts("abcd")) == {" ab", "abc", "bcd", "cd ", " abc", "abcd", "bcd ", " abcd", "abcd "}


def test_word_parts__the_shortest_is_not_above_the_longest() -> None:
    with pytest.raises(ValueError, match="shortest 5 is above longest 3"):
        WordPartsSourceConfig(shortest=5, longest=3)
