"""Costs of lists by hand: counts that are small enough to be multiplied on paper."""

import pytest

from shortlist.config import Settings
from shortlist.generation.costs import Counts, surface_cost, surface_memory


def settings(**surface: object) -> Settings:
    return Settings.model_validate(
        {
            "surfaces": {
                "home": {"subject": "user", "sources": ["als"], "fallback": None, "k": 2, "depth": 3, **surface}
            },
            "als": {"factors": 8},
            "cooccurrence": {"neighbours": 5, "measures": ["cosine", "rp3beta"]},
        }
    )


def test_generation__vectors_against_every_item() -> None:
    given = settings()
    cost = surface_cost(Counts(interactions=50, users=10, items=100), given.surfaces["home"], given)
    assert cost.pairs == 10 * 100
    assert cost.flops == 10 * 2 * 8 * (100 + 3)  # of all items the best 3, which are scored again
    assert cost.shuffle_bytes == 10 * (52 * 5 + 36 * 2)
    assert cost.memory_bytes == 100 * 8 * 4


def test_generation__counting_looks_at_neighbours_and_at_every_item() -> None:
    given = settings(sources=["als", "cooccurrence"], fallback="popularity")
    cost = surface_cost(Counts(interactions=50, users=10, items=100), given.surfaces["home"], given)
    candidates = 3 * 3
    by_source = 2 * 8 * (100 + candidates) + (100 + candidates + 5 * 5) + (100 + candidates)
    assert cost.flops == 10 * by_source
    assert cost.pairs == 10 * 100 * 3
    assert (
        cost.memory_bytes == 100 * (8 * 4 + 5 * 8) + 32 * 100 * 4 * 2
    )  # two sources have a row of all items for each subject


@pytest.mark.parametrize(("subject", "subjects"), [("item", 100), ("query", 4)])
def test_generation__subjects_of_each_kind(subject: str, subjects: int) -> None:
    given = settings(subject=subject, sources=["cooccurrence"], mask_seen=False)
    cost = surface_cost(Counts(50, 10, 100, 4), given.surfaces["home"], given)
    assert cost.pairs == subjects * 100


def test_generation__folding_in_costs_a_solution_for_each_user() -> None:
    counts, stored = Counts(50, 10, 100), settings()
    folded = stored.model_copy(update={"als": stored.als.model_copy(update={"store_user_factors": False})})
    more = (
        surface_cost(counts, folded.surfaces["home"], folded).flops
        - surface_cost(counts, stored.surfaces["home"], stored).flops
    )
    assert more == pytest.approx(10 * (5 * 64 + 512 / 3))


def test_memory_is_shared_by_tasks_but_for_their_rows_of_all_items() -> None:
    given = settings(sources=["als", "spectral", "rp3beta"], fallback="popularity")
    shared, task = surface_memory(Counts(50, 10, 100), given.surfaces["home"], given)
    # Vectors of 8, two of 128; five neighbours. Two sources count.
    assert shared == 100 * (32 + 2 * 512 + 40)
    assert task == 32 * 100 * 4 * 2
