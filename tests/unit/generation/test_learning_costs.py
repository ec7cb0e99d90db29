"""Costs of learning blends by hand: counts that are small enough to be multiplied on paper."""

import tracemalloc
from datetime import date

import numpy as np
import pytest

from shortlist.blending.blended import learned_features
from shortlist.blending.choice import choose_blend
from shortlist.blending.examples import Examples
from shortlist.blending.features import BEST_RANK, Features
from shortlist.config import Settings
from shortlist.config.blends import BlendKind, LearnedBlendConfig
from shortlist.generation.costs import Counts, surface_memory
from shortlist.generation.learning_costs import CutCounts, learning_cost
from shortlist.models.costs import BasketCounts, Cost, als_cost, cooccurrence_cost, spectral_cost

DAY, EARLIER, LATER = date(2017, 11, 10), date(2017, 11, 4), date(2017, 11, 7)
LEARN = LearnedBlendConfig(horizon_days=3, cuts=2, subjects=4, kinds=("single", "z_sum"))
COUNTS, BASKETS = Counts(interactions=50, users=10, items=100), BasketCounts(20, 5, 8, 90)
CUTS = {EARLIER: CutCounts(COUNTS, BASKETS), LATER: CutCounts(COUNTS, BASKETS)}


def settings(**surface: object) -> Settings:
    home = {"subject": "user", "sources": ["als", "cooccurrence"], "fallback": None, "k": 2, "depth": 3, **surface}
    return Settings.model_validate(
        {
            "surfaces": {"home": home, "other": home},
            "als": {"factors": 8, "epochs": 1},
            "cooccurrence": {"neighbours": 5},
        }
    )


def cost(learning: dict[str, LearnedBlendConfig], given: Settings | None = None) -> Cost:
    return learning_cost(CUTS, learning, given or settings(), DAY)


def test_each_cut_trains_and_scores_and_all_of_them_teach() -> None:
    given = settings()
    als, related = als_cost(50, 10, 100, given.als), cooccurrence_cost(*BASKETS, given.cooccurrence)
    found = cost({"home": LEARN})
    # Two sources of 3 candidates for each of 4 subjects; 5 items of a history, with 5 neighbours.
    candidates = 4 * 6
    scoring = 4 * (2 * 8 * (100 + 6) + (100 + 6 + 5 * 5))
    # Two starts would be 2 x 6 rounds x 2 weights x 5 steps, each adding up two sources and ranking; a second time at the end.
    fitting = (2 * 2 + 2 * 6 * 2 * 5 * 5) + 2 * 6 * 2 * 5 * 5
    assert found.flops == pytest.approx(2 * (als.flops + related.flops + scoring) + 2 * candidates * fitting)
    assert found.pairs == 2 * (als.pairs + related.pairs + 4 * 100 * 2)
    # Histories of everybody, those of the 4 once more; 10 features and a gain of each candidate.
    assert found.shuffle_bytes == 2 * (52 * 50 + 4 * 52 * 5 + candidates * 11 * 4)
    assert found.memory_bytes == max(
        als.memory_bytes, related.memory_bytes, sum(surface_memory(COUNTS, given.surfaces["home"], given))
    )


def test_surfaces_share_the_training_of_a_cut_and_hold_their_examples_together() -> None:
    many = LEARN.model_copy(update={"subjects": 10_000})
    cuts = {day: CutCounts(Counts(50, 100_000, 100), BASKETS) for day in CUTS}
    given = settings()
    one = learning_cost(cuts, {"home": many}, given, DAY)
    both = learning_cost(cuts, {"home": many, "other": many}, given, DAY)
    training = 2 * (als_cost(50, 100_000, 100, given.als).flops + cooccurrence_cost(*BASKETS, given.cooccurrence).flops)
    assert both.flops == pytest.approx(2 * one.flops - training)
    of_a_surface = 2 * 10_000 * 6 * 11 * 4
    # Collected, and twice more while its blend is learned.
    assert one.memory_bytes == 3 * of_a_surface
    assert both.memory_bytes == 2 * of_a_surface + 2 * of_a_surface


def test_a_day_that_nobody_asks_for_costs_nothing() -> None:
    latest = LEARN.model_copy(update={"cuts": 1})
    assert cost({"home": latest}) == learning_cost({LATER: CUTS[LATER]}, {"home": latest}, settings(), DAY)
    assert cost({"home": latest}).flops == pytest.approx(cost({"home": LEARN}).flops / 2)
    assert cost({}) == Cost()


def test_only_models_that_sources_need_are_trained() -> None:
    popular = settings(sources=["popularity"])
    assert cost({"home": LEARN}, popular).pairs == 2 * 4 * 100
    spectral = settings(sources=["spectral"])
    basis = spectral_cost(50, 10, 100, spectral.sources.spectral)
    assert cost({"home": LEARN}, spectral).pairs == 2 * (basis.pairs + 4 * 100)


def test_a_surface_has_no_more_subjects_than_there_are() -> None:
    ten, more = (LEARN.model_copy(update={"subjects": subjects}) for subjects in (10, 5000))
    assert cost({"home": more}) == cost({"home": ten})


@pytest.mark.parametrize(("kind", "operations"), [("logistic", 4 * 10 * 200), ("trees", 2 * 10 * 120 * 4 + 600)])
def test_operations_of_a_kind(kind: BlendKind, operations: int) -> None:
    single, with_kind = (
        LEARN.model_copy(update={"leaves": 16, "kinds": kinds}) for kinds in (("single",), ("single", kind))
    )
    more = cost({"home": with_kind}).flops - cost({"home": single}).flops
    # Fitted twice, where the single source would have been: of 2 x 24 candidates.
    assert more == pytest.approx(48 * (2 * operations - 4))


@pytest.mark.parametrize("kind", ["z_sum", "logistic", "trees"])
def test_memory_is_what_a_choice_takes(kind: BlendKind) -> None:
    config = LEARN.model_copy(update={"kinds": (kind,), "subjects": 400, "trees": 5, "rounds": 1})
    random, (subjects, depth) = np.random.default_rng(0), (400, 100)
    candidates, names = subjects * 2 * depth, learned_features(("als", "cooccurrence"))
    values = random.standard_normal((len(names), candidates)).astype(np.float32)
    values[names.index(BEST_RANK)] = 0.0
    # Both sources together say what is relevant, so that the single one is not chosen, and the kind is fitted to all cuts.
    starts, gains = np.arange(subjects + 1) * 2 * depth, (values[0] + values[1] > 2.5).astype(np.float32)
    features = Features(("als", "cooccurrence"), names, starts, values)
    cut = Examples(features, gains, np.full(subjects, 5.0), np.full(subjects, 3.0))
    assert choose_blend([cut], cut, config).kind == kind
    tracemalloc.start()
    choose_blend([cut], cut, config)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    counts = {day: CutCounts(Counts(400, 400, 2 * depth), BASKETS) for day in CUTS}
    foretold = learning_cost(counts, {"home": config}, settings(depth=depth), DAY).memory_bytes
    held = 2 * candidates * (len(names) + 1) * 4
    # LightGBM's own memory is not traced.
    assert foretold == pytest.approx(held + peak, rel=0.3 if kind == "trees" else 0.15)
