"""The pass by hand, and the same lists however subjects are cut into batches and blocks."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from shortlist.blending.fusion import Fusion
from shortlist.config import ExplorationConfig, SurfaceConfig
from shortlist.config.models import AlsConfig
from shortlist.config.sources import AlsSourceConfig, NeighbourListsSourceConfig
from shortlist.errors import ModelError
from shortlist.generation.batches import Reading, rarity_of, read_batch, write_lists
from shortlist.generation.lists import SurfaceItems, list_rules_of
from shortlist.generation.one_pass import OnePass
from shortlist.rules import PAIR_RULES
from shortlist.rules.facts import ItemTraits
from shortlist.sources.als import BesideItems, FoldedUsers, StoredUsers
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.inputs import FoldIn
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer
from shortlist.sources.popularity import PopularityScorer
from shortlist.subjects import SUBJECTS

DAY = date(2017, 11, 30)
ITEMS = pa.array(["a", "b", "c", "d", "e", "f"])
HISTORY = pa.struct(
    [
        ("item_id", pa.string()),
        ("weight", pa.float32()),
        ("last_ts", pa.timestamp("us", "UTC")),
        ("purchases", pa.int32()),
        ("first_purchase_ts", pa.timestamp("us", "UTC")),
        ("last_purchase_ts", pa.timestamp("us", "UTC")),
        ("events", pa.int32()),
        ("hidden", pa.bool_()),
    ]
)
CHANCE = np.random.default_rng(3)
VECTORS = ItemVectors.of(CHANCE.normal(size=(6, 3)).astype(np.float32), np.array([1, 1, 1, 1, 1, 0], np.uint8))
# Neighbours, in a circle: each item's are the next two.
CIRCLE = NeighbourLists.of(
    (np.arange(0, 13, 2), [1, 2, 2, 3, 3, 4, 4, 5, 0, 5, 0, 1]), np.array([0.9, 0.5] * 6, np.float32)
)
USERS = np.array([3, 5, 5, 1, 0, 2], np.float32)
CONFIG = AlsConfig(factors=3, regularization=0.1)


def entry(item: str, weight: float, day: int, hidden: bool = False, bought: tuple[int, ...] = ()) -> dict[str, object]:
    """With the days on which it was bought, the newest last."""
    when = datetime(2017, 11, day, 12, tzinfo=UTC)
    purchases = [when.replace(day=each) for each in bought]
    return {
        "item_id": item,
        "weight": weight,
        "last_ts": when,
        "events": int(weight > 0),
        "hidden": hidden,
        "purchases": len(bought),
        "first_purchase_ts": purchases[0] if bought else None,
        "last_purchase_ts": purchases[-1] if bought else None,
    }


def batch_of(
    histories: dict[str, list[dict[str, object]]], factors: list[list[float] | None] | None = None
) -> pa.RecordBatch:
    columns = {
        "subject_id": pa.array(list(histories)),
        "history": pa.array(list(histories.values()), pa.list_(HISTORY)),
    }
    if factors is not None:
        columns["factors"] = pa.array(factors, pa.list_(pa.float32()))
    return pa.RecordBatch.from_pydict(columns)


def surface(**settings: object) -> SurfaceConfig:
    return SurfaceConfig.model_validate({"subject": "user", "sources": ["als"], "k": 3, **settings})


RARITY = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], np.float32)
READING = Reading(DAY, ITEMS, RARITY, surface())
HISTORIES = {
    "u1": [entry("c", 2.0, 28), entry("a", 1.0, 30)],
    "u2": [entry("b", 1.0, 29), entry("d", 0.0, 30, hidden=True), entry("a", 3.0, 1, hidden=True)],
    "u3": [],
}


class TestReading:
    def test_histories_ascend_and_ages_count_to_the_end_of_the_day(self) -> None:
        batch = read_batch(batch_of(HISTORIES), SUBJECTS["user"], READING)
        assert batch.history_starts.tolist() == [0, 2, 5, 5]
        assert batch.history_items.tolist() == [0, 2, 0, 1, 3]
        assert batch.history["rarity"].tolist() == [0.5, 1.5, 0.5, 1.0, 2.0]
        assert batch.history["weight"].tolist() == [1.0, 2.0, -1.0, 1.0, -1.0]
        assert batch.history["age_days"].tolist() == [0.5, 2.5, 29.5, 1.5, 0.5]
        assert batch.history["position"].tolist() == [0.0, 1.0, 2.0, 1.0, 0.0]
        assert (batch.masked_starts.tolist(), batch.masked_items.tolist()) == ([0, 2, 5, 5], [0, 2, 0, 1, 3])

    def test_a_surface_for_repeat_purchases_masks_only_what_was_hidden(self) -> None:
        repeat = replace(READING, surface=surface(mask_seen=False))
        batch = read_batch(batch_of(HISTORIES), SUBJECTS["user"], repeat)
        assert (batch.masked_starts.tolist(), batch.masked_items.tolist()) == ([0, 0, 2, 2], [0, 3])

    def test_what_a_subject_engaged_with_is_known_of_each_pair(self) -> None:
        """What it only hid is not; with u4, who hid a after engaging with it."""
        histories = {**HISTORIES, "u4": [{**entry("a", 0.0, 30, hidden=True), "events": 2}]}
        batch = read_batch(batch_of(histories), SUBJECTS["user"], READING)
        engaged = [{"a", "c"}, {"a", "b"}, set(), {"a"}]
        subjects, items = np.repeat(np.arange(4), 6), np.tile(np.arange(6, dtype=np.int32), 4)
        expected = [[item in theirs for item in "abcdef"] for theirs in engaged]
        assert batch.engaged(subjects, items).reshape(4, 6).tolist() == expected
        part = batch.slice(1, 4)
        assert part.engaged(subjects[:18], items[:18]).reshape(3, 6).tolist() == expected[1:]
        assert part.slice(1, 2).engaged(subjects[:6], items[:6]).tolist() == [False] * 6

    def test_a_paused_item_is_masked_until_it_is_due(self) -> None:
        """At the end of the 30th 1.5 days have gone by since a purchase on the 29th."""
        took = [entry("a", 1.0, 29, bought=(29,)), entry("b", 1.0, 29, bought=(29,)), entry("c", 1.0, 29)]
        intervals = np.array([3.0, 3.1, np.inf, 1.0, 1.0, 1.0], np.float32)
        paused = replace(READING, surface=surface(mask_seen=False, pause={"share": 0.5}), intervals=intervals)
        batch = read_batch(batch_of({"u": took}), SUBJECTS["user"], paused)
        assert batch.masked_items.tolist() == [1]
        assert batch.masking_rules is not None
        assert [list(PAIR_RULES)[rule] for rule in batch.masking_rules] == ["paused"]
        unknown = replace(paused, intervals=None)  # without intervals nothing that was bought returns
        assert read_batch(batch_of({"u": took}), SUBJECTS["user"], unknown).masked_items.tolist() == [0, 1]

    def test_a_gap_is_the_mean_time_between_purchases(self) -> None:
        took = [entry("a", 1.0, 29, bought=(1, 9, 11)), entry("b", 1.0, 29, bought=(29,)), entry("c", 1.0, 29)]
        batch = read_batch(batch_of({"u": took}), SUBJECTS["user"], READING)
        assert batch.history["gap_days"].tolist() == [5.0, 0.0, 0.0]
        assert batch.history["bought"].tolist() == [1.0, 1.0, 0.0]

    def test_stored_vectors_come_with_their_subjects(self) -> None:
        batch = read_batch(batch_of(HISTORIES, [[1.0, 2.0], None, [3.0, 4.0]]), SUBJECTS["user"], READING)
        stored = batch.vectors["als"]
        assert stored[[0, 2]].tolist() == [[1.0, 2.0], [3.0, 4.0]]
        assert np.isnan(stored[1]).all()

    def test_an_item_is_its_own_history_and_masked(self) -> None:
        batch = read_batch(pa.RecordBatch.from_pydict({"subject_id": ["d", "b"]}), SUBJECTS["item"], READING)
        assert (batch.history_items.tolist(), batch.history["weight"].tolist()) == ([3, 1], [1.0, 1.0])
        assert (batch.masked_starts.tolist(), batch.masked_items.tolist()) == ([0, 1, 2], [3, 1])

    @pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
    def test_weights_that_no_source_can_use_are_refused(self, weight: float) -> None:
        with pytest.raises(ModelError, match="1 weight"):
            read_batch(batch_of({"u": [entry("a", weight, 1)]}), SUBJECTS["user"], READING)

    def test_an_item_without_a_number_is_named(self) -> None:
        with pytest.raises(ValueError, match="item 'z' is not among the 6 items"):
            read_batch(batch_of({"u": [entry("z", 1.0, 1)]}), SUBJECTS["user"], READING)


def one_pass(
    k: int = 3, depth: int = 4, eligible: str = "abcdef", als: FoldedUsers | BesideItems | None = None
) -> OnePass:
    scorers = {
        "als": als or StoredUsers(VECTORS),
        "cooccurrence": NeighbourListsScorer(CIRCLE, NeighbourListsSourceConfig(seeds=2)),
        "popularity": PopularityScorer(USERS),
    }
    flags = np.array([item in eligible for item in "abcdef"], np.uint8)
    return OnePass(scorers, Fusion(("als", "cooccurrence"), "popularity", 60), flags, depth, k)


def rows_of(
    of: OnePass, batch: pa.RecordBatch, kind: str = "user", reading: Reading = READING
) -> list[dict[str, object]]:
    subjects = read_batch(batch, SUBJECTS[kind], reading)  # type: ignore[index]
    made = [
        write_lists(batch["subject_id"].slice(each.first, len(each.left)), each, list(of.scorers), ITEMS)
        for each in of.lists(subjects)
    ]
    return [row for part in made for row in part.to_pylist()]


NAMES = ("als", "cooccurrence", "popularity")


def proposed(row: dict[str, object]) -> list[tuple[str, int, str, float]]:
    """source, rank, item, score: what each source proposed, source after source."""
    found = [
        (number, source, rank, candidate["item_id"], score)
        for candidate in row["scored"]  # type: ignore[attr-defined]
        for number, (source, rank, score) in enumerate(zip(NAMES, candidate["ranks"], candidate["scores"], strict=True))
        if rank is not None
    ]
    return [each[1:] for each in sorted(found)]


def test_a_list_by_hand() -> None:
    # u took a and c; of their neighbours b scores .9, d 2 x .9, e 2 x .5; popular are b, f, d, e. No vector is known of u.
    (row,) = rows_of(one_pass(), batch_of({"u": HISTORIES["u1"]}))
    assert row["eligible_left"] == 4
    assert proposed(row) == [
        ("cooccurrence", 1, "d", pytest.approx(1.8)),
        ("cooccurrence", 2, "e", pytest.approx(1.0)),
        ("cooccurrence", 3, "b", pytest.approx(0.9)),
        ("popularity", 1, "b", 5.0),
        ("popularity", 2, "f", 2.0),
        ("popularity", 3, "d", 1.0),
        ("popularity", 4, "e", 0.0),
    ]
    listed = ("item_id", "source", "sources", "because_item_id")
    assert [tuple(each[key] for key in listed) for each in row["listed"]] == [  # type: ignore[attr-defined]
        ("d", "cooccurrence", ["cooccurrence", "popularity"], "c"),
        ("e", "cooccurrence", ["cooccurrence", "popularity"], "c"),
        ("b", "cooccurrence", ["cooccurrence", "popularity"], "a"),
    ]


def with_rules(traits: ItemTraits, k: int = 3, related_by: NDArray[np.int32] | None = None, **rules: object) -> OnePass:
    """The pass of lists of k with rules, of items a to f."""
    unused = np.zeros(6, np.float32)
    items = SurfaceItems(ITEMS, np.ones(6, np.uint8), unused, traits, unused, related_by=related_by)
    return replace(one_pass(), apply_list_rules=list_rules_of(surface(k=k, **rules), items), k=k)


def test_what_rules_took_is_counted() -> None:
    """u2 engaged with b and hid d and a; of c, e, f, which are left, a list may hold one of e and f."""
    categories = np.array([0, 0, 1, 1, 2, 2], np.int32)
    capped = with_rules(replace(ItemTraits.none(6), categories=categories), max_per_category=1)
    (row,) = rows_of(capped, batch_of({"u": HISTORIES["u2"]}))
    assert [each["item_id"] for each in row["listed"]] == ["c", "f"]  # type: ignore[attr-defined]
    assert dict(row["removed"]) == {"hidden": 2, "seen": 1, "max_per_category": 1}  # type: ignore[call-overload]
    removed_by = {each["item_id"]: each["removed_by"] for each in row["scored"]}  # type: ignore[attr-defined]
    assert removed_by == {"c": None, "e": "max_per_category", "f": None}
    # What may not be shown to anybody is not counted.
    (row,) = rows_of(replace(capped, eligible=np.array([0, 1, 1, 0, 1, 1], np.uint8)), batch_of({"u": HISTORIES["u2"]}))
    assert dict(row["removed"]) == {"seen": 1, "max_per_category": 1}  # type: ignore[call-overload]


def test_all_sources_say_what_they_know_of_each_candidate() -> None:
    """f, which popularity proposed, is no neighbour of what u took; als has no vector of u and says nothing."""
    (row,) = rows_of(one_pass(), batch_of({"u": HISTORIES["u1"]}))
    found = {each.pop("item_id"): each for each in row["scored"]}  # type: ignore[attr-defined]
    assert sorted(found) == ["b", "d", "e", "f"]
    assert found["b"] == {
        "score": pytest.approx(1 / 63),
        "removed_by": None,
        "ranks": [None, 3, 1],
        "scores": [None, pytest.approx(0.9), 5.0],
        "contributions": [0.0, pytest.approx(1 / 63), 0.0],
    }
    assert (found["f"]["ranks"], found["f"]["scores"]) == ([None, None, 2], [None, 0.0, 2.0])


class Explaining:
    """A scorer that says why by what it was asked."""

    wide = False

    def __init__(self, items: str, reason: int) -> None:
        self.items, self.reason, self.asked = items, reason, list[str]()

    def prepare(self, batch: SubjectBatch) -> None:
        """Nothing."""

    def propose(
        self, batch: SubjectBatch, prepared: None, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The same items for everybody."""
        found = np.full((batch.size, count), -1, np.int32)
        found[:, : len(self.items)] = ["abcdef".index(item) for item in self.items]
        return found

    def score(self, batch: SubjectBatch, prepared: None, candidates: CandidateSet) -> NDArray[np.float32]:
        """The same for all."""
        return np.zeros(len(candidates.items), np.float32)

    def explain(self, batch: SubjectBatch, prepared: None, chosen: CandidateSet) -> NDArray[np.int32]:
        """Its reason; none for f."""
        self.asked += ["abcdef"[item] for item in chosen.items]
        return np.where(chosen.items == 5, -1, self.reason).astype(np.int32)


