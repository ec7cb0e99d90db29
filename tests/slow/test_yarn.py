"""A YARN cluster on this machine: nodes have the packages and not the project, an executor is killed on the way."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests import tiny
from tests.slow.nights import SURFACES, checked, landed, published, require_equal_night
from tests.slow.yarn import YarnCluster, yarn_cluster

WEEK = tiny.days(date(2017, 11, 10), date(2017, 11, 16))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YarnCluster]:
    with yarn_cluster(tmp_path_factory.mktemp("yarn")) as started:
        yield started
        assert started.processes() == []


def check(cluster: YarnCluster, home: Path, *arguments: str) -> tuple[int, str]:
    """What check_cluster leaves with, and says."""
    return checked(cluster.submit(*arguments, "--config", str(landed(home, WEEK).config)))


def test_the_cluster_is_found_ready(cluster: YarnCluster, tmp_path: Path) -> None:
    code, said = check(cluster, tmp_path, "jobs/check_cluster.py", "--executors", "2")
    assert code == 0, said
    assert "yarn: 2 executor(s) can run a night" in said


def test_what_a_node_lacks_is_said_before_a_night(cluster: YarnCluster, tmp_path: Path) -> None:
    code, said = check(cluster, tmp_path, "--conf", "spark.executorEnv.PYTHONPATH=elsewhere", "jobs/check_cluster.py")
    assert code == 2, said
    assert "No module named 'shortlist'; next: ship the project's code with --archives (infra/package)" in said


def test_a_night_that_loses_an_executor_publishes_what_one_machine_publishes(
    cluster: YarnCluster, tmp_path: Path
) -> None:
    there = require_equal_night(cluster.submit, cluster.lose_executor, tmp_path, WEEK)
    assert set(published(there, WEEK[-1])) == set(SURFACES)
