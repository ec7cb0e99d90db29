"""Engine `spark`: every placement gives the factors of engine `local`, and its blocks hold what they were made from."""

import logging
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.models.als import spark as als_spark
from shortlist.models.als.blocks import BLOCK, Side, blocks_in, counted, item_side, user_side
from shortlist.models.als.fit import fit
from shortlist.models.arrays.blocks import count_blocks

USERS, ITEMS = 90, 40
Sides = tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]


def dense() -> NDArray[np.float32]:
    """Signed weights: two kinds of users with two kinds of items, some chance, a few hides."""
    random = np.random.default_rng(5)
    likes = np.where((np.arange(USERS)[:, None] + np.arange(ITEMS)) % 2 == 0, 0.35, 0.05)
    weights = np.where(random.random((USERS, ITEMS)) < likes, random.random((USERS, ITEMS)) * 3 + 0.25, 0)
    hides = random.random((USERS, ITEMS)) < 0.02
    return np.where(hides, -1.0, weights).astype(np.float32)


def interactions(spark: SparkSession) -> DataFrame:
    held = dense()
    rows = [
        (f"user {u:02d}", f"item {i:02d}", max(0.0, float(held[u, i])), bool(held[u, i] < 0))
        for u, i in zip(*np.nonzero(held), strict=True)
    ]
    schema = "user_id string, item_id string, weight float, hidden boolean"
    return spark.createDataFrame(rows, schema).repartition(3, "item_id")


def config(engine: str, **more: object) -> AlsConfig:
    given = {"engine": engine, "factors": 6, "regularization": 0.02, "epochs": 3, "block_rows": 3000, "seed": 2, **more}
    return AlsConfig.model_validate(given)


def fitted(frame: DataFrame, settings: AlsConfig, start: DataFrame | None = None) -> Sides:
    with fit(frame, settings, start) as model:
        users, items = (
            {row["id"]: np.array(row["factors"], np.float32) for row in side.collect()}
            for side in (model.user_factors, model.item_factors)
        )
    return users, items


def assert_same(found: Sides, expected: Sides) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        largest = max(float(np.abs(vector).max()) for vector in other.values())
        assert max(float(np.abs(one[name] - other[name]).max()) for name in other) < 2e-5 * largest


def best_of(items: dict[str, NDArray[np.float32]], user: NDArray[np.float32]) -> list[str]:
    """The ten best items of a user."""
    return sorted(items, key=lambda item: -float(user @ items[item]))[:10]


def overlap(found: Sides, expected: Sides) -> float:
    """Mean share of the ten best items that two models agree on."""
    lists = ([set(best_of(model[1], model[0][user])) for model in (found, expected)] for user in expected[0])
    return float(np.mean([len(one & other) / 10 for one, other in lists]))


@pytest.fixture(scope="module")
def rows(_spark: SparkSession) -> DataFrame:
    return interactions(_spark)


@pytest.fixture(scope="module")
def local(rows: DataFrame) -> Sides:
    return fitted(rows, config("local"))


@pytest.mark.parametrize(
    "more",
    [
        {"placement": "shared"},
        {"placement": "shared", "block_rows": 10**6},
        {"placement": "shuffled"},
        {"placement": "shuffled", "block_rows": 60},
    ],
    ids=str,
)
def test_placement__equals_local(rows: DataFrame, local: Sides, more: dict[str, object]) -> None:
    assert_same(fitted(rows, config("spark", **more)), local)


