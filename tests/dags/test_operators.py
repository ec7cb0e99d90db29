"""What a job's exit means to Airflow; with the real spark-submit and programs of a few lines in place of jobs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from shortlist_airflow.exits import describe_exit, may_be_tried_again
from shortlist_airflow.operators import SubmitJob

LEAVES_WITH = """\
import sys
print("some output")
print("error: the thing\\n  its value\\nnext: the step", file=sys.stderr)
sys.exit({code})
"""


def job(program: Path) -> SubmitJob:
    """A task that submits a program instead of a job of this checkout."""
    task = SubmitJob(job="train_als", task_id=program.stem)
    task.application = str(program)
    task.application_args = []
    return task


def submit(tmp_path: Path, code: int) -> None:
    """Run a program that leaves with a code, as a task would."""
    program = tmp_path / "leave.py"
    program.write_text(LEAVES_WITH.format(code=code))
    context: Any = {"ds": "2017-11-30"}
    job(program).execute(context)


def test_zero_is_success(tmp_path: Path) -> None:
    assert submit(tmp_path, 0) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("code", "error", "meaning"),
    [
        (2, AirflowFailException, "wrong use or settings"),
        (3, AirflowFailException, "a check held it"),
        (4, AirflowFailException, "fenced by a newer attempt"),
        (5, AirflowException, "infrastructure"),
        (70, AirflowFailException, "a fault of the program, look at the traceback"),
        (1, AirflowException, "spark-submit could not start it"),
        (53, AirflowException, "Spark broke off"),
        (99, AirflowFailException, "an exit code that no job has, look at its output"),
        (255, AirflowFailException, "an exit code that no job has, look at its output"),
    ],
)
def test_an_exit_code_is_translated(tmp_path: Path, code: int, error: type[Exception], meaning: str) -> None:
    with pytest.raises(AirflowException) as raised:
        submit(tmp_path, code)
    # The exact type decides whether Airflow tries again.
    assert raised.type is error
    assert str(raised.value) == f"{meaning} (exit {code})\nerror: the thing\nits value\nnext: the step"


def test_the_last_error_is_quoted_and_spark_is_not() -> None:
    lines = ["error: an older one", "", "error: the thing", "its value", "23:59:59 WARN Foo: bar", "more"]
    assert describe_exit(3, lines) == "a check held it (exit 3)\nerror: the thing\nits value"


@pytest.mark.parametrize(("code", "signal"), [(-9, 9), (-6, 6), (137, 9), (143, 15)])
def test_a_job_that_was_killed_says_by_what_and_is_tried_again(code: int, signal: int) -> None:
    assert may_be_tried_again(code)
    assert describe_exit(code, ["one", "two"]) == (
        f"ended by signal {signal} (exit {code})\nit left no `error:` line; its last output:\none\ntwo"
    )


FAILS = {
    # No Java begins: its machine has too little memory just now, or was told to take too much.
    "no memory for Java": ("pass", ["--driver-memory", "900000g"], 1),
    "no folder for Spark's files": (
        "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()",
        ["--conf", "spark.local.dir=/proc/nowhere"],
        53,
    ),
    "driver killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", [], 137),
    "Java killed": (
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)",
        [],
        -signal.SIGKILL,
    ),
}


@pytest.mark.parametrize("name", FAILS)
def test_infrastructure_that_fails_below_a_job_is_tried_again(tmp_path: Path, name: str) -> None:
    text, options, code = FAILS[name]
    program = tmp_path / "fail.py"
    program.write_text(text)
    ended = subprocess.run(["spark-submit", *options, str(program)], capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr[-2000:]
    assert may_be_tried_again(code)


def test_a_job_whose_program_is_wrong_is_final(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(
        "from shortlist.config.arguments import run_main\ndef main(_):\n    {}['nothing']\nrun_main(main)\n"
    )
    context: Any = {"ds": "2017-11-30"}
    with pytest.raises(AirflowFailException, match=r"look at the traceback \(exit 70\)\nerror: unforeseen KeyError"):
        job(program).execute(context)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    return true()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
def test_a_killed_task_leaves_no_jvm_and_no_driver(tmp_path: Path) -> None:
    pids, program = tmp_path / "pids", tmp_path / "sleep.py"
    program.write_text(
        "import os, pathlib, sys, time\n"
        "place = pathlib.Path(sys.argv[0]).with_name('pids')\n"
        "place.with_suffix('.new').write_text(f'{os.getpid()} {os.getppid()}')\n"
        "place.with_suffix('.new').rename(place)\n"
        "time.sleep(600)\n"
    )
    # A process of its own stands for Airflow's task process, which has this variable.
    task = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from tests.dags.test_operators import job; job(pathlib.Path(sys.argv[1])).execute({'ds': ''})",
            str(program),
        ],
        env={**os.environ, "AIRFLOW_CTX_TASK_ID": "sleep"},
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until(pids.exists, 120)
        driver, jvm = (int(pid) for pid in pids.read_text().split())
        assert alive(driver)
        assert alive(jvm)
        task.send_signal(signal.SIGKILL)
        assert wait_until(lambda: not alive(driver) and not alive(jvm), 30)
    finally:
        task.kill()
        task.wait()