def test_the_reason_is_that_of_the_winner_and_no_other_source_is_asked() -> None:
    """first ranks a, f and d before c; second ranks c first, then f and d. first wins f and d and names nothing for f; what
    second would name there is not what first's sentence speaks of.
    """
    first, second = Explaining("afdc", 1), Explaining("cfd", 2)
    pass_ = OnePass(
        {"first": first, "second": second}, Fusion(("first", "second"), None, 60), np.ones(6, np.uint8), 4, 3
    )
    (row,) = rows_of(pass_, batch_of({"u": HISTORIES["u3"]}))
    reasons = {each["item_id"]: (each["source"], each["because_item_id"]) for each in row["listed"]}  # type: ignore[attr-defined]
    assert reasons == {"c": ("second", "c"), "f": ("first", None), "d": ("first", "b")}
    assert (first.asked, second.asked) == (["d", "f"], ["c"])


def test_a_draw_without_random_numbers_is_refused() -> None:
    drawing = replace(one_pass(), exploration=ExplorationConfig(slots=1, pool=2))
    with pytest.raises(ValueError, match="the subjects have no random numbers"):
        rows_of(drawing, batch_of({"u": HISTORIES["u1"]}))


def test_nothing_eligible_is_an_empty_list() -> None:
    (row,) = rows_of(one_pass(eligible=""), batch_of({"u": HISTORIES["u1"]}))
    assert (row["eligible_left"], row["scored"], row["listed"]) == (0, [], [])


