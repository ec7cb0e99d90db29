"""No surprise at night: `python -m shortlist.kernels` compiles all that the kernels ever need."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_kernels__what_is_warmed_is_all_that_is_needed(tmp_path: Path) -> None:
    cache, arrays = tmp_path / "cache", tmp_path / "arrays"
    arrays.mkdir()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, check=True, capture_output=True, text=True, cwd=tmp_path
        )
        return done.stdout

    run("-m", "shortlist.kernels")
    warmed = {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}
    assert len(warmed) > 10
    found = json.loads(run(str(Path(__file__).with_name("every_kernel.py")), str(arrays)))
    assert found["equal"]
    # The loops that Python calls; those that they call are compiled into them.
    entered = {"scan_tile", "write_ranked", "count_baskets", "list_baskets", "cooccurrence_rows",
               "conjugate_gradient", "solve_exactly", "observed_loss", "best_of_rows", "best_of_entries", "first_allowed",
               "union_rows", "proposal_ranks", "gathered_products", "gathered_values", "own_values", "largest_products",
               "standard_scores", "tied_ranks", "best_first", "weighted_sum", "take_turns", "cut_lists",
               "list_worth"}  # fmt: skip
    assert {name: found["signatures"][name] for name in entered} == dict.fromkeys(entered, 1)
    assert {name: misses for name, misses in found["misses"].items() if misses} == {}
    assert {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.nb?")} == warmed


def test_kernels__what_warms_them_lies_within_its_arrays() -> None:
    """A compiled loop that reads beyond an array reads whatever is there, or ends the process; an interpreted one says so."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "shortlist.kernels"], env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
