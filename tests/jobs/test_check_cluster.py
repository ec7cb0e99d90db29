"""check_cluster: executors that are as the driver is, and what it says of others; the cluster itself is in tests/slow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

import shortlist
from shortlist.config import load_settings
from shortlist.errors import ClusterError
from shortlist.steps.check_cluster import check_cluster, shared_folders, unseen
from shortlist.warehouse.executors import Found, look, problems, required_packages
from tests.jobs.conftest import Deployment, job_main

DRIVER = Found(
    executor="driver",
    python="3.11.7",
    packages={"numpy": "2.4.6", "numba": "0.66.0"},
    threads={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    code="aa",
    kernels="",
    folders={"als.scratch": ""},
)


def test_one_machine_can_run_a_night(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = deployment.home / "scratch"
    shared = [f"--set=als.scratch={scratch}", f"--set=cooccurrence.scratch={scratch}"]
    job_main("check_cluster")(["--config", str(deployment.config), "--executors", "1", *shared])
    assert "local[2]: 1 executor(s) can run a night" in capsys.readouterr().out
    # Nothing is left of it.
    assert [path for folder in (scratch, deployment.home / "warehouse") for path in folder.iterdir()] == []


def test_executors_that_are_missing_are_told_of(spark: SparkSession, deployment: Deployment) -> None:
    with pytest.raises(ClusterError, match=r"1 executor\(s\) answered, 3 are expected; next:"):
        check_cluster(spark, load_settings(deployment.config), expected=3)


def test_a_folder_that_cannot_be_made_is_named(spark: SparkSession, deployment: Deployment) -> None:
    (deployment.home / "file").touch()
    settings = load_settings(deployment.config, [f"als.scratch={deployment.home}/file"])
    with pytest.raises(ClusterError, match=r"driver: als\.scratch: .*/file: .*; next: let it be written"):
        check_cluster(spark, settings)


def test_a_folder_of_the_same_name_on_another_disk_is_named(deployment: Deployment) -> None:
    """Two executors read the driver's word; what one of them answered the driver does not see."""
    scratch = deployment.home / "scratch"
    settings = load_settings(deployment.config, [f"als.scratch={scratch}"])
    with shared_folders(settings, "word") as folders:
        look("driver", [], {setting: str(folder) for setting, folder in folders.items()}, "word")
        for setting, executors in (("paths.warehouse", 2), ("als.scratch", 1)):
            for number in range(executors):
                (folders[setting] / f"worker-{number}").touch()
        assert unseen(folders, 1) == []
        assert unseen(folders, 2) == [
            f"als.scratch: {scratch} has answers of 1 process(es), 2 executor(s) wrote there; next: mount one and the same "
            "folder on the driver and all workers"
        ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"python": "3.11.2"}, "Python 3.11.2 instead of 3.11.7; next: install that one"),
        ({"packages": {"numpy": "2.4.6", "numba": "0.65.0"}}, "numba 0.65.0 instead of 0.66.0; next: install"),
        ({"packages": {"numpy": "", "numba": "0.66.0"}}, "numpy is missing instead of 2.4.6; next: install"),
        (
            {"threads": {**DRIVER.threads, "OMP_NUM_THREADS": ""}},
            "OMP_NUM_THREADS= instead of 1; next: --conf spark.executorEnv.",
        ),
        ({"code": "bb"}, "the project's code is bb instead of aa; next: build it anew with infra/package"),
        (
            {"kernels": "RuntimeError: cannot cache"},
            "cannot be loaded (RuntimeError: cannot cache); next: ship the code",
        ),
        ({"folders": {"als.scratch": "/s: No such file"}}, "als.scratch: /s: No such file; next: mount it there"),
    ],
)
def test_each_difference_is_said_with_what_mends_it(change: dict[str, Any], said: str) -> None:
    assert problems(DRIVER, replace(DRIVER, executor="h:1")) == []
    (problem,) = problems(DRIVER, replace(DRIVER, executor="h:1", **change))
    assert problem.startswith("executor h:1: ")
    assert said in problem


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            "Job aborted (h executor 1):\nModuleNotFoundError: No module named 'shortlist'\n",
            "next: ship the project's code",
        ),
        ("x\nRuntimeError: cannot cache function 'f': no locator", "next: ship the code unpacked"),
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12",
            "next: name a Python of the driver's",
        ),
        ('java.io.IOException: Cannot run program "py": error=2', "next: name a Python that is on every worker"),
        ("java.lang.ClassNotFoundException: org.apache.spark.sql.delta.DeltaLog", "next: put the jars of infra"),
        ("Something else", "asking failed: Something else; next: look into the executor's own log"),
    ],
)
def test_an_executor_that_cannot_answer_is_explained(failure: str, said: str) -> None:
    assert said in str(ClusterError.no_answer("asking", failure))


def test_what_is_compared_is_what_the_extra_names() -> None:
    assert {"numpy", "numba", "pyspark", "deltalake", "pyarrow"} < set(required_packages())
    assert not any("[" in name or ">" in name for name in required_packages())


def test_the_source_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for text in ("a = 1", "a = 1", "a = 2"):
        (tmp_path / "module.py").write_text(text)
        monkeypatch.setattr(shortlist, "__file__", str(tmp_path / "__init__.py"))
        digests.append(look("x", [], {}, "").code)
    assert digests[0] == digests[1] != digests[2]
