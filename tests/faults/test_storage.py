"""Disks that are full or read-only at a step of a publication: yesterday is served, the same attempt run again ends it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
FULL, READ_ONLY = "No space left on device", "Read-only file system"
FAULTS = {
    "full while staging": (FULL, "2017-11-01", "2017-11-02", 0),
    "full while committing": (FULL, "2017-11-02", "2017-11-03", 0),
    "full while announcing": (FULL, "2017-11-03", "2017-11-04", 120),
    "read-only": (READ_ONLY, "2017-11-04", "2017-11-05", 0),
    "read-only log": (READ_ONLY, "2017-11-05", "2017-11-06", 0),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What tests/faults/storage.py found, fault by fault."""
    home = tmp_path_factory.mktemp("storage")
    trial = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", str(home)]
    if shutil.which("unshare") is None or subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk, not even in a namespace of its own")
    ran = subprocess.run(
        [*OWN_MOUNTS, sys.executable, "-m", "tests.faults.storage", str(home)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    facts: Mapping[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert facts.keys() == FAULTS.keys()
    return facts


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_takes_nothing_costs_nothing(outcomes: Mapping[str, Any], fault: str) -> None:
    reason, yesterday, today, newest = FAULTS[fault]
    met = outcomes[fault]
    assert met["code"] == 5
    assert reason in met["said"]
    assert "next: " in met["said"]
    # Readers get yesterday whole; the newest version has the whole day or nothing of it; then the same attempt ends it.
    assert (met["served"], met["newest"], met["again"], met["found"]) == (yesterday, newest, today, [])
