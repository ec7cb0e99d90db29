"""The simulation of a night: small numbers that are followed by hand, and what it says where a night does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.benchmarks import scale
from infra.benchmarks._scale_simulation import JobEstimate, Machine, Size, machines_for, simulate
from infra.benchmarks.scale import Measured, Slope, describe, formulas_off, simulated_settings, slopes
from shortlist.config import Settings
from shortlist.models.arrays.blocks import GIGABYTE

RATES = {"train_als": 10.0, "train_cooccurrence": 5.0, "spectral": 20.0, "generate_candidates": 100.0}
MACHINE = Machine(cores=4, gigabytes=1, gigabits=8, efficiency=0.5)


def small() -> Settings:
    surface = {"subject": "user", "sources": ["als", "cooccurrence"], "fallback": None, "k": 2, "depth": 3}
    als = {"factors": 8, "epochs": 1, "engine": "local"}
    return Settings.model_validate({"surfaces": {"home": surface}, "als": als, "cooccurrence": {"neighbours": 5}})


def test_work_by_rates() -> None:
    als, related, shared, home = simulate(Size(10, 100, 50, basket=4), small(), RATES, MACHINE)
    assert als.core_hours == pytest.approx((100 * 128 + 110 * 8 * 64) / 10 / 3600)
    assert related.core_hours == pytest.approx(50 * 4 / 5 / 3600)
    # Histories move once by user; no source has a basis.
    assert (shared.core_hours, shared.moved, shared.memory) == (0, 50 * 52, 0)
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
    assert sum(line.startswith("  assumed: ") for line in lines) == 8
    assert "machines for" in lines[-1]
    assert [job.job for job in jobs] == [
        "train_als", "train_cooccurrence", "generate_candidates, shared", "generate_candidates homefeed",
        "generate_candidates related",
    ]  # fmt: skip


def test_a_spectral_basis_takes_its_passes_and_a_machine_of_its_own_for_the_driver() -> None:
    given = small()
    spectral = given.surfaces["home"].model_copy(update={"sources": ("spectral",)})
    given = given.model_copy(update={"surfaces": {"home": spectral}})
    size = Size(1000, 500, 5000, basket=4)
    shared = simulate(size, given, RATES, MACHINE)[2]
    # Seven passes look at every pair twice.
    assert shared.core_hours == pytest.approx(7 * 2 * 5000 / 20 / 3600)
    # 148 directions.
    matrix = 8 * 500 * 148
    # Five matrices and the only block in the driver; each of four tasks has a block, its product by users and by items.
    assert shared.memory == 5 * matrix + 16 * 5000 + 4 * (16 * 5000 + 8 * 1000 * 148 + matrix)


def grown(seconds: float, job: str = "train_als") -> Slope:
    """Eight times the work, in so many seconds instead of two."""
    return Slope(Measured(job, 100, 10.0, 2.0), Measured(job, 1000, 80.0, seconds))


def test_slopes_compare_seconds_with_what_the_formula_foretells() -> None:
    sets = [grown(20.0), grown(16.0, "spectral")]
    first, second = slopes([slope.small for slope in sets] + [slope.large for slope in sets])
    assert "8.00 times the work, 10.00 times the seconds; measured / foretold 1.25" in str(first)
    assert (second.small.job, second.large.job, second.ratio) == ("spectral", "spectral", 1.0)
    assert slopes([grown(20.0).small]) == []


@pytest.mark.parametrize(("seconds", "off"), [(8.0, False), (32.0, False), (7.9, True), (32.1, True)])
def test_a_formula_is_off_below_half_and_above_twice_of_what_was_measured(seconds: float, off: bool) -> None:
    found = formulas_off([grown(16.0, "spectral"), grown(seconds)])
    assert [line.split(":")[0] for line in found] == ["the formula of train_als is off"] * off


def test_what_is_off_is_said_with_numbers() -> None:
    (line,) = formulas_off([grown(4.0)])
    assert "from 100 to 1,000 rows seconds grew to 0.25 of what it foretells, 0.5 to 2 are allowed; next: " in line


@pytest.mark.parametrize(("growth", "code"), [(8.0, 0), (17.0, 1)])
def test_the_program_fails_where_a_formula_is_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], growth: float, code: int
) -> None:
    def planted(rows: int, subjects: int) -> list[Measured]:
        large = rows > 1_000_000
        done = [Measured(job, rows, 80.0 if large else 10.0, 8.0 if large else 1.0) for job in RATES]
        return [replace(one, seconds=growth) if large and one.job == "spectral" else one for one in done]

    monkeypatch.setattr(scale, "measure", planted)
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path))
    assert scale.main([]) == code
    said = capsys.readouterr()
    assert ("the formula of spectral is off" in said.err) == (code == 1)
    assert said.out.count("measured / foretold") == 4
    assert len(json.loads((tmp_path / "bench" / "scale.json").read_text())["measured"]) == 8
    assert scale.main(["--rows", "1000000"]) == 0
    assert "one set of 1,000,000 rows has no slope" in capsys.readouterr().out
