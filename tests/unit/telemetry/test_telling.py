"""What runs tell other systems: read out of the files and requests that came out, and never a reason for a job to fail."""

import json
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shortlist.config import load_settings
from shortlist.config.arguments import Arguments, job_parser, parse_job
from shortlist.errors import HeldError, SettingsError
from shortlist.records.checks import CheckResult
from shortlist.records.manifest import FileSizes, Manifest
from shortlist.records.publications import HELD as HELD_DAY
from shortlist.records.publications import PUBLISHED, Publication
from shortlist.store.manifests import read_manifest, recorded
from shortlist.warehouse.run import log_to_stderr
from tests.unit.reports.world import D, write_settings

HELD = HeldError("candidates_homefeed: user u42 has nine rows")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a developer's OpenLineage nor Airflow's; and no settings file of the client's own nearby."""
    for name in ("NAMESPACE", "API_KEY", "URL", "PARENT_ID", "DISABLED", "CONFIG"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)
    for name in ("DAG_ID", "DAG_RUN_ID"):
        monkeypatch.delenv(f"AIRFLOW_CTX_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that takes lineage events: its URL, and the requests that came."""
    requests: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append({"path": self.path, "key": self.headers.get("Authorization"), "event": json.loads(body)})
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as taking:
        threading.Thread(target=taking.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{taking.server_address[1]}", requests
        taking.shutdown()


def arguments(home: Path, day: date = D, **telemetry: object) -> Arguments:
    write_settings(home)
    given = ["--config", str(home / "shortlist.yaml"), "--run-date", str(day), "--attempt", "7"]
    override = json.dumps({"telemetry": telemetry})
    return parse_job(job_parser("publish_candidates", None), [*given, "--set", override])


def check(severity: Any, success: bool) -> CheckResult:
    return CheckResult(
        table="candidates_homefeed", rule="r", description="d", expectation="e", column="", severity=severity,
        success=success, raised=None, observed="user u42", unexpected_count=None, unexpected_share=None,
    )  # fmt: skip


def fill(manifest: Manifest) -> None:
    """Two partitions of one table and one of another, whose rows the log does not count."""
    manifest.inputs |= {"unchecked_candidates": 4, "interactions": 9}
    manifest.outputs |= {
        "candidates_homefeed/run_date=2017-11-30": 12,
        "candidates_homefeed/other": 11,
        "publications": 3,
    }
    manifest.written |= {
        "candidates_homefeed/run_date=2017-11-30": FileSizes.of([100, 50], rows=30),
        "candidates_homefeed/other": FileSizes.of([10], rows=5),
        "publications": FileSizes.of([7]),
    }
    manifest.checks += [check("critical", True), check("critical", True), check("warning", False)]


def run_well(given: Arguments) -> None:
    with recorded(given) as manifest:
        fill(manifest)


def run_badly(given: Arguments) -> None:
    with suppress(HeldError), recorded(given) as manifest:
        fill(manifest)
        raise HELD


def events(home: Path) -> list[dict[str, Any]]:
    path = home / "lineage" / f"run_date={D}" / "publish_candidates.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def values(path: Path) -> dict[tuple[str, ...], float]:
    """Samples of a text file: name and labels but the job's, and the value."""
    return {
        (
            sample.name,
            *(value for label, value in sorted(sample.labels.items()) if label != "shortlist_job"),
        ): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_events_name_the_versions_that_were_read_and_written(home: Path) -> None:
    given = arguments(home, lineage=str(home / "lineage"))
    run_well(given)
    start, complete = events(home)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"] == str(UUID(start["run"]["runId"]))
    assert (start["inputs"], start["outputs"]) == ([], [])
    assert (complete["job"]["namespace"], complete["job"]["name"]) == ("shortlist", "publish_candidates")
    assert complete["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2017-11-30T00:00:00+00:00"
    warehouse = given.settings.paths.warehouse
    assert [(one["namespace"], one["name"], one["facets"]["version"]["datasetVersion"]) for one in complete["inputs"]] == [
        ("file", f"{warehouse}/interactions", "9"), ("file", f"{warehouse}/unchecked_candidates", "4")
    ]  # fmt: skip
    homefeed, publications = complete["outputs"]
    assert (homefeed["name"], homefeed["facets"]["version"]["datasetVersion"]) == (
        f"{warehouse}/candidates_homefeed",
        "12",
    )
    statistics = homefeed["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (35, 160, 3)
    assert publications["outputFacets"]["outputStatistics"]["size"] == 7
    assert "rowCount" not in publications["outputFacets"]["outputStatistics"]


def test_a_failed_run_says_of_what_kind_and_quotes_nobody(home: Path) -> None:
    run_badly(arguments(home, lineage=str(home / "lineage")))
    _, fail = events(home)
    assert fail["eventType"] == "FAIL"
    assert fail["run"]["facets"]["errorMessage"]["message"].startswith("HeldError; its text is in the manifest below ")
    assert [one["facets"]["version"]["datasetVersion"] for one in fail["outputs"]] == ["12", "3"]
    assert "u42" not in json.dumps(fail)


def test_attempts_are_runs_of_their_own(home: Path) -> None:
    given = arguments(home, lineage=str(home / "lineage"))
    run_badly(given)
    run_well(given)
    assert [event["eventType"] for event in events(home)] == ["START", "FAIL", "START", "COMPLETE"]
    assert len({event["run"]["runId"] for event in events(home)}) == 2


def test_tables_in_a_store_are_named_by_it(home: Path) -> None:
    from shortlist.telemetry.lineage import event, new_run

    manifest = Manifest("train_als", D, inputs={"interactions": 2})
    (read,) = event(manifest, "s3://bucket/deep/warehouse/", "m", new_run(), ended=True).inputs or []
    assert (read.namespace, read.name) == ("s3://bucket", "deep/warehouse/interactions")


def test_events_arrive_at_a_server_with_the_key_of_the_environment(
    home: Path, server: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, requests = server
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k-1")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "shop")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "candidates_daily")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__2017-12-01")
    given = arguments(home, lineage=url)
    run_well(given)
    run_badly(given)
    assert [(one["path"], one["key"]) for one in requests] == [("/api/v1/lineage", "Bearer k-1")] * 4
    assert [one["event"]["eventType"] for one in requests] == ["START", "COMPLETE", "START", "FAIL"]
    parents = [one["event"]["run"]["facets"]["parent"] for one in requests]
    assert {(parent["job"]["namespace"], parent["job"]["name"]) for parent in parents} == {("shop", "candidates_daily")}
    (run,) = {parent["run"]["runId"] for parent in parents}
    assert str(UUID(run)) == run
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__1")
    run_well(given)
    assert requests[-1]["event"]["run"]["facets"]["parent"]["run"]["runId"] != run


def test_a_parent_that_is_stated_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = "01941f29-7c00-7087-8906-40e512c257bd"
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "candidates_daily")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "manual__1")
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"airflow/prod/night.publish/{run}")
    run_well(arguments(home, lineage=str(home / "lineage")))
    parent = events(home)[0]["run"]["facets"]["parent"]
    assert (parent["job"]["namespace"], parent["job"]["name"], parent["run"]["runId"]) == (
        "airflow/prod",
        "night.publish",
        run,
    )


def test_metrics_of_a_run(home: Path) -> None:
    run_well(arguments(home, metrics=str(home / "metrics")))
    found = values(home / "metrics" / "shortlist_publish_candidates.prom")
    assert found["shortlist_run_success",] == 1
    assert found["shortlist_run_date_timestamp_seconds",] == 1512000000  # 2017-11-30T00:00:00Z
    assert {name: value for name, value in found.items() if len(name) > 1} == {
        ("shortlist_rows_written", "candidates_homefeed"): 35,
        ("shortlist_bytes_written", "candidates_homefeed"): 160,
        ("shortlist_bytes_written", "publications"): 7,
        ("shortlist_checks", "satisfied", "critical"): 2,
        ("shortlist_checks", "failed", "warning"): 1,
    }
    assert not list((home / "metrics").glob("*.prom.*")), "a file that was not renamed"


def test_metrics_say_which_surfaces_are_out(home: Path) -> None:
    of_both: dict[str, Any] = {
        "published_at": datetime(2017, 12, 1, 2, tzinfo=UTC),
        "run_date": D,
        "run_id": "r",
        "rows": 35,
    }
    with suppress(HeldError), recorded(arguments(home, metrics=str(home / "metrics"))) as manifest:
        manifest.publications += [
            Publication("homefeed", table_version=12, subjects=7, digest="d", status=PUBLISHED, why=None, **of_both),
            Publication(
                "related", table_version=None, subjects=0, digest=None, status=HELD_DAY, why="overlap", **of_both
            ),
        ]
        raise HELD
    found = values(home / "metrics" / "shortlist_publish_candidates.prom")
    assert {name: value for name, value in found.items() if name[0] == "shortlist_published"} == {
        ("shortlist_published", "homefeed"): 1,
        ("shortlist_published", "related"): 0,
    }


def test_a_failure_leaves_the_last_success_as_it_is(home: Path) -> None:
    given = arguments(home, metrics=str(home / "metrics"))
    run_well(given)
    kept = home / "metrics" / "shortlist_publish_candidates_last_success.prom"
    before = kept.read_text()
    assert values(kept)["shortlist_last_success_run_date_timestamp_seconds",] == 1512000000
    run_badly(given)
    assert kept.read_text() == before
    assert values(home / "metrics" / "shortlist_publish_candidates.prom")["shortlist_run_success",] == 0


def test_a_back_fill_of_an_older_day_leaves_the_newest_day_that_went_well(home: Path) -> None:
    kept = home / "metrics" / "shortlist_publish_candidates_last_success.prom"
    for days, newest in ((0, D), (-5, D), (1, D + timedelta(days=1))):
        run_well(arguments(home, D + timedelta(days=days), metrics=str(home / "metrics")))
        midnight = datetime.combine(newest, datetime.min.time(), UTC).timestamp()
        assert values(kept)["shortlist_last_success_run_date_timestamp_seconds",] == midnight


@pytest.mark.parametrize("left", [b"shortlist_last", b"\xff\n", b""])
def test_a_damaged_last_success_is_written_anew(home: Path, left: bytes) -> None:
    kept = home / "metrics" / "shortlist_publish_candidates_last_success.prom"
    kept.parent.mkdir()
    kept.write_bytes(left)
    run_well(arguments(home, metrics=str(home / "metrics")))
    assert values(kept)["shortlist_last_success_run_date_timestamp_seconds",] == 1512000000


def test_the_first_failure_states_no_success(home: Path) -> None:
    run_badly(arguments(home, metrics=str(home / "metrics")))
    assert [path.name for path in (home / "metrics").iterdir()] == ["shortlist_publish_candidates.prom"]


def test_log_lines_say_which_run_they_are_of(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = arguments(home, json_logs=True)
    log_to_stderr(given)
    of_a_table = {"table": "interactions", "partition": "run_date=2017-11-30", "table_version": 4, "attempt": 7}
    log = logging.getLogger("shortlist.als")
    log.info("%s: version %d", "interactions", 4, extra=of_a_table)
    log.warning("at s3://user:geheim@bucket/x")
    run_badly(given)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    of_the_run = {"job": "publish_candidates", "run_id": given.run_id, "run_date": "2017-11-30", "attempt": 7}
    assert all(line.items() >= of_the_run.items() for line in lines)
    assert lines[0].items() >= {**of_a_table, "message": "interactions: version 4", "level": "INFO"}.items()
    assert "geheim" not in lines[1]["message"]
    assert lines[1]["level"] == "WARNING"
    assert "table" not in lines[1]
    assert lines[2]["level"] == "ERROR"
    assert "HeldError: candidates_homefeed" in lines[2]["message"]


@pytest.mark.parametrize("sink", ["lineage", "metrics"])
def test_a_folder_that_cannot_be_written_is_one_warning(
    home: Path, sink: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "taken").write_text("a file where a folder should be")
    folders: dict[str, object] = {sink: str(home / "taken" / "below")}
    given = arguments(home, D, **folders)
    log_to_stderr(given)
    run_well(given)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning:" in line]
    assert len(warnings) == 1
    assert f"telemetry.{sink} {home / 'taken' / 'below'} failed: NotADirectoryError" in warnings[0]
    assert "the job goes on" in warnings[0]
    assert read_manifest(given.settings.paths.manifests, D, "publish_candidates").error is None


def test_a_refused_port_is_one_warning_and_the_failure_stays_the_jobs_own(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = arguments(home, lineage=f"http://127.0.0.1:{port}", metrics=str(home / "metrics"))
    log_to_stderr(given)
    with pytest.raises(HeldError, match="nine rows"), recorded(given):
        raise HELD
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning:" in line]
    assert len(warnings) == 1
    assert f"telemetry.lineage http://127.0.0.1:{port} failed: ConnectionError" in warnings[0]
    assert values(home / "metrics" / "shortlist_publish_candidates.prom")["shortlist_run_success",] == 0


def test_nothing_is_told_and_nothing_imported_without_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("shortlist.telemetry.")]:
        if name.rsplit(".", 1)[1] in ("lineage", "metrics"):
            monkeypatch.delitem(sys.modules, name)
    given = arguments(home)
    before = {path for path in home.rglob("*") if path.is_file()}
    run_well(given)
    written = {path for path in home.rglob("*") if path.is_file()} - before
    assert [path.name for path in written] == ["publish_candidates.json"]
    assert not {"shortlist.telemetry.lineage", "shortlist.telemetry.metrics"} & set(sys.modules)


def test_telling_changes_no_run_id(home: Path) -> None:
    assert arguments(home).run_id == arguments(home, lineage="http://lineage:5000", json_logs=True).run_id


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("telemetry.lineage=kafka://broker", "events are not sent to kafka://; next: name an http"),
        ("telemetry.metrics=s3://bucket/m", "metrics are written to a local folder; next: name the one"),
        ("telemetry.lineage=https://me:geheim@lineage", "give credentials by the environment"),
    ],
)
def test_a_target_that_cannot_be_told_is_refused(home: Path, setting: str, problem: str) -> None:
    write_settings(home)
    with pytest.raises(SettingsError, match=problem) as refused:
        load_settings(home / "shortlist.yaml", [setting])
    assert "geheim" not in str(refused.value)
