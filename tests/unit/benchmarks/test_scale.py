"""The simulation of a night: small numbers that are followed by hand, and what it says where a night does not fit."""

import pytest

from infra.benchmarks._scale_simulation import JobEstimate, Machine, Size, machines_for, simulate
from infra.benchmarks.scale import Measured, describe, simulated_settings, slopes
from shortlist.config import Settings
from shortlist.models.arrays.blocks import GIGABYTE

RATES = {"train_als": 10.0, "train_cooccurrence": 5.0, "generate_candidates": 100.0}
MACHINE = Machine(cores=4, gigabytes=1, gigabits=8, efficiency=0.5)


def small() -> Settings:
    surface = {"subject": "user", "sources": ["als", "cooccurrence"], "fallback": None, "k": 2, "depth": 3}
    als = {"factors": 8, "epochs": 1, "engine": "local"}
    return Settings.model_validate({"surfaces": {"home": surface}, "als": als, "cooccurrence": {"neighbours": 5}})


def test_work_by_rates() -> None:
    als, related, home = simulate(Size(10, 100, 50, basket=4), small(), RATES, MACHINE)
    assert als.core_hours == pytest.approx((100 * 128 + 110 * 8 * 64) / 10 / 3600)
    assert related.core_hours == pytest.approx(50 * 4 / 5 / 3600)
    each = 2 * 8 * (100 + 6) + (100 + 6 + 5 * 5)
    assert home.job == "generate_candidates home"
    assert home.core_hours == pytest.approx(10 * each / 100 / 3600)


def test_an_hour_of_a_machine_is_work_and_moving() -> None:
    # 8 core hours by 4 cores at half: 4 hours. 3600 GB (of 10^9) at 1 GB a second: 1 hour.
    assert JobEstimate("x", 8, 4, 3600e9, 0).machine_hours(MACHINE) == pytest.approx(5)
    assert machines_for(2, [JobEstimate("x", 8, 4, 3600e9, 0)] * 2, MACHINE) == 5
    assert machines_for(100, [JobEstimate("x", 8, 4, 3600e9, 0)], MACHINE) == 1


def test_memory_lets_fewer_cores_work() -> None:
    # A counting source adds 32 rows of all items a task: 0.128 GB for a million; 40 + 32 bytes an item are shared.
    roomy = Machine(cores=64, gigabytes=1.1 * 1e9 / GIGABYTE, gigabits=8, efficiency=0.5)
    *_, home = simulate(Size(10, 1_000_000, 50, basket=4), small(), RATES, roomy)
    assert home.cores == int((1.1e9 - 72e6) // 128e6) == 8
    assert home.memory == pytest.approx(72e6 + 8 * 128e6)


def test_what_does_not_fit_is_said() -> None:
    size = Size(10, 1_000_000, 50, basket=4)
    tight = Machine(cores=4, gigabytes=0.1, gigabits=8, efficiency=0.5)
    jobs = simulate(size, small(), RATES, tight)
    assert machines_for(6, jobs, tight) is None
    assert (
        "one task of train_cooccurrence, generate_candidates home needs more memory"
        in list(describe(size, small(), tight, jobs, 6))[-1]
    )


def test_the_simulation_states_what_it_assumes() -> None:
    size, machine = Size(500_000_000, 10_000_000, 50_000_000_000, 20.0), Machine()
    rates = dict.fromkeys(RATES, 1e9)
    jobs = simulate(size, simulated_settings(), rates, machine)
    lines = list(describe(size, simulated_settings(), machine, jobs, 6))
    assert sum(line.startswith("  assumed: ") for line in lines) == 7
    assert "machines for" in lines[-1]
    assert [job.job for job in jobs] == [
        "train_als", "train_cooccurrence", "generate_candidates homefeed", "generate_candidates related"
    ]  # fmt: skip


def test_slopes_compare_seconds_with_what_the_formula_foretells() -> None:
    small_set, large_set = Measured("train_als", 100, 10.0, 2.0), Measured("train_als", 1000, 80.0, 20.0)
    (line,) = slopes([small_set, large_set])
    assert "8.00 times the work, 10.00 times the seconds; measured / foretold 1.25" in line
