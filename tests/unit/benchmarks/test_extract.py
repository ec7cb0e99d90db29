"""What the benchmark of extraction makes of its figures; none is measured here."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from infra.benchmarks import extract as bench
from infra.benchmarks._measuring import descendants


def test_the_heap_is_what_collections_left() -> None:
    log = (
        "[0.9s][info][gc] Using Serial\n"
        "[1.0s][info][gc] GC(0) Pause Young (Allocation Failure) 512M->120M(1024M) 12ms\n"
        "[2.0s][info][gc] GC(1) Pause Full (Metadata GC Threshold) 1G->2048K(2G) 9ms\n"
    )
    assert bench.heap_after(log) == 120
    assert bench.heap_after("") == 0


def test_growth_is_judged_against_the_rows() -> None:
    small = bench.Measured("json", 1000, 10.0, 5.0, 100.0, 500.0, 90.0, 1, 1000)
    large = replace(small, rows=10_000, seconds=120.0, driver_heap_mb=120.0)
    verdict = "json, 10.0 times the rows: 12.0 times the seconds (linear), 1.20 times the heap (flat)"
    assert bench.verdicts([small, large]) == [verdict]
    worse = replace(large, seconds=126.0, driver_heap_mb=126.0)
    assert "12.6 times the seconds (NOT LINEAR), 1.26 times the heap (NOT FLAT)" in bench.verdicts([small, worse])[0]
    assert bench.verdicts([small]) == []
    assert bench.verdicts([small, replace(large, format="csv")]) == []


def test_the_table_states_speed_and_the_ratio_to_the_copy() -> None:
    line = bench.table([bench.Measured("json", 1000, 10.0, 4.0, 100.0, 500.0, 90.0, 3, 2_500_000)]).splitlines()[1]
    assert line.split() == ["json", "1,000", "10.0", "100", "2.50", "100", "500", "90", "3", "2.5"]


def test_only_the_processes_below_are_looked_at() -> None:
    """Also one that another thread began, as a JVM begins Python."""
    with ThreadPoolExecutor(1) as thread:
        child = thread.submit(subprocess.Popen, ["sleep", "60"]).result()
        try:
            assert child.pid in set(descendants(os.getpid()))
            assert os.getppid() not in set(descendants(os.getpid()))
        finally:
            child.kill()
            child.wait()


def test_a_deployment_of_its_own_is_valid_settings(tmp_path: Path) -> None:
    from shortlist.config import load_settings

    (tmp_path / "s.yaml").write_text(bench.settings(tmp_path, 200_000, "parquet"))
    loaded = load_settings(tmp_path / "s.yaml")
    assert (loaded.synthetic.events_per_day, loaded.synthetic.users) == (200_000, 10_000)
    assert loaded.extraction.feeds["engagements"].format == "parquet"
    assert loaded.paths.warehouse == f"{tmp_path}/warehouse"