def test_beside_an_item_lie_its_neighbours_and_it_is_never_its_own() -> None:
    rows = rows_of(one_pass(als=BesideItems(VECTORS)), pa.RecordBatch.from_pydict({"subject_id": ["a", "d"]}), "item")
    assert [row["eligible_left"] for row in rows] == [5, 5]
    by_baskets = {
        (row["subject_id"], item) for row in rows for source, _, item, _ in proposed(row) if source == "cooccurrence"
    }
    assert by_baskets == {("a", "b"), ("a", "c"), ("d", "e"), ("d", "f")}
    assert all(row["subject_id"] != each["item_id"] for row in rows for each in row["listed"])  # type: ignore[attr-defined]


def many(count: int) -> pa.RecordBatch:
    chance = np.random.default_rng(5)
    histories = {}
    for user in range(count):
        took = chance.choice(6, chance.integers(0, 4), replace=False)
        histories[f"u{user:03d}"] = [
            entry("abcdef"[item], float(chance.integers(1, 9)), 1 + user % 30) for item in took
        ]
    vectors = [chance.normal(size=3).astype(np.float32).tolist() if user % 3 else None for user in range(count)]
    return batch_of(histories, vectors)


def folding() -> FoldedUsers:
    known = np.where(VECTORS.known[:, None] > 0, VECTORS.vectors, 0).astype(np.float32)
    return FoldedUsers(FoldIn.of(known, CONFIG), CONFIG, AlsSourceConfig())


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize(("wide", "narrow"), [(1, 1), (3, 2), (1024, 32)])
def test_batches_and_blocks_do_not_change_a_bit(size: int, wide: int, narrow: int) -> None:
    batch = many(50)
    expected = rows_of(one_pass(als=folding()), batch)
    cut = replace(one_pass(als=folding()), wide_subjects=wide, narrow_subjects=narrow)
    assert [row for first in range(0, 50, size) for row in rows_of(cut, batch.slice(first, size))] == expected
    # Stored and folded in: everybody who took something with a vector is served by als.
    served = {row["subject_id"] for row in expected if any(source == "als" for source, *_ in proposed(row))}
    assert len(served) > 40


