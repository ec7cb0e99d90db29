"""Warehouse, landing, manifests and reports on s3://, against a real server: SeaweedFS, started by this file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow import fs, parquet

from infra.benchmarks import chaos
from infra.benchmarks._chaos_account import judge
from shortlist.cli import doctor
from shortlist.cli.verify import do_repairs, verify
from shortlist.config import Settings, load_settings
from shortlist.landing.folders import Landing
from shortlist.store.delta_log import read_log
from shortlist.store.filesystems import files_below, filesystem, move_file, read_whole, remove_file, write_whole
from shortlist.store.inspection import inspect_log
from shortlist.store.manifests import read_manifest
from shortlist.store.publications import read_history
from shortlist.store.published_days import broken_files
from tests import tiny
from tests.faults.places import WAREHOUSE
from tests.names import NAMES
from tests.slow.java import JARS, JAVA, class_path, compile_program
from tests.slow.nights import SURFACES
from tests.slow.seaweed import BUCKET, object_store, store_of_this_process, upload, without_conditions
from tests.unit.cli.conftest import D2, D3
from tests.unit.cli.damage import DAMAGES
from tests.unit.cli.harms import checkpoint, publish_three_days, train

CHECKOUT: Final = Path(__file__).parents[2]
PUBLICATIONS: Final = int(os.environ.get("SHORTLIST_PUBLICATIONS", "8"))


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


@pytest.mark.parametrize("name", NAMES)
def test_a_file_on_s3_is_found_by_its_name(store: str, name: str) -> None:
    root = f"{store}/names/{NAMES.index(name)}"
    write_whole(f"{root}/{name}", b"{}")
    system, _ = filesystem(store)
    listed = system.get_file_info(fs.FileSelector(root.removeprefix("s3://")))
    assert [info.base_name for info in listed] == [name]
    assert list(files_below(root)) == [name]
    assert read_whole(f"{root}/{name}") == b"{}"
    move_file(f"{root}/{name}", f"{root}/moved {name}")
    assert list(files_below(root)) == [f"moved {name}"]
    remove_file(f"{root}/moved {name}")
    assert files_below(root) == {}


def test_data_on_s3_is_found_whatever_its_partitions_are_called(store: str) -> None:
    """A landed Delta table, whose log escapes what its folders escape already; and a stranger beside its files."""
    landing = Landing(f"{store}/odd", "_SUCCESS")
    table, values = landing.folder("log", D2), [name.rpartition(".")[0] for name in NAMES]
    write_deltalake(table, pa.table({"kind": values, "v": [1] * len(values)}), partition_by=["kind"])
    files = landing.listing("log", [D2], "delta").files
    assert sorted(dict(file.folder_values)["kind"] or "" for file in files) == sorted(values)
    system, _ = landing.system()
    assert [parquet.read_metadata(system.open_input_file(file.path)).num_rows for file in files] == [1] * len(values)
    assert broken_files(table, DeltaTable(table)) == []
    assert [each.kind for each in inspect_log("odd", table, read_log(table), None)] == []
    for name in NAMES:
        write_whole(f"{table}/{name}.parquet", b"no version names it")
    (found,) = inspect_log("odd", table, read_log(table), None)
    assert (found.kind, found.says.split()[0]) == ("orphan_files", str(len(NAMES)))


@pytest.fixture
def three_days(tmp_path: Path) -> Settings:
    """Settings of a warehouse on a disk, in which three days of a surface are published."""
    publish_three_days(tmp_path / "warehouse")
    (tmp_path / "shortlist.yaml").write_text(tiny.settings(tmp_path))
    return load_settings(tmp_path / "shortlist.yaml")


def copy_to_store(store: str, home: Path) -> Settings:
    """Settings of a copy of a deployment, in the bucket below its folder's name."""
    url = f"{store}/{home.name}"
    upload(home, url)
    copied = home / "copied.yaml"
    copied.write_text(tiny.settings(home).replace(str(home), url))
    return load_settings(copied)


def test_verify_looks_at_a_whole_warehouse_on_s3(store: str, three_days: Settings, tmp_path: Path) -> None:
    for day in (D2, D3):
        train(tmp_path / "warehouse", day)
    checkpoint(tmp_path / "warehouse")
    found = verify(copy_to_store(store, tmp_path), None, every=True)
    assert (found["ok"], found["findings"], found["days"], found["models"]) == (True, [], 3, 2)


