"""What every scorer promises, one suite for all: each is held against a dense reference of its formula."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from shortlist.sources.batch import CandidateSet, SubjectBatch
from tests.unit.sources.small_world import (
    BATCH,
    CASES,
    ELIGIBLE,
    EMPTY,
    EVERY_ITEM,
    ITEMS,
    MASKED,
    SUBJECTS,
    TAKEN,
    UNKNOWN,
    Case,
    history_of,
)

COUNT = 9
# What has nothing to say of an item that nobody knows; the others say 0.
SILENT = {"als", "interests", "fold_in", "spectral", "category_affinity", "content", "fresh"}
# Depend on the history only: a subject without one gets nothing.
PERSONAL = set(CASES) - {"popularity", "trending", "fresh"}

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def dense(case: Case) -> NDArray[np.float64]:
    return np.array([case.reference(history_of(subject)) for subject in range(SUBJECTS)])


def answers(case: Case, batch: SubjectBatch, candidates: CandidateSet) -> tuple[NDArray[np.int32], ...]:
    prepared = case.scorer.prepare(batch)
    proposed = case.scorer.propose(batch, prepared, COUNT, ELIGIBLE)
    scores = case.scorer.score(batch, prepared, candidates)
    assert proposed.dtype == np.int32
    assert proposed.shape == (batch.size, COUNT)
    assert scores.dtype == np.float32
    assert scores.shape == candidates.items.shape
    reasons = case.scorer.explain(batch, prepared, candidates)
    assert reasons.dtype == np.int32
    assert reasons.shape == candidates.items.shape
    # Scores bit by bit, so that NaN equals NaN.
    return proposed, scores.view(np.int32), reasons


@each
def test_every_scorer__scores_as_the_dense_reference_says(case: Case) -> None:
    scores = case.scorer.score(BATCH, case.scorer.prepare(BATCH), EVERY_ITEM).reshape(SUBJECTS, ITEMS)
    np.testing.assert_allclose(scores, dense(case), rtol=2e-4, atol=2e-5)


@each
def test_every_scorer__proposes_the_best_that_may_be_given(case: Case) -> None:
    found = case.scorer.propose(BATCH, case.scorer.prepare(BATCH), COUNT, ELIGIBLE)
    reference = dense(case)
    proposed = 0
    for subject in range(SUBJECTS):
        allowed = (ELIGIBLE == 1) & ~MASKED[subject] & ~np.isnan(reference[subject])
        if case.counts:
            allowed &= reference[subject] > 1e-9
        if case.proposes is not None:
            allowed &= np.isin(
                np.arange(ITEMS), case.proposes(history_of(subject), np.flatnonzero(allowed).tolist(), COUNT)
            )
        items = found[subject][found[subject] >= 0]
        assert (found[subject][len(items) :] == -1).all()
        assert allowed[items].all()
        assert len(set(items.tolist())) == len(items) == min(COUNT, allowed.sum())
        best = np.sort(reference[subject][allowed])[::-1][:COUNT]
        np.testing.assert_allclose(reference[subject][items], best, rtol=2e-4, atol=2e-5)
        proposed += len(items)
    assert proposed > 0


@each
def test_every_scorer__its_own_scores_rank_its_proposals(case: Case) -> None:
    prepared = case.scorer.prepare(BATCH)
    found = case.scorer.propose(BATCH, prepared, COUNT, ELIGIBLE)
    scores = case.scorer.score(BATCH, prepared, EVERY_ITEM).reshape(SUBJECTS, ITEMS)
    for subject in range(SUBJECTS):
        items = found[subject][found[subject] >= 0].tolist()
        assert items == sorted(items, key=lambda item: (-scores[subject, item], item))


@each
@pytest.mark.parametrize("step", [1, 7, SUBJECTS])
def test_every_scorer__answers_do_not_depend_on_how_subjects_are_cut(case: Case, step: int) -> None:
    whole = answers(case, BATCH, EVERY_ITEM)
    cuts = [(first, min(first + step, SUBJECTS)) for first in range(0, SUBJECTS, step)]
    parts = [answers(case, BATCH.slice(*cut), EVERY_ITEM.slice(*cut)) for cut in cuts]
    for expected, *found in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), expected)


@each
def test_every_scorer__a_wide_one_may_be_cut_after_it_prepared(case: Case) -> None:
    if case.scorer.wide:
        prepared = case.scorer.prepare(BATCH)
        part = case.scorer.score(BATCH.slice(5, 9), prepared[5:9], EVERY_ITEM.slice(5, 9))
        np.testing.assert_array_equal(part, case.scorer.score(BATCH, prepared, EVERY_ITEM)[5 * ITEMS : 9 * ITEMS])


@each
def test_every_scorer__answers_do_not_depend_on_the_order_of_subjects(case: Case) -> None:
    order = np.random.default_rng(1).permutation(SUBJECTS)
    pieces = [BATCH.slice(subject, subject + 1) for subject in order]
    shuffled = SubjectBatch(
        np.cumsum([0, *(len(piece.history_items) for piece in pieces)]),
        np.concatenate([piece.history_items for piece in pieces]),
        {name: np.concatenate([piece.history[name] for piece in pieces]) for name in BATCH.history},
        np.cumsum([0, *(len(piece.masked_items) for piece in pieces)]),
        np.concatenate([piece.masked_items for piece in pieces]),
        BATCH.sample_rows[order],
    )
    for expected, found in zip(answers(case, BATCH, EVERY_ITEM), answers(case, shuffled, EVERY_ITEM), strict=True):
        shape = (SUBJECTS, -1)
        np.testing.assert_array_equal(found.reshape(shape), expected.reshape(shape)[order])


@each
def test_every_scorer__a_score_does_not_depend_on_the_other_candidates(case: Case) -> None:
    prepared = case.scorer.prepare(BATCH)
    everything = case.scorer.score(BATCH, prepared, EVERY_ITEM).reshape(SUBJECTS, ITEMS)
    wanted = np.random.default_rng(2).random((SUBJECTS, ITEMS)) < 0.3
    wanted[3] = False
    few = CandidateSet(np.concatenate(([0], np.cumsum(wanted.sum(1)))), np.nonzero(wanted)[1].astype(np.int32))
    np.testing.assert_array_equal(case.scorer.score(BATCH, prepared, few), everything[wanted])


@pytest.mark.parametrize("name", CASES)
def test_every_scorer__what_it_cannot_say_is_missing_and_not_0(name: str) -> None:
    case = CASES[name]
    scores = case.scorer.score(BATCH, case.scorer.prepare(BATCH), EVERY_ITEM).reshape(SUBJECTS, ITEMS)
    assert np.isnan(scores[:, UNKNOWN]).all() == (name in SILENT)
    others = np.delete(np.delete(scores, UNKNOWN, axis=1), EMPTY, axis=0)
    known = ~np.isnan(others).all(axis=0)
    assert not np.isnan(others[:, known]).any()


@pytest.mark.parametrize("name", CASES)
def test_every_scorer__without_history_nothing_personal_is_proposed(name: str) -> None:
    case = CASES[name]
    assert not TAKEN[EMPTY].any()
    found = case.scorer.propose(BATCH, case.scorer.prepare(BATCH), COUNT, ELIGIBLE)[EMPTY]
    assert (found == -1).all() == (name in PERSONAL)


@each
def test_every_scorer__a_reason_is_an_item_of_the_history_that_was_liked(case: Case) -> None:
    reasons = case.scorer.explain(BATCH, case.scorer.prepare(BATCH), EVERY_ITEM).reshape(SUBJECTS, ITEMS)
    for subject in range(SUBJECTS):
        named = reasons[subject][reasons[subject] >= 0]
        assert TAKEN[subject, named].all()


@each
def test_every_scorer__no_subjects_no_answers(case: Case) -> None:
    nobody = BATCH.slice(0, 0)
    proposed, scores, reasons = answers(case, nobody, EVERY_ITEM.slice(0, 0))
    assert (len(proposed), len(scores), len(reasons)) == (0, 0, 0)


@each
def test_every_scorer__read_only_arrays_will_do(case: Case) -> None:
    def frozen(array: NDArray[np.float32]) -> NDArray[np.float32]:
        copy = array.copy()
        copy.flags.writeable = False
        return copy

    mapped = replace(BATCH, history={name: frozen(column) for name, column in BATCH.history.items()})
    for expected, found in zip(answers(case, BATCH, EVERY_ITEM), answers(case, mapped, EVERY_ITEM), strict=True):
        np.testing.assert_array_equal(found, expected)


@each
def test_every_scorer__a_candidate_out_of_range_is_refused(case: Case) -> None:
    prepared = case.scorer.prepare(BATCH)
    beyond = CandidateSet(np.minimum(np.arange(SUBJECTS + 1), 1), np.array([ITEMS], np.int32))
    with pytest.raises(ValueError, match=f"index {ITEMS}, allowed is 0 to {ITEMS - 1}"):
        case.scorer.score(BATCH, prepared, beyond)


@pytest.mark.parametrize("name", sorted(PERSONAL))
def test_every_scorer__a_history_out_of_range_is_refused(name: str) -> None:
    one = BATCH.slice(0, 1)
    beyond = replace(one, history_items=np.array([*one.history_items[:-1], ITEMS], np.int32))
    with pytest.raises(ValueError, match=f"history: row 0 holds index {ITEMS}, allowed is 0 to {ITEMS - 1}"):
        CASES[name].scorer.prepare(beyond)


def test_a_column_that_the_history_lacks_is_named() -> None:
    without = replace(BATCH, history={"weight": BATCH.history["weight"]})
    with pytest.raises(ValueError, match="the history has no column 'position', only weight; next: name one of these"):
        CASES["session_next"].scorer.prepare(without)
    short = replace(BATCH, history={"weight": BATCH.history["weight"][:-1]})
    with pytest.raises(ValueError, match="history column weight has shape"):
        CASES["neighbour_lists"].scorer.prepare(short)
