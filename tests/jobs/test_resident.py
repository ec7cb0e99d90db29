"""One Spark for many jobs: the same answers and exit codes as with a JVM each."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shortlist.config import CHECKOUT

RESIDENT = CHECKOUT / "infra" / "spark" / "local" / "resident.py"


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # Not tmp_path: a socket's path is at most 107 bytes long.
    with tempfile.TemporaryDirectory(prefix="shortlist.", dir="/tmp") as folder:
        place = Path(folder) / "spark"
        command = [str(CHECKOUT / "infra" / "submit"), str(RESIDENT), "serve", str(place)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
            while not place.exists():
                assert server.poll() is None, server.stderr.read() if server.stderr else ""
                time.sleep(0.2)
            yield place
            server.terminate()


def submit(place: Path, program: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RESIDENT), "submit", str(place), "--master", "local[*]", str(program), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=300
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return tmp_path / "program.py"


def test_a_job_speaks_and_leaves_as_with_its_own_jvm(place: Path) -> None:
    job = CHECKOUT / "jobs" / "build_interactions.py"
    helped = submit(place, job, "--help")
    assert helped.returncode == 0
    assert "usage: build_interactions.py" in helped.stdout
    refused = submit(place, job, "--run-date", "yesterday")
    assert refused.returncode == 2
    assert "error: " in refused.stdout
    assert "--run-date" in refused.stdout


def test_a_missing_input_is_looked_for_in_the_submitters_home(place: Path, tmp_path: Path) -> None:
    job = CHECKOUT / "jobs" / "build_interactions.py"
    lost = submit(place, job, "--run-date", "2017-11-30", SHORTLIST_HOME=str(tmp_path))
    assert lost.returncode == 5
    assert "extract_engagements" in lost.stdout
    assert list(tmp_path.rglob("build_interactions.json"))


def test_jobs_share_one_session_and_nothing_else(place: Path, program: Path) -> None:
    program.write_text(
        "import os, sys\n"
        "from shortlist.warehouse.session import spark_session\n"
        "with spark_session('x') as spark:\n"
        "    print(spark.sparkContext.applicationId, spark.range(10).count(), os.environ.get('SHORTLIST_TEST'))\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    first = submit(place, program, "0", SHORTLIST_TEST="set")
    second = submit(place, program, "4")
    assert (first.returncode, second.returncode) == (0, 4)
    application, count, value = first.stdout.split()
    assert (count, value) == ("10", "set")
    assert second.stdout.split() == [application, "10", "None"]


def test_a_crash_is_a_traceback_and_the_next_job_runs(place: Path, program: Path) -> None:
    program.write_text("raise RuntimeError('broken on purpose')\n")
    crashed = submit(place, program)
    assert crashed.returncode == 1
    assert "RuntimeError: broken on purpose" in crashed.stdout
    program.write_text("print('fine')\n")
    assert submit(place, program).stdout == "fine\n"


def test_the_work_of_a_killed_submitter_is_cancelled(place: Path, program: Path, tmp_path: Path) -> None:
    # Each partition sleeps for a minute: without the cancelling the next job would wait for all of it.
    program.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from shortlist.warehouse.session import spark_session\n"
        "with spark_session('x') as spark:\n"
        f"    Path({str(tmp_path / 'began')!r}).touch()\n"
        "    spark.sparkContext.parallelize(range(8), 8).foreach(lambda _: time.sleep(60))\n"
    )
    command = [sys.executable, str(RESIDENT), "submit", str(place), str(program)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as submitter:
        while not (tmp_path / "began").exists():
            time.sleep(0.1)
        time.sleep(2)
        submitter.kill()
    program.write_text("print('next')\n")
    began = time.monotonic()
    assert submit(place, program).stdout == "next\n"
    assert time.monotonic() - began < 100


def test_a_resident_that_is_gone_is_infrastructure(tmp_path: Path, program: Path) -> None:
    program.write_text("")
    lost = submit(tmp_path / "gone" / "spark", program)
    assert lost.returncode == 5
    assert "next:" in lost.stdout
