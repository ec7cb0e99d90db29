"""The smoothest directions spread over Spark: the same as in one process, for any blocks, partitions and placement."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from shortlist.config.sources import SpectralSourceConfig
from shortlist.errors import ModelError
from shortlist.models.spectral import fit as spectral
from shortlist.models.spectral.fit import fit_spread
from shortlist.sources.spectral import fit_spectral

USERS, ITEMS = 60, 25
IDS = pa.array([f"i{item:02d}" for item in range(ITEMS)])
# Item 3 was never taken.
TAKEN = np.random.default_rng(5).random((USERS, ITEMS)) < 0.25
TAKEN[:, 3] = False
CONFIG = SpectralSourceConfig(factors=6, oversampling=10, iterations=8)


def pairs(spark: SparkSession, taken: NDArray[np.bool_] = TAKEN) -> DataFrame:
    rows = [(f"u{user:02d}", f"i{item:02d}", 1.0) for user, item in zip(*np.nonzero(taken), strict=True)]
    return spark.createDataFrame(rows, "user_id string, item_id string, weight float")


def fitted(frame: DataFrame, block_pairs: int, folder: Path | None = None) -> NDArray[np.float32]:
    config = CONFIG.model_copy(update={"block_pairs": block_pairs})
    return fit_spread(frame, IDS, TAKEN.sum(axis=0), config, folder)


@pytest.fixture
def one_process() -> NDArray[np.float32]:
    starts = np.concatenate(([0], np.cumsum(TAKEN.sum(axis=1))))
    return fit_spectral((starts, np.nonzero(TAKEN)[1]), ITEMS, CONFIG)


@pytest.mark.parametrize("block_pairs", [10**6, 200, 20])
def test_equals_one_process(spark: SparkSession, one_process: NDArray[np.float32], block_pairs: int) -> None:
    np.testing.assert_allclose(fitted(pairs(spark), block_pairs), one_process, atol=1e-5)


def test_partitions_and_placement_do_not_change_a_bit(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fitted(pairs(spark), 50)
    # Ranges of three items.
    monkeypatch.setattr(spectral, "_RANGE_BYTES", 3 * 8 * 16)
    shuffled = pairs(spark).repartition(5, "item_id")
    assert fitted(shuffled, 50, tmp_path).tobytes() == fitted(shuffled, 50).tobytes() == expected.tobytes()


def test_a_pair_twice_is_refused(spark: SparkSession) -> None:
    twice = pairs(spark).unionByName(pairs(spark).limit(1))
    with pytest.raises(ModelError, match="next:"):
        fitted(twice, 50)
