"""Costs by hand: counts that are small enough to be multiplied on paper."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from shortlist.config import AlsConfig, BudgetConfig, CooccurrenceConfig
from shortlist.config.sources import SpectralSourceConfig
from shortlist.models.arrays.blocks import GIGABYTE
from shortlist.models.costs import Cost, als_cost, cooccurrence_cost, spectral_cost
from shortlist.sources.spectral import fit_spectral


def test_als__three_steps_on_either_side() -> None:
    # 2 sides x 100 observations x 4 d x (3 + 1) + 30 rows x 8 d^2, d = 8, in 5 epochs.
    cost = als_cost(100, 20, 10, AlsConfig(factors=8, cg_steps=3, epochs=5))
    assert cost.flops == 5 * (200 * 128 + 30 * 512) == 204_800
    assert cost.pairs == 1000
    # 100 observations of 64 bytes, three copies of 30 vectors of 8 numbers; one process moves nothing.
    assert (cost.memory_bytes, cost.shuffle_bytes) == (6400 + 2880, 0)


def test_als__exactly_solved_rows_grow_with_the_cube() -> None:
    cost = als_cost(100, 20, 10, AlsConfig(factors=6, cg_steps=None, epochs=1))
    assert cost.flops == 200 * (36 + 24) + 30 * (8 * 36 + 72) == 22_800


def test_als__on_the_cluster_by_placement() -> None:
    shared = AlsConfig(factors=4, engine="spark", epochs=3, placement="shared")
    # Blocks: 2 x 12 bytes x 100. Factors: 16 bytes x 30 rows an epoch.
    assert als_cost(100, 20, 10, shared).shuffle_bytes == 2400 + 3 * 480
    assert als_cost(100, 20, 10, shared).memory_bytes == 16 * 20
    # 100 observations in blocks of at most 10: each may need all 10 items, or all 20 users, but no more than 100 in all.
    shuffled = shared.model_copy(update={"placement": "shuffled", "block_rows": 10})
    assert als_cost(100, 20, 10, shuffled).shuffle_bytes == 2400 + 3 * 16 * (100 + 100)
    assert als_cost(100, 20, 10, shuffled).memory_bytes == 16 * 10


def test_als__auto_leaves_the_process_that_is_too_small() -> None:
    auto = AlsConfig(factors=4, epochs=1, local_gigabytes=9_000 / GIGABYTE)
    assert als_cost(100, 20, 10, auto).shuffle_bytes == 0  # 6400 + 1440 bytes
    less = auto.model_copy(update={"local_gigabytes": 7_000 / GIGABYTE})
    assert als_cost(100, 20, 10, less).shuffle_bytes == 2400 + 480


def test_cooccurrence__every_row_goes_through_its_basket() -> None:
    # Baskets of 3 and 2 items: 9 + 4 pairs; two measures of 4 items with 3 neighbours.
    config = CooccurrenceConfig(measures=("cosine", "lift"), neighbours=3)
    cost = cooccurrence_cost(5, 2, 4, 13, config)
    assert (cost.pairs, cost.flops, cost.shuffle_bytes) == (13, 2 * 13 + 10 * 24, 0)
    assert cost.memory_bytes == 5 * 64 + 24 * 80


def test_cooccurrence__shuffled_sends_a_basket_to_each_task_at_most_once_a_pair() -> None:
    config = CooccurrenceConfig(placement="shuffled", item_blocks=2)
    assert cooccurrence_cost(5, 2, 4, 13, config).shuffle_bytes == 12 * (5 + 10)
    many = config.model_copy(update={"item_blocks": 50})
    assert cooccurrence_cost(5, 2, 4, 13, many).shuffle_bytes == 12 * (5 + 13)


def test_a_budget_names_what_is_beyond_it() -> None:
    cost = Cost(pairs=10, flops=20, shuffle_bytes=3 * GIGABYTE, memory_bytes=GIGABYTE)
    assert cost.over(BudgetConfig()) == []
    assert cost.over(BudgetConfig(pairs=10, memory_gigabytes=1)) == []
    budget = BudgetConfig(pairs=9, flops=21, shuffle_gigabytes=2, memory_gigabytes=0.5)
    assert cost.over(budget) == [("pairs", 10, 9), ("shuffle_gigabytes", 3, 2), ("memory_gigabytes", 1, 0.5)]


def test_work_adds_up_and_memory_does_not() -> None:
    assert Cost(1, 2, 3, 4) + Cost(10, 20, 30, 3) == Cost(11, 22, 33, 4)


def test_als__sampled_learns_from_a_share_and_solves_everybody_once() -> None:
    config = AlsConfig(factors=4, engine="spark", epochs=2, placement="sampled", sampled_users=5)
    cost = als_cost(100, 20, 10, config)
    # A quarter of the users: 25 observations, 15 rows; then 100 x (d^2 + 4 d) + 20 x (8 d^2 + d^3 / 3).
    fold = 100 * 32 + 20 * (128 + 64 / 3)
    assert cost.pairs == 2 * 2 * 25
    assert cost.flops == pytest.approx(2 * (50 * 64 + 15 * 128) + fold)
    assert cost.shuffle_bytes == 12 * 125 + 2 * 16 * 15
    assert cost.memory_bytes == 16 * 10
    without = config.model_copy(update={"store_user_factors": False})
    assert als_cost(100, 20, 10, without).flops == pytest.approx(cost.flops - fold)


@pytest.mark.parametrize("engine", ["local", "spark"])
def test_als__of_nothing_costs_nothing_but_is_no_error(engine: str) -> None:
    assert als_cost(0, 0, 0, AlsConfig.model_validate({"engine": engine})) == Cost()


def test_spectral__every_pass_multiplies_and_makes_directions_orthogonal() -> None:
    # 5 + 3 directions. Three passes: 4 x 8 for each of 100 pairs, and four times 4 x 8^2 for each of 10 items.
    config = SpectralSourceConfig(factors=5, oversampling=3, iterations=2)
    cost = spectral_cost(100, 20, 10, config)
    assert cost.pairs == 2 * 3 * 100
    assert cost.flops == 3 * 3200 + 4 * 2560
    # One block: its pairs move twice, and lie in the driver with five matrices of 10 x 8 doubles.
    assert cost.shuffle_bytes == 2 * 12 * 100
    assert cost.memory_bytes == max(5 * 640 + 16 * 100, 640 + 16 * 100 + 20 * 8 * 8 + 640) == 4800


def test_spectral__several_blocks_send_their_product_in_every_pass() -> None:
    config = SpectralSourceConfig(factors=5, oversampling=3, iterations=2, block_pairs=25)
    cost = spectral_cost(100, 200, 10, config)
    # Four blocks; the basis goes out, the sum comes back.
    assert cost.shuffle_bytes == 12 * 100 + 3 * (4 + 2) * 640
    assert cost.memory_bytes == 640 + 16 * 25 + 50 * 8 * 8 + 640


def test_spectral__a_small_graph_has_no_more_directions_than_users() -> None:
    config = SpectralSourceConfig(factors=128, oversampling=20, iterations=1)
    assert spectral_cost(6, 3, 10, config).flops == 2 * 4 * 3 * 6 + 3 * 4 * 9 * 10
    assert spectral_cost(0, 0, 0, config) == Cost()


@pytest.mark.parametrize(
    ("users", "items", "drawn"), [(3000, 2000, 40_000), (20_000, 1000, 100_000), (500, 8000, 60_000)]
)
def test_spectral__memory_is_what_one_process_takes(users: int, items: int, drawn: int) -> None:
    keys = np.unique(np.random.default_rng(0).integers(0, users * items, drawn))
    taken = sp.csr_matrix((np.ones(len(keys)), (keys // items, keys % items)), (users, items))
    config = SpectralSourceConfig(factors=40, oversampling=20, iterations=1)
    tracemalloc.start()
    fit_spectral((taken.indptr.astype(np.int64), taken.indices), items, config)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spectral_cost(len(keys), users, items, config).memory_bytes == pytest.approx(peak, rel=0.15)