def test_a_vector_is_the_stored_one_where_there_is_one() -> None:
    took = [entry("a", 4.0, 1)]
    (stored,) = rows_of(one_pass(als=folding()), batch_of({"u": took}, [[1.0, 0.0, 0.0]]))
    (folded,) = rows_of(one_pass(als=folding()), batch_of({"u": took}, [None]))
    (absent,) = rows_of(one_pass(), batch_of({"u": took}, [None]))
    by_als = [
        {item: score for source, _, item, score in proposed(row) if source == "als"} for row in (stored, folded, absent)
    ]
    assert by_als[0] == {item: pytest.approx(VECTORS.vectors["abcdef".index(item), 0]) for item in "bcde"}
    assert by_als[1].keys() == by_als[0].keys()
    assert by_als[1] != by_als[0]
    assert by_als[2] == {}


def test_what_als_lists_is_explained_by_als_alone() -> None:
    """Beside an item by the item; of a user by an item that the user took, whether the vector is stored or folded in."""
    alone = OnePass({"als": BesideItems(VECTORS)}, Fusion(("als",), None, 60), np.ones(6, np.uint8), 4, 4)
    (row,) = rows_of(alone, pa.RecordBatch.from_pydict({"subject_id": ["a"]}), "item")
    cosines = VECTORS.vectors @ VECTORS.vectors[0]
    for each in row["listed"]:  # type: ignore[attr-defined]
        assert each["because_item_id"] == ("a" if cosines["abcdef".index(each["item_id"])] > 0 else None)
    for stored in ([0.3, 1.0, -0.5], None):
        batch = batch_of({"u": [entry("a", 4.0, 1), entry("b", 4.0, 1)]}, [stored])
        (row,) = rows_of(replace(alone, scorers={"als": folding()}), batch)
        # y_j' A^-1 4 y_i times rarity, by numpy in float64: c -.13 by a, 1.54 by b; d .11, -1.47; e .004, 1.04.
        reasons = {each["item_id"]: each["because_item_id"] for each in row["listed"]}  # type: ignore[attr-defined]
        assert reasons == {"c": "b", "d": "a", "e": "b"}
    by_likeness = replace(alone, scorers={"als": StoredUsers(VECTORS)})
    (row,) = rows_of(by_likeness, batch_of({"u": [entry("a", 4.0, 1), entry("b", 4.0, 1)]}, [[0.3, 1.0, -0.5]]))
    likeness = VECTORS.vectors[2:5] @ VECTORS.vectors[:2].T * RARITY[:2]
    for each in row["listed"]:  # type: ignore[attr-defined]
        nearest = likeness["cde".index(each["item_id"])]
        assert each["because_item_id"] == ("ab"[nearest.argmax()] if nearest.max() > 0 else None)


def test_rarity_of__by_hand() -> None:
    """Items of 1, 4 and 0 users; nobody's item counts as one person's."""
    np.testing.assert_allclose(rarity_of(np.log1p([1, 4, 0])), np.log([5, 1.25, 5]), rtol=1e-6)
    assert rarity_of(np.zeros(0, np.float32)).tolist() == []