@pytest.mark.parametrize("name", DAMAGES)
def test_verify_and_repair_on_s3_find_and_mend_what_they_do_on_a_disk(
    store: str, three_days: Settings, tmp_path: Path, name: str
) -> None:
    damage, now = DAMAGES[name], datetime.now(UTC).timestamp() + 3600
    damage.harm(tmp_path / "warehouse")
    copy = copy_to_store(store, tmp_path)

    def comparable(facts: Any) -> Any:
        """Without what libraries say of a broken file, which they do in brackets, and of this deployment's paths."""
        for finding in [*facts.get("findings", ()), *facts.get("left", ())]:
            finding["says"] = finding["says"].partition(" (")[0]
        return json.loads(json.dumps(facts).replace(str(tmp_path), f"{store}/{tmp_path.name}"))

    found = verify(copy, None, every=True)
    assert damage.kind in {each["kind"] for each in found["findings"]}
    assert comparable(found) == comparable(verify(three_days, None, every=True))
    mended = do_repairs(copy, None, now)
    assert bool(mended["done"]) is damage.mended
    assert comparable(mended) == comparable(do_repairs(three_days, None, now))
    assert contents(copy.paths.warehouse) == contents(three_days.paths.warehouse)


def contents(root: str) -> dict[str, bytes]:
    """Every file of a warehouse but locks."""
    return {name: read_whole(f"{root}/{name}") for name in files_below(root) if not name.startswith(".locks/")}


def test_the_doctor_tries_the_store(
    store: str, three_days: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = copy_to_store(store, tmp_path)
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


@pytest.fixture(scope="module")
def two_writers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs TwoWriters.java."""
    folder = compile_program("TwoWriters", class_path(), tmp_path_factory.mktemp("classes"))
    return [JAVA, "-cp", class_path(folder), "TwoWriters"]


CONNECTOR: Final = ("fs.s3.impl=org.apache.hadoop.fs.s3a.S3AFileSystem", "fs.s3a.path.style.access=true")
# The connector then puts without looking first, so that only the condition of the put stands between two writers.
WITHOUT_LOOKING: Final = "fs.s3a.performance.flags=create"


OURS: Final = "shortlist.ConditionalLogStore"


@pytest.mark.parametrize(
    ("log_store", "other", "settings", "said"),
    [
        (OURS, "the other's", (), "refused"),
        (OURS, "the other's", (WITHOUT_LOOKING,), "refused"),
        # As long as ours.
        (OURS, "othr", (WITHOUT_LOOKING,), "refused"),
        # What is found of a put of one's own whose answer was lost and that is sent again.
        (OURS, "ours", (), "acknowledged"),
        (OURS, "ours", (WITHOUT_LOOKING,), "acknowledged"),
    ],
)
def test_a_commit_that_came_between_is_kept(
    store: str, two_writers: list[str], log_store: str, other: str, settings: Sequence[str], said: str
) -> None:
    assert write_beside(store, two_writers, log_store, other, settings) == [said, other]


def test_the_log_store_of_delta_loses_a_commit_that_came_between(store: str, two_writers: list[str]) -> None:
    """Why ours is there: the other's commit is taken away, and all is said to be well."""
    log_store = "io.delta.storage.S3SingleDriverLogStore"
    assert write_beside(store, two_writers, log_store, "the other's", ()) == ["acknowledged", "ours"]


def write_beside(
    store: str, two_writers: Sequence[str], log_store: str, other: str, settings: Sequence[str]
) -> list[str]:
    """What became of a commit through a log store while another was put, and which is there."""
    commit = f"{store}/two/{log_store}-{other}-{len(settings)}/_delta_log/{7:020}.json".replace(" ", "-").replace(
        "'", ""
    )
    endpoint = f"fs.s3a.endpoint={os.environ['AWS_ENDPOINT_URL']}"
    named = (*CONNECTOR, endpoint, "fs.s3a.endpoint.region=us-east-1", *settings)
    ended = run(*two_writers, log_store, commit, other, *named)
    said = ended.stdout.splitlines()
    assert said[1:] == read_whole(commit).decode().splitlines(), ended.stderr[-3000:]
    return said


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
