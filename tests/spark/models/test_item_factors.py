"""Items shared with all tasks: the same arrays by files and by broadcast, in the order of their ids, and gone at the end."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.models.als.item_factors import ItemFactors, SharedItems
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.arrays.shared_arrays import MappedArrays, SharedArrays, share_arrays

VECTORS = {"d": (0.0, 0.0), "a": (3.0, 4.0), "c": (-1.0, 0.0), "b": (0.6, 0.8)}


def factors(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(list(VECTORS.items()), "id string, factors array<float>").repartition(3)


@pytest.fixture(params=["files", "broadcast"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "files" else None


def test_vectors_follow_the_order_of_ids(spark: SparkSession, folder: Path | None) -> None:
    items = SharedItems(factors(spark), folder)
    assert isinstance(items.fitted, MappedArrays) == (folder is not None)
    found = items.fitted.value
    assert found.ids.to_pylist() == ["a", "b", "c", "d"]
    assert found.vectors.tolist() == [list(map(np.float32, VECTORS[name])) for name in "abcd"]
    assert items.unit_length.value.vectors == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8], [-1, 0], [0, 0]]))
    assert items.fitted.value.vectors.tolist() == found.vectors.tolist()


def test_the_basis_is_that_of_all_items(spark: SparkSession, folder: Path | None) -> None:
    items = SharedItems(factors(spark), folder)
    basis, rotated = items.basis(0.5)
    vectors = items.fitted.value.vectors
    turned = rotated.value.vectors
    assert rotated.value.ids.equals(items.ids)
    assert turned == pytest.approx(vectors @ basis.rotation, abs=1e-6)
    # Y'Y / 2 is diagonal there.
    assert turned.T @ turned / 2 == pytest.approx(np.diag(basis.spectrum), abs=1e-5)
    assert items.basis(0.5)[1] is rotated


def test_no_items(spark: SparkSession, folder: Path | None) -> None:
    items = SharedItems(factors(spark).limit(0), folder)
    assert len(items.ids) == 0
    assert items.unit_length.value.vectors.shape[0] == 0


def test_arrays_by_files_are_those_by_broadcast(spark: SparkSession, folder: Path | None) -> None:
    given = ItemFactors(pa.array(["b", "a"]), np.array([[1.0, 0.5], [0.25, 0.0]], np.float32).T)
    shared: SharedArrays[ItemFactors] = share_arrays(spark, folder, given)
    assert isinstance(shared, MappedArrays) == (folder is not None)
    assert shared.value.ids.to_pylist() == ["b", "a"]
    assert shared.value.vectors.tolist() == [[1.0, 0.25], [0.5, 0.0]]


def test_a_shared_folder_is_seen_by_tasks_and_gone_at_the_end(spark: SparkSession, tmp_path: Path) -> None:
    with scratch_folder(spark, str(tmp_path / "made")) as folder:
        assert folder is not None
        held = SharedItems(factors(spark), folder).fitted
        ids = spark.range(1, numPartitions=1).mapInArrow(
            lambda batches: (batch.set_column(0, "id", held.value.ids.slice(0, 1)) for batch in batches), "id string"
        )
        assert [row["id"] for row in ids.collect()] == ["a"]
        # One file of ids, one of vectors: what the tasks wrote is put together and removed.
        assert len(list(folder.iterdir())) == 2
    assert list((tmp_path / "made").iterdir()) == []


def test_a_shared_folder_of_one_machine_is_on_sparks_own_disk(spark: SparkSession) -> None:
    own = spark.sparkContext.getConf().get("spark.local.dir")
    with scratch_folder(spark, None) as folder:
        assert folder is not None
        assert folder.parent == Path(own or "")
    assert not folder.exists()
