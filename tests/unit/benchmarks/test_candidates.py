"""The benchmark of the pass: everybody gets a whole list, and what it says of figures; none is measured here."""

import math
from dataclasses import replace

import pytest

from infra.benchmarks import candidates as bench

SIZES = bench.Sizes(users=120, items=60, pairs=1500, factors=4, subjects=30, k=5)


@pytest.mark.parametrize("interests", [False, True])
def test_everybody_of_its_world_gets_a_whole_list(interests: bool) -> None:
    world = bench.make_world(replace(SIZES, interests=interests))
    assert ("interests" in world.scorers) == interests
    batch = bench.batch_of(world, SIZES.subjects)
    assert batch.size == SIZES.subjects
    seconds, stages = bench.whole_pass(world.scorers, batch, SIZES.k, SIZES.items)
    assert set(stages) == {"prepare", "propose", "score", "explain"}
    assert 0 < sum(stages.values()) < seconds


def test_figures_are_of_one_subject() -> None:
    figures = bench.measure(bench.make_world(SIZES), SIZES)
    alone = [value for name, value in figures.items() if name.startswith("proposals of ")]
    assert len(alone) == 8
    # Each figure is divided by the number of subjects, so that the sum differs in its last digit from run to run.
    assert math.isclose(figures["proposals"], sum(alone), rel_tol=1e-9)
    parts = [value for name, value in figures.items() if name.startswith("pass: ")]
    assert abs(figures["pass"] - sum(parts)) < 1e-9


def test_each_speed_is_stated_against_a_peer() -> None:
    figures = {"proposals": 2.0, "pass": 3.0, "pass, twice the subjects": 3.3, "implicit": 0.5, "mllib": 60.0}
    figures["proposals of als"] = 0.4
    assert list(bench.lines(figures))[-6:] == [
        "pass / sum of its sources' proposals: 1.50 (to be <= 1.3)",
        "a subject, twice the subjects / once: 1.10 (linear is 1)",
        "one model of ours / implicit's: 0.80",
        "pass of all sources / implicit's one model: 6.00",
        "MLlib's one model / one model of ours: 150.00 (to be >= 10)",
        "MLlib's one model / pass of all sources: 20.00",
    ]
