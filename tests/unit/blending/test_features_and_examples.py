"""Features and labels, by hand."""

import re

import numpy as np
import pytest

from shortlist.blending.examples import examples_of, halves, pooled, subset, values_of
from shortlist.blending.features import feature_names, features_of, joined
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.ranking import weighted_sum
from tests.unit.blending.planted import examples, features

NAN = float("nan")
STARTS, ITEMS = np.array([0, 3, 4]), np.array([1, 4, 5, 4], np.int32)
SCORES = np.array([[1.0, 3.0, NAN, 2.0], [0.0, 0.0, 9.0, 0.0]], np.float32)


def test_features_of__by_hand() -> None:
    age = {"age": np.arange(6, dtype=np.float32)}
    found = features_of(("a", "b"), STARTS, ITEMS, SCORES, age, {"active": np.array([7.0, 8.0], np.float32)})
    assert found.names == feature_names(("a", "b"), age, ["active"])
    rows = dict(zip(found.names, found.values.tolist(), strict=True))
    assert rows["z_a"] == [-1.0, 1.0, 0.0, 0.0]
    assert rows["z_b"] == pytest.approx([-(0.5**0.5), -(0.5**0.5), 2**0.5, 0.0])
    assert rows["log_rank_a"] == pytest.approx(np.log1p([1, 0, 2, 0]))
    assert rows["log_rank_b"] == pytest.approx(np.log1p([1, 1, 0, 0]))
    assert rows["best_log_rank"] == pytest.approx(np.log1p([1, 0, 0, 0]))
    assert rows["sources_in_top_20"] == rows["sources_in_top_100"] == [2, 2, 2, 2]
    assert rows["reciprocal_ranks"] == pytest.approx([2 / 61, 1 / 60 + 1 / 61, 1 / 62 + 1 / 60, 2 / 60])
    assert rows["age"] == [1, 4, 5, 4]
    assert rows["active"] == [7, 7, 7, 8]
    assert np.array_equal(found.standard, found.values[:2])


def test_features_of__a_weighted_sum_needs_standard_scores_only() -> None:
    few = features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {}, with_ranks=False)
    assert few.names == ("z_a", "z_b")
    assert np.array_equal(few.values, features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {}).standard)


def test_joined__the_same_as_in_one_piece() -> None:
    whole = features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {})
    parts = [
        features_of(("a", "b"), np.array([0, 3]), ITEMS[:3], SCORES[:, :3], {}, {}),
        features_of(("a", "b"), np.array([0, 1]), ITEMS[3:], SCORES[:, 3:], {}, {}),
    ]
    together = joined(parts)
    np.testing.assert_array_equal(together.values, whole.values)
    assert together.starts.tolist() == STARTS.tolist()
    with pytest.raises(ValueError, match="features z_a cannot follow z_a, z_b; next: make all blocks from the same"):
        joined(
            [
                features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {}, with_ranks=False),
                features_of(("a",), STARTS, ITEMS, SCORES[:1], {}, {}, with_ranks=False),
            ]
        )


def test_features_of__refuses_what_is_not_known() -> None:
    with pytest.raises(ValueError, match=re.escape("item feature age: nan at [2]")):
        features_of(("a", "b"), STARTS, ITEMS, SCORES, {"age": np.array([0, 1, NAN], np.float32)}, {})
    with pytest.raises(ValueError, match=re.escape("subject feature active has shape (1,), (2) is needed")):
        features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {"active": np.ones(1, np.float32)})
    with pytest.raises(ValueError, match=re.escape("scores has shape (2, 4), (1, 4) is needed")):
        features_of(("a",), STARTS, ITEMS, SCORES, {}, {})


def test_examples_of__what_nobody_proposed_counts_against_the_list() -> None:
    config = LearnedBlendConfig(k=2, objective="recall")
    found = features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {})
    # Subject 0: items 0 (not proposed), 1 and 5 are relevant; subject 1: nothing.
    labelled = examples_of(found, ITEMS, ([0, 3, 3], [0, 1, 5]), np.ones(6), config)
    assert labelled.gains.tolist() == [1, 0, 1, 0]
    assert labelled.best_gain.tolist() == [2, 0]
    assert labelled.subjects == 1
    ranked = np.array([3.0, 2.0, 1.0, 0.0], np.float32)
    assert values_of(labelled, ranked, config).tolist() == [0.5]
    ndcg = values_of(labelled, ranked, LearnedBlendConfig(k=2, objective="ndcg"))
    assert ndcg.tolist() == pytest.approx([1 / (1 + 1 / np.log2(3))])
    both = values_of(labelled, ranked, LearnedBlendConfig(k=2, objective="both"))
    assert both.tolist() == pytest.approx([(0.5 + ndcg[0]) / 2])


def test_examples_of__with_an_exponent_a_rare_hit_is_worth_more() -> None:
    config = LearnedBlendConfig(k=1, objective="recall", popularity_exponent=0.5)
    found = features_of(("a", "b"), STARTS, ITEMS, SCORES, {}, {})
    users = np.array([1, 100, 1, 1, 1, 4])
    labelled = examples_of(found, ITEMS, ([0, 2, 2], [1, 5]), users, config)
    assert labelled.gains.tolist() == pytest.approx([0.1, 0, 0.5, 0])
    # The best list of one holds the rare item.
    assert labelled.best_gain.tolist() == pytest.approx([0.5, 0])
    assert values_of(labelled, np.array([3, 2, 1, 0], np.float32), config) == pytest.approx([0.2])


def test_halves_and_pooled__every_subject_is_in_one_half() -> None:
    whole = examples(40, 1)
    first, second = halves(whole, 3)
    assert 10 < first.subjects < 30
    assert first.subjects + second.subjects == 40
    both = pooled([first, second])
    assert sorted(both.gains.tolist()) == sorted(whole.gains.tolist())
    assert both.features.starts[-1] == whole.features.starts[-1]
    chosen = np.arange(40) % 2 == 0
    part = subset(whole, chosen)
    scores = weighted_sum(whole.features.standard, [1.0, 0.2, 0.0])
    mine = weighted_sum(part.features.standard, [1.0, 0.2, 0.0])
    config = LearnedBlendConfig(k=5)
    np.testing.assert_array_equal(values_of(part, mine, config), values_of(whole, scores, config)[chosen])


def test_planted_features_depend_on_the_seed_only() -> None:
    np.testing.assert_array_equal(features(7, 3).values, features(7, 3).values)
