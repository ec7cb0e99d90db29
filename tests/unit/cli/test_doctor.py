"""Each line of the doctor but those of feeds: seen right, and seen wrong with its mend."""

import hashlib
import importlib.metadata
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shortlist.cli import doctor as looks
from shortlist.cli import spark_jobs
from shortlist.cli.doctor import Line
from shortlist.cli.installed import beyond_bounds
from shortlist.config import job_program
from tests.published import publish
from tests.unit.cli.conftest import D3, LISTS, Shortlist
from tests.unit.cli.landed import LINE, land

NOW = datetime(2017, 12, 1, tzinfo=UTC)


def java(home: Path, version: str) -> Path:
    """A Java as far as one looks at it."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch(mode=0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.mark.parametrize(("version", "ok"), [("17.0.12", True), ("21.0.1", False), ("1.8.0_292", False)])
def test_java_of_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, ok: bool) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "jdk", version)))
    line = looks.java_version()
    assert (line.ok, version in line.says, bool(line.mend)) == (ok, True, not ok)


def test_java_home_without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    line = looks.java_version()
    assert not line.ok
    assert "has no bin/java" in line.says
    assert line.mend.startswith("unset JAVA_HOME")


def test_java_without_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(java(tmp_path / "old", "11.0.1") / "bin"))
    monkeypatch.setattr(looks, "_debian_javas", list)
    assert "found 11.0.1" in looks.java_version().says
    newer = java(tmp_path / "new", "17.0.1") / "bin" / "java"
    monkeypatch.setattr(looks, "_debian_javas", lambda: [newer])
    assert looks.java_version().ok
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(looks, "_debian_javas", list)
    assert "found no java" in looks.java_version().says


def test_a_java_that_only_tells_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\" 2023' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert looks.java_version() == Line("java", True, f"17.0.9 ({program})")


def test_packages(tmp_path: Path) -> None:
    import polars

    lock = tmp_path / "jobs.txt"
    lock.write_text(f"polars=={polars.__version__} \\\n    --hash=sha256:0\n    # via x\n")
    assert looks.packages(lock) == Line("packages", True, "1 as locked")
    lock.write_text("polars==0.0.1 \\\nno-such-thing[extra]==1.2 \\\n")
    line = looks.packages(lock)
    assert not line.ok
    assert f"polars {polars.__version__} instead of 0.0.1, no-such-thing is missing instead of 1.2" in line.says
    assert "infra/test unit" in line.mend
    lock.write_text("")
    assert not looks.packages(lock).ok


def test_the_environment_of_the_tests_is_as_locked() -> None:
    assert looks.packages(looks.LOCK).ok
    assert looks.python_version().ok


def test_jars(tmp_path: Path) -> None:
    sums, folder = tmp_path / "sums", tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"a")
    sums.write_text(f"{hashlib.sha256(b'a').hexdigest()}  a.jar\n{hashlib.sha256(b'b').hexdigest()}  b.jar\n")
    assert "b.jar is missing" in looks.jars(sums, folder).says
    (folder / "b.jar").write_bytes(b"tampered with")
    line = looks.jars(sums, folder)
    assert (line.ok, line.says) == (False, "b.jar has another sha256 than the list states")
    (folder / "b.jar").write_bytes(b"b")
    assert looks.jars(sums, folder) == Line("jars", True, "2 with the right sha256")
    assert not looks.jars(sums, None).ok


def test_a_wheel_s_packages_are_held_to_its_bounds(tmp_path: Path) -> None:
    asked = [
        'pyspark[ml,sql]<4.2,>=4.1.4; extra == "jobs"',
        'numba<0.67,>=0.66.0; extra == "jobs"',
        'polars<3,>=2.1.0; extra == "jobs"',
        'apache-airflow<3.4,>=3.3.2; extra == "airflow"',
    ]
    installed = {"pyspark": "4.1.4", "numba": "0.66.1", "polars": "2.10"}
    assert beyond_bounds(asked, installed.get) == (3, [])
    wrong = {"pyspark": "4.2.0", "numba": "0.65.9+local.7"}
    assert beyond_bounds(asked, wrong.get) == (
        3,
        [
            "pyspark 4.2.0, wanted <4.2,>=4.1.4",
            "numba 0.65.9+local.7, wanted <0.67,>=0.66.0",
            "polars is missing, wanted <3,>=2.1.0",
        ],
    )
    # Those of the project itself, in the environment of the tests.
    line = looks.packages(tmp_path / "no lock")
    assert (line.ok, line.mend) == (True, ""), line
    assert "within bounds" in line.says


def test_a_wheel_s_jars_are_looked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "jars"
    folder.mkdir()
    version = importlib.metadata.version("delta-spark")
    line = looks.jars(tmp_path / "no list", folder)
    assert (line.ok, line.says) == (False, f"delta-spark_*-{version}.jar, delta-storage-{version}.jar missing")
    for name in (f"delta-spark_4.1_2.13-{version}.jar", f"delta-storage-{version}.jar", "hadoop-client-api-3.4.2.jar"):
        (folder / name).touch()
    assert looks.jars(tmp_path / "no list", folder).ok
    monkeypatch.setattr(looks, "S3_JARS", tmp_path / "no list")
    assert looks.s3_jars(looks.S3_JARS, folder).says == "hadoop-aws-3.4.2.jar missing"
    (folder / "hadoop-aws-3.4.2.jar").touch()
    assert "shortlist-log-store.jar is missing" in looks.s3_jars(looks.S3_JARS, folder).says


def test_jars_for_s3(tmp_path: Path) -> None:
    sums, folder = tmp_path / "sums", tmp_path / "jars"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"a")
    sums.write_text(f"{hashlib.sha256(b'a').hexdigest()}  a.jar\n")
    line = looks.s3_jars(sums, folder)
    assert line == Line(
        "jars for s3", False, "shortlist-log-store.jar is missing, so Spark would lose commits", line.mend
    )
    assert line.mend == "infra/setup --object-store"
    (folder / "shortlist-log-store.jar").touch()
    assert looks.s3_jars(sums, folder) == Line("jars for s3", True, "1 with the right sha256")
    (folder / "a.jar").unlink()
    assert "a.jar is missing" in looks.s3_jars(sums, folder).says


def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORTLIST_MIN_FREE_GB", "0")
    assert looks.free_disk("warehouse", tmp_path / "not" / "yet").ok
    monkeypatch.setenv("SHORTLIST_MIN_FREE_GB", "99999999")
    line = looks.free_disk("warehouse", tmp_path)
    assert (line.ok, line.code, bool(line.mend)) == (False, 5, True)


def test_writing(tmp_path: Path) -> None:
    assert looks.writable("warehouse", tmp_path / "not" / "yet").ok
    (tmp_path / "file").touch()
    line = looks.writable("warehouse", tmp_path / "file")
    assert (line.ok, line.code) == (False, 5)
    assert "Not a directory" in line.says
    assert "paths.warehouse" in line.mend


def test_warehouse_and_clock(tmp_path: Path) -> None:
    assert [
        line.says.endswith("nothing is published yet") for line in looks.warehouse_reachable(str(tmp_path), NOW)
    ] == [True]
    publish(tmp_path, "homefeed", D3, LISTS)
    assert [(line.name, line.ok) for line in looks.warehouse_reachable(str(tmp_path), NOW)] == [
        ("warehouse", True),
        ("clock", True),
    ]
    _, clock = looks.warehouse_reachable(str(tmp_path), datetime(1970, 1, 1, tzinfo=UTC))
    assert (clock.ok, clock.says) == (False, "1970-01-01 00:00 UTC, before the last publication")
    (tmp_path / "publications" / "_delta_log" / f"{0:020}.json").write_text("{")
    (broken,) = looks.warehouse_reachable(str(tmp_path), NOW)
    assert (broken.ok, "shortlist verify" in broken.mend) == (False, True)


def fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has all it needs, whatever the one that tests has."""
    for name in ("java_version", "jars"):
        monkeypatch.setattr(looks, name, lambda *_, name=name: Line(name, True, "fine"))
    monkeypatch.setenv("SHORTLIST_MIN_FREE_GB", "0")


