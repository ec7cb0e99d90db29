"""An executor that dies in the middle of a fit changes nothing: its blocks are made again, its files are written again."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_a_killed_executor_does_not_change_the_answer(tmp_path: Path) -> None:
    """Slow: two executors of their own, two placements, each fitted twice."""
    program = Path(__file__).with_name("executor_loss.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-4000:]
    expected = {"executors": 2, "victim_is_gone": True, "vectors": 550, "same_bytes": True}
    assert json.loads(done.stdout.splitlines()[-1]) == {"shared": expected, "shuffled": expected}
    assert list((tmp_path / "scratch").iterdir()) == []
