"""Costs of lists by hand: counts that are small enough to be multiplied on paper."""

import numpy as np
import pyarrow as pa
import pytest

from shortlist.blending.slots import Filled
from shortlist.config import Settings
from shortlist.config.sources import InterestsSourceConfig, SourcesConfig
from shortlist.generation.batches import write_lists
from shortlist.generation.costs import (
    Counts,
    generation_cost,
    preparing_cost,
    scoring_cost,
    surface_cost,
    surface_memory,
)
from shortlist.generation.one_pass import Lists
from shortlist.models.costs import Cost, spectral_cost
from shortlist.rules import LIST_RULES, PAIR_RULES
from shortlist.sources.batch import CandidateSet


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
    assert cost.shuffle_bytes == 10 * (52 * 5 + 100 * 2 + 3 * (36 + 12))
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


def test_generation__each_interest_has_its_own_products() -> None:
    given = settings(sources=["interests"]).model_copy(
        update={"sources": SourcesConfig(interests=InterestsSourceConfig(most=4))}
    )
    cost = surface_cost(Counts(interactions=50, users=10, items=100), given.surfaces["home"], given)
    assert cost.pairs == 10 * 100 * 4
    # Five items of the history, in four interests that are solved one by one.
    assert cost.flops == pytest.approx(10 * (4 * 2 * 8 * (100 + 3) + 5 * 64 + 4 * 512 / 3))


def test_generation__bytes_are_those_of_what_is_sent() -> None:
    """Of 4 subjects with 30 candidates of three sources and 10 items on the list, ids of 8 letters."""
    subjects, candidates, k, names = 4, 30, 10, ["als", "user_neighbours", "category_affinity"]
    everything = subjects * candidates
    listed = np.flatnonzero(np.arange(everything) % candidates < k)
    items = np.tile(np.arange(candidates, dtype=np.int32), subjects)
    ranks = np.where(np.arange(3)[:, None] == np.arange(everything) % 3, np.int32(1), np.int32(0))
    scores, nobody, none = np.ones((3, everything)), np.full(len(listed), -1, np.int32), np.zeros(len(listed), np.int8)
    filled = Filled(listed, np.arange(subjects + 1) * k, none, np.ones(len(listed)))
    lists = Lists(
        0, CandidateSet(np.arange(subjects + 1) * candidates, items), ranks, scores.astype(np.float32), scores[0], scores,
        np.full(everything, -1, np.int8), filled, listed, listed % 3, items[listed], nobody, nobody, nobody.astype(np.int8),
        np.zeros(subjects, np.int64), np.zeros((len(PAIR_RULES) + len(LIST_RULES), subjects), np.int32),
    )  # fmt: skip
    sent = write_lists(pa.array(["u"] * subjects), lists, names, pa.array([f"{i:08}" for i in range(candidates)]))
    given = settings(sources=names, k=k, depth=10)
    # Nobody took anything.
    counted = surface_cost(Counts(0, subjects, candidates), given.surfaces["home"], given).shuffle_bytes
    assert counted == pytest.approx(sent.nbytes, rel=0.1)


def test_memory_is_shared_by_tasks_but_for_their_rows_of_all_items() -> None:
    given = settings(sources=["als", "spectral", "rp3beta"], fallback="popularity")
    shared, task = surface_memory(Counts(50, 10, 100), given.surfaces["home"], given)
    # Vectors of 8, two of 128; five neighbours. Two sources count.
    assert shared == 100 * (32 + 2 * 512 + 40)
    assert task == 32 * 100 * 4 * 2


def test_histories_are_gathered_once_and_a_basis_is_made_once_for_all_surfaces() -> None:
    counts, given = Counts(50, 10, 100), settings(sources=["als", "spectral"])
    home, related = given.surfaces["home"], settings(subject="item", sources=["cooccurrence"]).surfaces["home"]
    three = given.model_copy(update={"surfaces": {"home": home, "other": home, "related": related}})
    basis = spectral_cost(50, 10, 100, given.sources.spectral)
    assert basis.flops > 0
    shared = preparing_cost(counts, three, three.surfaces)
    assert shared == Cost(basis.pairs, basis.flops, basis.shuffle_bytes + 52 * 50, basis.memory_bytes)
    # An item's history is the item itself.
    assert preparing_cost(counts, three, ["related"]) == Cost()
    assert preparing_cost(counts, settings(), ["home"]) == Cost(shuffle_bytes=52 * 50)
    passes = 2 * surface_cost(counts, home, three).flops + surface_cost(counts, related, three).flops
    assert generation_cost(counts, three).flops == passes + basis.flops


def test_scoring_of_some_subjects_is_their_share_of_the_pass_but_for_what_is_sent_back() -> None:
    counts, given = Counts(50, 10, 100), settings(sources=["als", "cooccurrence"], fallback="popularity")
    surface = given.surfaces["home"]
    some, everybody = scoring_cost(4, counts, surface, given), surface_cost(counts, surface, given)
    assert some.pairs == 0.4 * everybody.pairs
    assert some.flops == pytest.approx(0.4 * everybody.flops)
    assert some.shuffle_bytes == 4 * 52 * 5
    assert some.memory_bytes == everybody.memory_bytes