def lines(facts: Any) -> dict[str, bool]:
    return {line["name"]: line["ok"] for line in facts["lines"]}


def test_the_whole(home: Path, warehouse: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch) -> None:
    fine(monkeypatch)
    land(home, "engagements", "part.json", LINE)
    publish(warehouse, "homefeed", D3, LISTS)
    answer = shortlist("doctor", "--json")
    assert (answer.code, answer.facts["ok"]) == (0, True)
    assert set(lines(answer.facts)) == {
        *("python", "java_version", "packages", "jars", "settings", "warehouse", "clock"),
        *("landing engagements", "mapping engagements"),
        *("writing warehouse", "writing reports", "writing manifests", "disk of warehouse", "disk of temporary files"),
    }
    assert "nothing is wrong" in shortlist("doctor").out


@pytest.mark.parametrize(
    ("harm", "name", "code"),
    [
        (lambda patch: patch.setattr(looks, "PYTHON", (2, 7)), "python", 2),
        (lambda patch: patch.setenv("SHORTLIST_MIN_FREE_GB", "99999999"), "disk of warehouse", 5),
    ],
)
def test_what_is_wrong_decides_the_exit_code(
    home: Path,
    shortlist: Shortlist,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[pytest.MonkeyPatch], None],
    name: str,
    code: int,
) -> None:
    fine(monkeypatch)
    land(home, "engagements", "part.json", LINE)
    harm(monkeypatch)
    answer = shortlist("doctor", "--json")
    assert (answer.code, lines(answer.facts)[name]) == (code, False)
    assert "WRONG" in shortlist("doctor").out


