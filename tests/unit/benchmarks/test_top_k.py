"""What the benchmark of top-k makes of its figures; none is measured here."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.benchmarks import top_k as bench
from infra.benchmarks._measuring import Memory


def test_ratios_are_of_warm_times_of_one_set_and_size() -> None:
    warm = {
        ("pinterest", "stored"): 2.0,
        ("pinterest", "mllib"): 30.0,
        ("pinterest", "implicit"): 4.0,
        ("syn-1m", "mllib"): 9.0,
    }
    done = [
        bench.Measured(name, engine, 64, 10, 99.0, seconds, Memory(), 7) for (name, engine), seconds in warm.items()
    ]
    assert list(bench.ratios(done)) == [
        "pinterest d=64: 15.00 (MLlib, unmasked / ours, masked; to be >= 8)",
        "pinterest d=64: 0.50 (ours / implicit; to be <= 1.5)",
    ]


def test_agreement_counts_pairs_whatever_their_order(tmp_path: Path) -> None:
    lists = {
        "stored": [("u1", "a"), ("u1", "b"), ("u2", "a")],
        "implicit": [("u2", "a"), ("u1", "b"), ("u1", "c"), ("u2", "b")],
    }
    for engine, rows in lists.items():
        (tmp_path / engine).mkdir()
        subjects, items = zip(*rows, strict=True)
        pq.write_table(pa.table({"subject_id": subjects, "item_id": items}), tmp_path / engine / "part.parquet")
    assert bench.agreement(tmp_path) == 0.5