def test_placement_shared__through_broadcasts(rows: DataFrame, local: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(als_spark, "scratch_folder", lambda *_: nullcontext())
    assert_same(fitted(rows, config("spark", placement="shared")), local)
    with pytest.raises(ModelError, match=r"shuffled: it keeps factors in a folder that every task sees"):
        fit(rows, config("spark", placement="shuffled"))


def test_exact_steps_and_warm_start__equal_local(rows: DataFrame) -> None:
    with fit(rows.where("item_id < 'item 30'"), config("local", seed=9)) as earlier:
        start = earlier.item_factors
        expected = fitted(rows, config("local", cg_steps=None, nu=0.5), start)
        for placement in ("shared", "shuffled"):
            found = fitted(rows, config("spark", cg_steps=None, nu=0.5, placement=placement), start)
            assert_same(found, expected)


def test_warm_start__of_another_length_is_said_and_left(rows: DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    with fit(rows, config("local", factors=5, epochs=1)) as earlier, caplog.at_level("INFO", logger="shortlist.als"):
        fitted(rows, config("local", epochs=1), earlier.item_factors)
    assert "vectors have length [5], not 6: starting anew" in caplog.text


def test_objective__is_logged_and_equal(rows: DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="shortlist.als"):
        users, items = fitted(rows, config("local"))
        fitted(rows, config("spark", placement="shared"))
        fitted(rows, config("spark", placement="shuffled"))
    logged = [float(found) for found in re.findall(r"objective ([-+.e\d]+)", caplog.text)]
    for engine in (logged[3:6], logged[6:]):
        assert engine == pytest.approx(logged[:3], rel=1e-5)
    # By hand, dense, in float64: what the last epoch reports is the objective of the factors that were given back.
    held = dense().astype(np.float64)
    kept_users = [u for u in range(USERS) if (held[u] != 0).any()]
    x = np.array([users.get(f"user {u:02d}", np.zeros(6)) for u in kept_users], np.float64)
    y = np.array([items[f"item {i:02d}"] for i in range(ITEMS)], np.float64)
    held = held[kept_users]
    misses = np.abs(held) * ((held > 0) - x @ y.T) ** 2
    strengths = [0.02 * ((held != 0).sum(axis) + held.shape[axis] / 8) for axis in (1, 0)]
    penalties = sum((s * (side**2).sum(1)).sum() for s, side in zip(strengths, (x, y), strict=True))
    assert logged[2] == pytest.approx(misses.sum() + ((x @ y.T) ** 2).sum() / 8 + penalties, rel=1e-4)


def test_sampled__everyone_in_the_sample_is_the_same_model(rows: DataFrame, local: Sides) -> None:
    users, items = fitted(rows, config("spark", placement="sampled"))
    assert_same((users, items), (users, local[1]))
    # Users are folded into the final items: exactly where local's last half-step would go next.
    assert users.keys() == local[0].keys()
    assert overlap((users, items), local) > 0.85


def test_sampled__half_the_users_give_nearly_the_same_lists(rows: DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    whole = fitted(rows, config("spark", placement="shared", factors=2, epochs=6))
    with caplog.at_level("INFO", logger="shortlist.als"):
        half = fitted(
            rows, config("spark", placement="sampled", factors=2, epochs=6, sampled_users=55, sampled_users_per_item=6)
        )
    taken = re.search(r"sample: (\d+) of 90 users", caplog.text)
    assert taken is not None
    assert 25 < int(taken[1]) < 75
    assert half[0].keys() == whole[0].keys()
    # 36 of 90 users: the planted kinds are found, and two thirds of each list, of which chance decides the order within.
    own = [
        np.mean([int(item[5:]) % 2 == int(user[5:]) % 2 for item in best_of(half[1], x)]) for user, x in half[0].items()
    ]
    assert np.mean(own) > 0.9
    assert overlap(half, whole) > 0.6


def test_placement__is_refused_with_every_number(rows: DataFrame) -> None:
    with pytest.raises(ModelError) as error:
        fit(rows, config("spark", shared_gigabytes=1e-7))
    for part in ("shared: an executor would hold", "sampled: ", "shuffled: ", "als.shared_gigabytes is 1e-07"):
        assert part in str(error.value)


def test_scratch__holds_nothing_when_the_model_is_given_back(rows: DataFrame, tmp_path: Path) -> None:
    for placement in ("shared", "shuffled"):
        model = fit(rows, config("spark", epochs=1, placement=placement, scratch=str(tmp_path / "scratch")))
        with model:
            assert model.user_factors.count() == len(dense())
            assert list((tmp_path / "scratch").glob("shortlist-*"))
        assert list((tmp_path / "scratch").iterdir()) == []


def matrix_of(side: Side, columns: int) -> tuple[list[str], NDArray[np.float32]]:
    found: dict[int, tuple[list[str], NDArray[np.float32]]] = {}
    for block in blocks_in(side.blocks.toArrow().to_batches()):
        shape = (len(block.ids), columns)
        values = sp.csr_matrix((block.weights, block.indices, block.indptr), shape=shape)
        assert values.has_sorted_indices
        found[block.number] = (block.ids.to_pylist(), values.toarray())
    assert list(side.ranges) == sorted(found)
    return [name for number in sorted(found) for name in found[number][0]], np.vstack(
        [found[n][1] for n in sorted(found)]
    )


@pytest.mark.parametrize("partitions", [1, 7])
def test_blocks__hold_the_matrix_both_ways(spark: SparkSession, partitions: int) -> None:
    held = dense()
    pairs = [(f"u{u:02d}", f"i{i:02d}", float(held[u, i])) for u, i in zip(*np.nonzero(held), strict=True)]
    frame = spark.createDataFrame(pairs, "user_id string, item_id string, weight float").repartition(partitions)
    ids = [f"i{i:02d}" for i in range(ITEMS)]
    shared = spark.sparkContext.broadcast(pa.array(ids))
    users = user_side(frame, shared, 5)
    entries = (held != 0).sum(0).astype(np.int64)
    items = item_side(users, shared, entries, 4)
    names, by_user = matrix_of(users, ITEMS)
    assert sorted(names) == [f"u{u:02d}" for u in range(USERS)]
    order = [int(name[1:]) for name in names]
    assert np.array_equal(by_user, held[order])
    item_names, by_item = matrix_of(items, USERS)
    assert item_names == ids
    assert np.array_equal(by_item, held[order].T)
    assert (users.count, items.count, users.entries, items.entries) == (USERS, ITEMS, len(pairs), len(pairs))
    assert len(users.ranges) == 5
    assert 1 < len(items.ranges) <= 4


@pytest.mark.parametrize(("entries", "blocks"), [(1, 1), (100, 2), (500, 8), (1000, 8), (8001, 9), (10**9, 65_535)])
def test_count_blocks(entries: int, blocks: int) -> None:
    assert count_blocks(entries, 1000) == blocks


def test_blocks_that_are_refused_are_not_kept(spark: SparkSession) -> None:
    blocks = spark.createDataFrame([(0, b"", bytes(16), b"", b"", 0, 1, 1)], BLOCK)
    with pytest.raises(ModelError, match="NaN, infinite or negative"):
        counted("users", blocks)
    assert not blocks.storageLevel.useMemory