def test_what_the_machine_lacks_comes_before_what_a_retry_may_mend(
    shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine(monkeypatch)
    monkeypatch.setattr(looks, "PYTHON", (2, 7))
    answer = shortlist("doctor", "--json")  # nothing is landed either
    assert (answer.code, lines(answer.facts)["landing engagements"], lines(answer.facts)["python"]) == (2, False, False)


def test_wrong_settings_are_a_line_of_their_own(shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch) -> None:
    fine(monkeypatch)
    answer = shortlist("doctor", "--json", "--set", "als.factors=0")
    assert answer.code == 2
    (line,) = (line for line in answer.facts["lines"] if not line["ok"])
    assert (line["name"], "als.factors = 0" in line["says"]) == ("settings", True)


@pytest.mark.parametrize(
    ("left", "ok", "code", "says"),
    [
        (0, True, 0, "every executor can run a night"),
        (2, False, 2, "check_cluster left with 2; what each executor lacks is above"),
        (5, False, 5, "check_cluster left with 5"),
    ],
)
def test_the_executors_of_a_cluster_are_asked_by_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, ok: bool, code: int, says: str
) -> None:
    program = tmp_path / "submit"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nexit {left}\n')
    program.chmod(0o755)
    monkeypatch.setattr(spark_jobs, "SUBMIT", str(program))
    line = looks.cluster(["--set=als.factors=8"])
    assert (line.ok, line.code if not ok else 0, bool(line.mend)) == (ok, code, not ok)
    assert says in line.says
    assert (tmp_path / "called").read_text() == f"{job_program('check_cluster')} --set=als.factors=8\n"


def test_the_cluster_is_asked_only_where_it_is_wanted(
    warehouse: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run_job(job: str, _: object) -> int:
        asked.append(job)
        return 2

    monkeypatch.setattr(looks, "run_job", run_job)
    assert "cluster" not in {line["name"] for line in shortlist("doctor", "--json").facts["lines"]}
    assert asked == []
    assert "cluster" in {line["name"] for line in shortlist("doctor", "--cluster", "--json").facts["lines"]}
    assert asked == ["check_cluster"]
