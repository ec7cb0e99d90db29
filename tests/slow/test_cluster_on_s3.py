"""A night on a standalone cluster, tables and landing on s3://: executors have the keys of their worker, and no others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shortlist.config import load_settings
from shortlist.store.buckets import make_bucket
from shortlist.store.filesystems import is_folder
from shortlist.store.publications import read_history
from tests import tiny
from tests.slow.nights import NIGHT, SURFACES, checked, landed, published, submitted
from tests.slow.seaweed import store_of_this_process, upload
from tests.slow.standalone import WORKERS, Cluster, standalone_cluster

DAYS = tiny.days(tiny.LAST_DAY.replace(day=10), tiny.LAST_DAY)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with store_of_this_process(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


@pytest.fixture(scope="module")
def cluster(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def test_workers_have_the_keys_and_nothing_else_of_the_store(cluster: Cluster) -> None:
    for name in WORKERS:
        environ = Path(f"/proc/{cluster.group(name)}/environ").read_text().split("\0")
        assert {each.partition("=")[0] for each in environ if each.startswith("AWS_")} == {
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        }


def test_a_night_publishes_what_one_machine_publishes_on_a_disk(cluster: Cluster, store: str, tmp_path: Path) -> None:
    here, there = landed(tmp_path / "here", DAYS), landed(tmp_path / "there", DAYS)
    upload(there.landing, f"{store}/cluster/landing")
    there.config.write_text(there.config.read_text().replace(str(there.home), f"{store}/cluster"))
    day = DAYS[-1].isoformat()
    for running in (submitted({}, NIGHT, str(here.home), day), cluster.submit(NIGHT, str(there.home), day)):
        code, said = checked(running)
        assert code == 0, said[-4000:]
    warehouse = load_settings(there.config).paths.warehouse
    assert warehouse.startswith(store)
    served = {name: read_history(f"{warehouse}/publications", name).current[-1].digest for name in SURFACES}
    assert served == published(here, DAYS[-1])


def test_a_bucket_is_made_once(store: str) -> None:
    for _ in range(2):
        make_bucket("another")
    assert is_folder("s3://another")
