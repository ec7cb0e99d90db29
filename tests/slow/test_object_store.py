"""Warehouse, landing, manifests and reports on s3://, against a real server: SeaweedFS, started by this file."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import deltalake
import pytest

from infra.benchmarks import chaos
from infra.benchmarks._chaos_account import judge
from shortlist.cli import doctor
from shortlist.cli.verify import do_repairs, verify
from shortlist.config import Settings, load_settings
from shortlist.store.filesystems import files_below, read_whole, remove_file, write_whole
from shortlist.store.manifests import read_manifest
from shortlist.store.publications import read_history
from tests import tiny
from tests.faults.places import WAREHOUSE
from tests.published import publish
from tests.slow.java import JARS, JAVA, class_path, compile_program
from tests.slow.nights import SURFACES
from tests.slow.seaweed import BUCKET, object_store, store_of_this_process, upload, without_conditions

CHECKOUT: Final = Path(__file__).parents[2]
PUBLICATIONS: Final = int(os.environ.get("SHORTLIST_PUBLICATIONS", "8"))
DAY: Final = date(2017, 11, 30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty bucket; this process and all that it starts find it by their environment."""
    with store_of_this_process(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    """A program to its end, with this process's environment."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def nights(store: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Settings]:
    """The same night on a disk and on s3://, each in a process of its own; the settings of both."""
    disk, remote = (tmp_path_factory.mktemp(name) for name in ("disk", "remote"))
    tiny.write_landing(disk / "landing")
    upload(disk / "landing", f"{store}/night/landing")
    (disk / "settings.yaml").write_text(tiny.settings(disk))
    text = tiny.settings(remote).replace(str(remote), f"{store}/night")
    (remote / "settings.yaml").write_text(text)
    for home in (disk, remote):
        ended = run(sys.executable, "-m", "tests.faults.night", str(home), tiny.LAST_DAY.isoformat())
        assert ended.returncode == 0, ended.stderr[-4000:]
    return load_settings(disk / "settings.yaml"), load_settings(remote / "settings.yaml")


def published(settings: Settings, surface: str) -> Any:
    """What readers of a surface are served."""
    return read_history(f"{settings.paths.warehouse}/publications", surface).current[-1]


def test_a_night_on_s3_publishes_what_the_same_night_on_a_disk_does(nights: tuple[Settings, Settings]) -> None:
    disk, remote = nights
    assert remote.paths.warehouse.startswith("s3://")
    for surface in SURFACES:
        there, here = published(remote, surface), published(disk, surface)
        assert (there.run_date, there.digest, there.rows) == (here.run_date, here.digest, here.rows)
        assert there.rows > 0


def test_manifests_and_reports_of_a_night_on_s3_are_there(nights: tuple[Settings, Settings]) -> None:
    _, remote = nights
    manifest = read_manifest(remote.paths.manifests, tiny.LAST_DAY, "publish_candidates")
    assert sorted(each.surface for each in manifest.publications) == sorted(SURFACES)
    report = read_manifest(remote.paths.manifests, tiny.LAST_DAY, "write_report")
    assert report.report == f"{remote.paths.reports}/{tiny.LAST_DAY}.html"
    assert b"homefeed" in read_whole(report.report)
    assert "index.html" in files_below(f"{remote.paths.reports}/checks/{tiny.LAST_DAY}")
    assert not list(CHECKOUT.glob("s3*"))


def test_verify_finds_nothing_wrong_with_a_night_on_s3(nights: tuple[Settings, Settings]) -> None:
    _, remote = nights
    found = verify(remote, None, every=True)
    assert [each for each in found["findings"] if each["wrong"]] == []
    assert {"publications", "engagements", *(f"candidates_{surface}" for surface in SURFACES)} <= set(found["tables"])
    assert found["days"] == len(SURFACES)


DAMAGE: Final = {
    "missing_file": "{table}/run_date={day}/{data}",
    "truncated_file": "{table}/run_date={day}/{data}",
    "unreadable_file": "{table}/run_date={day}/{data}",
    "zero_byte_commit": "{table}/_delta_log/00000000000000000003.json",
    "missing_commit": "{table}/_delta_log/00000000000000000001.json",
    "broken_checkpoint": "{table}/_delta_log/00000000000000000002.checkpoint.parquet",
    "orphan_files": "{table}/run_date={day}/part-nobody.parquet",
}


@pytest.fixture
def copied(store: str, tmp_path: Path) -> tuple[Settings, str]:
    """Settings of a warehouse in the bucket with two published days and a checkpoint; the URL of its candidates."""
    home = tmp_path / "home"
    for day in (DAY - timedelta(days=1), DAY):
        publish(home / "warehouse", "homefeed", day, {"u1": "ab", "u2": "bc"})
    deltalake.DeltaTable(str(home / "warehouse" / "candidates_homefeed")).create_checkpoint()
    url = f"{store}/{tmp_path.name}"
    upload(home / "warehouse", f"{url}/warehouse")
    (tmp_path / "settings.yaml").write_text(tiny.settings(tmp_path).replace(str(tmp_path), url))
    return load_settings(tmp_path / "settings.yaml"), f"{url}/warehouse/candidates_homefeed"


def test_verify_looks_at_a_whole_warehouse_on_s3(copied: tuple[Settings, str]) -> None:
    found = verify(copied[0], None, every=True)
    assert (found["ok"], found["findings"], found["days"]) == (True, [], 2)


def test_the_doctor_tries_the_store(copied: tuple[Settings, str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = copied[0]
    before = files_below(settings.paths.warehouse).keys()
    assert doctor.s3_jars(doctor.S3_JARS, JARS) == doctor.Line("jars for s3", True, "36 with the right sha256")
    assert doctor.puts("manifests", settings.paths.manifests).ok
    assert doctor.conditional_commits(settings.paths.warehouse).says == "0 of 12 commits of 4 writers at once are lost"
    assert files_below(settings.paths.warehouse).keys() == before
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    for line in (
        doctor.puts("manifests", settings.paths.manifests),
        doctor.conditional_commits(settings.paths.warehouse),
    ):
        assert (line.ok, line.code, "credentials in the environment" in line.mend) == (False, 5, True)


def test_the_doctor_finds_out_a_store_that_looks_at_no_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        object_store(tmp_path, locked=False) as environment,
        without_conditions(environment["AWS_ENDPOINT_URL"]) as url,
    ):
        for name, value in {**environment, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        line = doctor.conditional_commits(f"s3://{BUCKET}/warehouse")
    assert (line.ok, line.says.startswith("0 of")) == (False, False)
    assert line.says.endswith("of 12 commits of 4 writers at once are lost")
    assert "If-None-Match" in line.mend


@pytest.mark.parametrize("kind", DAMAGE)
def test_verify_finds_on_s3_what_it_finds_on_a_disk(copied: tuple[Settings, str], kind: str) -> None:
    settings, table = copied
    (data,) = [name.rsplit("/", 1)[1] for name in files_below(table) if name.startswith(f"run_date={DAY}/")]
    path = DAMAGE[kind].format(table=table, day=DAY, data=data)
    if kind.startswith("missing"):
        remove_file(path)
    elif kind == "truncated_file":
        write_whole(path, read_whole(path)[:-10])
    elif kind == "unreadable_file":
        write_whole(path, bytes(len(read_whole(path))))
    else:
        write_whole(path, b"" if kind == "zero_byte_commit" else b"PAR1")
    assert kind in {each["kind"] for each in verify(settings, "homefeed", every=True)["findings"]}


def test_repair_on_s3_moves_an_empty_commit_aside(copied: tuple[Settings, str]) -> None:
    settings, table = copied
    write_whole(f"{table}/_delta_log/{3:020}.json", b"")
    done = do_repairs(settings, "homefeed", datetime.now(UTC).timestamp())
    assert (done["ok"], [each["file"] for each in done["done"]]) == (True, [f"{table}/_delta_log/{3:020}.json"])
    moved = done["done"][0]["moved_to"]
    assert moved == f"{settings.paths.warehouse}/.aside/candidates_homefeed/{3:020}.json.0"
    assert read_whole(moved) == b""
    assert verify(settings, "homefeed", every=True)["findings"] == []


@pytest.fixture(scope="module")
def two_writers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs TwoWriters.java."""
    folder = compile_program("TwoWriters", class_path(), tmp_path_factory.mktemp("classes"))
    return [JAVA, "-cp", class_path(folder), "TwoWriters"]


CONNECTOR: Final = ("fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem", "fs.s3a.path.style.access=true")
# The connector then puts without looking first, so that only the condition of the put stands between two writers.
WITHOUT_LOOKING: Final = "fs.s3a.performance.flags=create"


@pytest.mark.parametrize(
    ("log_store", "settings", "said"),
    [
        ("shortlist.ConditionalLogStore", (), ["refused", "the other's"]),
        ("shortlist.ConditionalLogStore", (WITHOUT_LOOKING,), ["refused", "the other's"]),
        # Why ours is there: Delta's own takes the other's commit away, and says that all is well.
        ("io.delta.storage.S3SingleDriverLogStore", (), ["acknowledged", "ours"]),
    ],
)
def test_a_commit_that_came_between_is_kept(
    store: str, two_writers: list[str], log_store: str, settings: Sequence[str], said: list[str]
) -> None:
    commit = f"{store}/two/{log_store}{len(settings)}/_delta_log/{7:020}.json"
    endpoint = f"fs.s3a.endpoint={os.environ['AWS_ENDPOINT_URL']}"
    ended = run(*two_writers, log_store, commit, *CONNECTOR, endpoint, "fs.s3a.endpoint.region=us-east-1", *settings)
    assert ended.stdout.splitlines() == said, ended.stderr[-3000:]
    assert read_whole(commit).decode().splitlines() == said[1:]


def test_two_publishers_killed_at_random_lose_nothing_and_double_nothing(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SHORTLIST_PUBLICATIONS says how many; few by default."""
    monkeypatch.setenv(WAREHOUSE, f"{store}/{tmp_path.name}/warehouse")
    orders = chaos.schedule(PUBLICATIONS, seed=11)
    account, readers = chaos.soak(tmp_path, orders)
    facts = judge(tmp_path, orders, account, readers)
    print({name: facts[name] for name in ("kills", "kills_inside", "fenced", "days", "versions", "reads")})
    assert facts["broken"] == [], (tmp_path / "publishers.log").read_text()[-6000:]
