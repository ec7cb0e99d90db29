"""Every kind of blend finds what is planted, is the same for the same examples, and survives its text."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from shortlist.blending.blends import BLENDS, blend_of, text_of
from shortlist.blending.calibration import fit_calibration
from shortlist.blending.choice import choose_blend
from shortlist.blending.examples import Examples, pooled, values_of
from shortlist.blending.features import Features
from shortlist.blending.logistic import fit_logistic, training_rows
from shortlist.blending.trees import fit_trees, read_trees
from shortlist.blending.z_sum import ZSum, best_single, fit_z_sum
from shortlist.config.blends import BlendKind, LearnedBlendConfig
from tests.unit.blending.planted import CONFIG, examples, features

LEARNED = examples(300, 1)
HELD = examples(200, 50)
JOINT, JOINT_HELD = examples(400, 1, joint=True), examples(300, 50, joint=True)

each = pytest.mark.parametrize("kind", BLENDS)


def value(blend_scores: NDArray[np.float32], held: Examples = HELD) -> float:
    return float(values_of(held, blend_scores, CONFIG).mean())


@each
def test_every_blend__the_same_examples_give_the_same_text(kind: BlendKind) -> None:
    texts = [text_of(kind, BLENDS[kind].fit(LEARNED, CONFIG)) for _ in range(2)]
    assert texts[0] == texts[1]
    again = blend_of(texts[0])
    assert text_of(kind, again) == texts[0]
    expected = BLENDS[kind].fit(LEARNED, CONFIG).predict(HELD.features)
    np.testing.assert_array_equal(again.predict(HELD.features), expected)
    assert json.loads(texts[0])["kind"] == kind


@each
def test_every_blend__a_subject_is_scored_by_its_own_candidates(kind: BlendKind) -> None:
    blend = BLENDS[kind].fit(LEARNED, CONFIG)
    whole = blend.predict(HELD.features)
    for first, last in ((0, 1), (3, 10), (199, 200)):
        low, high = HELD.features.starts[[first, last]]
        part = replace(
            HELD.features, starts=HELD.features.starts[first : last + 1] - low, values=HELD.features.values[:, low:high]
        )
        np.testing.assert_array_equal(blend.predict(part), whole[low:high])


@each
def test_every_blend__says_what_counts(kind: BlendKind) -> None:
    importance = BLENDS[kind].fit(LEARNED, CONFIG).importance()
    heaviest = max(importance, key=lambda name: importance[name])
    assert heaviest in {"left", "z_left", "log_rank_left", "best_log_rank", "reciprocal_ranks"}
    if kind in ("single", "z_sum"):
        assert importance.get("noise", 0.0) < 0.15


def test_z_sum__finds_the_weights_that_were_planted() -> None:
    blend = fit_z_sum(LEARNED, CONFIG)
    assert blend.weights["left"] == 1.0
    assert 0.3 < blend.weights["right"] < 0.8
    assert blend.weights.get("noise", 0.0) < 0.15
    assert best_single(LEARNED, CONFIG) == ZSum({"left": 1.0})
    assert value(blend.predict(HELD.features)) > value(ZSum({"left": 1.0}).predict(HELD.features)) + 0.05


def test_z_sum__by_hand() -> None:
    found = ZSum({"left": 1.0, "noise": 0.5}).predict(HELD.features)
    np.testing.assert_allclose(found, HELD.features.standard[0] + 0.5 * HELD.features.standard[2], rtol=1e-5, atol=1e-6)
    with pytest.raises(
        ValueError, match="the blend weighs als, the candidates have left, right, noise; next: score them"
    ):
        ZSum({"als": 1.0}).predict(HELD.features)


def test_logistic__is_about_as_good_as_the_weighted_sum_and_gives_log_odds() -> None:
    blend = fit_logistic(LEARNED, CONFIG)
    scores = blend.predict(HELD.features)
    assert value(scores) > value(ZSum({"left": 1.0}).predict(HELD.features)) + 0.05
    rows = training_rows(LEARNED, LearnedBlendConfig(easy_share=1.0))
    odds = fit_logistic(LEARNED, LearnedBlendConfig(easy_share=1.0)).predict(LEARNED.features)
    # The mean probability is the share of relevant rows, which is what an intercept sees to.
    assert (1 / (1 + np.exp(-odds))).mean() == pytest.approx(rows.relevant.mean(), rel=1e-3)


def test_trees__see_what_no_sum_can() -> None:
    blend = fit_trees(JOINT, CONFIG)
    sums = fit_z_sum(JOINT, CONFIG)
    first = replace(blend, reranked=30)
    assert (
        value(first.predict(JOINT_HELD.features), JOINT_HELD)
        > value(sums.predict(JOINT_HELD.features), JOINT_HELD) + 0.2
    )


def test_trees__equal_lightgbm_to_the_last_bit() -> None:
    import lightgbm

    blend = replace(fit_trees(LEARNED, CONFIG), reranked=30)
    # All candidates are among the best 30.
    rows = np.ascontiguousarray(HELD.features.values.T)
    expected = lightgbm.Booster(model_str=blend.text).predict(rows, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(blend.predict(HELD.features), np.asarray(expected, np.float32))


def test_trees__only_the_best_of_the_sum_are_ordered_anew() -> None:
    blend = replace(fit_trees(LEARNED, CONFIG), reranked=4)
    sums, scores = (one.predict(HELD.features).reshape(200, 30) for one in (blend.first, blend))
    for subject in range(200):
        order = np.argsort(-sums[subject], kind="stable")
        assert scores[subject, order[:4]].min() > scores[subject, order[4:]].max()
        assert np.argsort(-scores[subject], kind="stable")[4:].tolist() == order[4:].tolist()


def test_read_trees__refuses_what_the_loop_does_not_know() -> None:
    with pytest.raises(ValueError, match="no trees in a model text of 5 characters; next: pass what"):
        read_trees("tree\n")
    text = fit_trees(LEARNED, CONFIG).text
    with pytest.raises(ValueError, match="tree 0 splits on categories; next: learn from numbers only"):
        read_trees(text.replace("num_cat=0", "num_cat=1"))


def test_a_blend_of_other_features_is_refused() -> None:
    kinds: tuple[BlendKind, ...] = ("logistic", "trees")
    for kind in kinds:
        blend = BLENDS[kind].fit(LEARNED, CONFIG)
        other = Features(HELD.features.sources, ("z_left",), HELD.features.starts, HELD.features.values[:1])
        with pytest.raises(
            ValueError, match=r"the blend was learned from z_left, .*, the candidates have z_left; next"
        ):
            blend.predict(other)
    with pytest.raises(
        ValueError, match="a blend of kind 'forest' is not known; next: choose from single, equal, z_sum"
    ):
        blend_of('{"kind": "forest"}')


def test_training_rows__the_drawn_ones_count_for_the_others() -> None:
    rows = training_rows(LEARNED, LearnedBlendConfig(hard_rank=1, easy_share=0.25))
    every = training_rows(LEARNED, LearnedBlendConfig(hard_rank=1, easy_share=1.0))
    assert len(every.relevant) == 300 * 30
    assert len(rows.relevant) < 0.6 * len(every.relevant)
    assert rows.weights.sum() == pytest.approx(every.weights.sum(), rel=0.05)
    assert rows.relevant.sum() == every.relevant.sum() == 900
    nothing = replace(LEARNED, gains=np.zeros_like(LEARNED.gains))
    with pytest.raises(ValueError, match="0 of 9000 candidates are relevant, a classifier needs both kinds; next:"):
        training_rows(nothing, CONFIG)


# ---------------------------------------------------------------- choice
def test_choose_blend__the_simplest_that_is_as_good_as_the_best() -> None:
    choice = choose_blend([LEARNED], HELD, CONFIG)
    assert choice.kind == "z_sum"
    assert choice.reason.startswith("z_sum is the simplest kind within one standard error of the best, which is ")
    assert choice.judged["z_sum"].below_best <= choice.judged["z_sum"].error
    assert choice.judged["single"].below_best > choice.judged["single"].error > 0
    assert choice.sources["left"] == pytest.approx(choice.judged["single"].mean)
    assert choice.sources["left"] > choice.sources["right"] > choice.sources["noise"]
    assert choice.subjects == 200
    # Learned again, from all cuts.
    assert choice.blend == fit_z_sum(pooled([LEARNED, HELD]), CONFIG)


def test_choose_blend__trees_where_only_they_see_it() -> None:
    config = CONFIG.model_copy(update={"reranked": 30})
    assert choose_blend([JOINT], JOINT_HELD, config).kind == "trees"
    assert choose_blend([JOINT], JOINT_HELD, config.model_copy(update={"kinds": ("z_sum",)})).kind != "trees"


def test_choose_blend__one_source_where_nothing_can_be_added() -> None:
    # What is relevant follows `left` alone.
    def alone(cut: Examples) -> Examples:
        left = cut.features.standard[0].reshape(-1, 30)
        gains = (np.argsort(np.argsort(-left, axis=1), axis=1) < 3).astype(np.float32).ravel()
        return replace(cut, gains=gains)

    choice = choose_blend([alone(LEARNED)], alone(HELD), CONFIG)
    assert (choice.kind, choice.blend) == ("single", ZSum({"left": 1.0}))


def test_choose_blend__all_the_same_where_no_source_says_more() -> None:
    # What is relevant follows the sum of all standard scores: weights can add nothing, and chance must not.
    def together(cut: Examples) -> Examples:
        ranks = np.argsort(np.argsort(-cut.features.standard.sum(axis=0).reshape(-1, 30), axis=1), axis=1)
        return replace(cut, gains=(ranks < 3).astype(np.float32).ravel())

    choice = choose_blend([together(LEARNED)], together(HELD), CONFIG)
    assert (choice.kind, choice.blend) == ("equal", ZSum(dict.fromkeys(("left", "right", "noise"), 1.0)))
    assert choice.judged["single"].below_best > choice.judged["single"].error


def test_choose_blend__a_blend_that_was_misled_loses_to_the_best_source() -> None:
    # At the earlier cut `noise` was relevant, at the latest `left`.
    def follows(cut: Examples, source: int) -> Examples:
        ranks = np.argsort(np.argsort(-cut.features.standard[source].reshape(-1, 30), axis=1), axis=1)
        return replace(cut, gains=(ranks < 3).astype(np.float32).ravel())

    choice = choose_blend([follows(LEARNED, 2)], follows(HELD, 0), CONFIG)
    assert (choice.kind, choice.blend) == ("single", ZSum({"left": 1.0}))
    assert choice.judged["z_sum"].mean < choice.judged["single"].mean


def test_choose_blend__too_few_to_judge_by() -> None:
    with pytest.raises(
        ValueError, match=re.escape("20 subjects of the latest cut and 300 of the earlier ones had something")
    ):
        choose_blend([LEARNED], examples(20, 5), CONFIG)
    with pytest.raises(ValueError, match="200 subjects of the latest cut and 0 of the earlier ones"):
        choose_blend([], HELD, CONFIG)


# ---------------------------------------------------------------- calibration
def test_calibration__never_falls_and_keeps_the_mean() -> None:
    calibration = fit_calibration([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
    # 2 and 3 are out of order: they share their mean.
    found = calibration.predict(np.array([0.0, 1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 9.0], np.float32))
    assert found.tolist() == [0.0, 0.0, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]
    scores = fit_logistic(LEARNED, CONFIG).predict(HELD.features)
    fitted = fit_calibration(scores, HELD.gains > 0)
    assert fitted.predict(scores).mean() == pytest.approx((HELD.gains > 0).mean(), rel=1e-3)
    assert (np.diff(fitted.probabilities) >= 0).all()
    with pytest.raises(ValueError, match="no candidates to calibrate on; next: pass those of the held-out cut"):
        fit_calibration([], [])


def test_planted_features_are_those_that_blends_were_learned_from() -> None:
    assert features(3, 1).names == LEARNED.features.names
