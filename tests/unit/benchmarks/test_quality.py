"""What the quality benchmark makes of its figures; nothing is fitted here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.benchmarks import quality
from infra.benchmarks._quality_cells import CELLS, cosine, ials, rp3beta
from infra.benchmarks._quality_figures import Measured, describe_settings, with_seed
from infra.benchmarks._quality_methods import Popularity
from infra.benchmarks._quality_protocols import draw_indices
from shortlist.config import AlsConfig
from shortlist.metrics.definitions import RANKING_METRICS

ONE = Measured("aotm", "iALS", "d 8", 7, "recall@100", 0.25, 0.24, 0.26, 1000, 3, 0.26, 0.25, 9.0)


def test_places_that_are_held_are_not_drawn() -> None:
    held = np.array([0, 2, 3, 6], np.int32)
    assert sorted(draw_indices("a", held, 8, 4, 1).tolist()) == [1, 4, 5, 7]
    with pytest.raises(
        ValueError, match="a: 4 of 8 items are not held, 5 negatives are asked for; next: ask for fewer"
    ):
        draw_indices("a", held, 8, 5, 1)


def test_places_are_drawn_evenly() -> None:
    """2,000 subjects draw 2 of 5 free places: 800 each, standard deviation 22."""
    held = np.array([1, 4, 5], np.int32)
    drawn = np.concatenate([draw_indices(f"b{subject:06d}", held, 8, 2, 7) for subject in range(2000)])
    counts = np.bincount(drawn, minlength=8)
    assert counts[held].tolist() == [0, 0, 0]
    assert (np.abs(counts[[0, 2, 3, 6, 7]] - 800) < 100).all()
    assert all(len(set(pair)) == 2 for pair in drawn.reshape(-1, 2).tolist())


def test_a_target_is_held_against_the_mean_of_the_seeds() -> None:
    assert quality.missed([ONE]) == []
    worse = replace(ONE, seed=8, value=0.2498)
    assert quality.missed([ONE, worse]) == ["aotm iALS recall@100: 0.2499, wanted 0.2500"]
    better = replace(ONE, seed=9, value=0.2503)
    assert quality.missed([worse, ONE, better]) == []
    assert quality.missed([better, ONE, worse]) == []
    assert quality.missed([replace(worse, wanted=None)]) == []


def test_the_table_names_ours_the_published_figure_the_target_and_the_verdict() -> None:
    lines = list(quality.table(CELLS["aotm"], [ONE, replace(ONE, cell="ml1m-fold0")]))
    assert lines[1].split() == ["iALS", "recall@100", "0.2500", "[0.2400,", "0.2600]", "0.2600", "0.2500", "met"]
    assert lines[2].split()[:8] == ["1,000", "subjects,", "3", "without", "a", "list", "(count", "0);"]
    assert len(lines) == 3
    lost = replace(ONE, value=0.2, published=None, metric="recall@100")
    assert list(quality.table(CELLS["aotm"], [lost]))[1].split()[-3:] == ["-", "0.2500", "MISSED"]
    several = list(quality.table(CELLS["aotm"], [lost, replace(lost, seed=8, value=0.4)]))[1]
    assert several.split("0.2500  ")[1].split() == ["met", "2", "seeds:", "mean", "0.3000,", "0.2000", "to", "0.4000"]
    assert "met" not in list(quality.table(CELLS["aotm"], [replace(ONE, wanted=None)]))[1]


def test_settings_are_told_in_the_words_of_papers() -> None:
    assert describe_settings(ials(192, 0.02, 0.007, 16)) == "d 192, reg 0.02, a0 0.007, nu 1, 16 epochs"
    assert describe_settings(rp3beta(2000, 0.8, 0.4)) == "rp3beta, 2000 neighbours, alpha 0.8, beta 0.4"
    assert describe_settings(cosine(100)) == "cosine, 100 neighbours"
    assert describe_settings(Popularity()) == "nothing to set"


def test_a_seed_and_an_engine_reach_als_alone() -> None:
    config = with_seed(ials(8, 0.02, 0.5, 3), 11, "local")
    assert isinstance(config, AlsConfig)
    assert (config.seed, config.engine, config.alpha, config.regularization) == (11, "local", 2.0, 0.02)
    assert with_seed(cosine(3), 11, "local") == cosine(3)


def test_cells_have_a_figure_for_each_metric_and_use_settings_that_were_compared() -> None:
    for cell in CELLS.values():
        assert set(cell.metrics) <= set(RANKING_METRICS)
        for figures in (*cell.published.values(), *cell.wanted.values()):
            assert len(figures) == len(cell.metrics)
        assert set(cell.published) | set(cell.wanted) | set(cell.grids) <= set(cell.methods)
        for name, grid in cell.grids.items():
            assert cell.methods[name] in grid
            assert len({describe_settings(settings) for settings in grid}) == len(grid)


def test_without_data_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quality, "DATA", tmp_path)
    for file in CELLS["ml1m-fold0"].files[1:]:
        (tmp_path / file).touch()
    assert quality.main(["--cells", "ml1m-fold0", "ml1m-fold1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"no {tmp_path / 'ml1m_ratings_no_ts.parquet'}: the sets lie beside the checkout; next: ")
    assert "folds" not in said
