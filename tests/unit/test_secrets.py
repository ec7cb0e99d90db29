"""Canaries in settings, URLs and the environment do not reach an error, a log, a manifest, a table or a report."""

import json
import logging
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.exceptions import PanicException

from shortlist.config import load_settings
from shortlist.config.arguments import run_main
from shortlist.errors import ContractError, SettingsError
from shortlist.records.manifest import Manifest
from shortlist.reports.facts import gather
from shortlist.reports.page import write_page
from shortlist.store.manifests import read_manifests, write_manifest
from shortlist.warehouse.run import log_to_stderr
from tests.published import publish
from tests.unit.cli.conftest import D1, D2, LISTS, SETTINGS

DAY = date(2017, 11, 30)
IN_URL, IN_KEY, IN_ENVIRONMENT = "canary-of-the-url", "canary-of-the-key", "canary-of-the-environment"
SPOKEN = f"s3a://me:{IN_URL}@bucket/t failed: fs.s3a.secret.key={IN_KEY} ({IN_ENVIRONMENT})"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", IN_ENVIRONMENT)


def check_no_canary(text: str) -> None:
    assert "canary" not in text
    assert "***" in text


@pytest.mark.parametrize(
    "override",
    [
        f"paths.warehouse=s3a://me:{IN_URL}@bucket/w",
        f"paths.landing=https://{IN_URL}@host/landing",
        f"paths.reports=https://host/r?sig={IN_URL}",
        json.dumps({"paths": {"manifests": f"s3://me:{IN_URL}@b"}}),
        f"als.scratch=s3a://me:{IN_URL}@bucket/s",
        f"sources.als.reason=password={IN_KEY}",
        f"sources.als.reason=see https://me:{IN_URL}@host",
        json.dumps({"extraction": {"feeds": {"engagements": {"constants": {"surface": f"token={IN_KEY}"}}}}}),
        f"sources.als.reason=see {IN_ENVIRONMENT}",
    ],
)
def test_settings_refuse_a_url_with_a_secret_and_do_not_repeat_it(home: Path, override: str) -> None:
    file = home / "settings.yaml"
    file.write_text(SETTINGS)
    with pytest.raises(SettingsError, match="credentials by the environment or a provider") as error:
        load_settings(file, [override])
    check_no_canary(str(error.value))
    assert "canary" not in repr(error.value)


@pytest.mark.parametrize(
    ("content", "overrides"),
    [
        (f"password: {IN_KEY}\n", []),
        (f"surfaces: [\npassword: {IN_KEY}\n", []),
        (SETTINGS, [f"access.key={IN_KEY}"]),
        (SETTINGS, [f"--password={IN_KEY}"]),
        (SETTINGS, [json.dumps({"als": {"token": IN_KEY}})[:-1]]),
    ],
)
def test_a_secret_where_no_setting_is_meets_an_error_without_it(home: Path, content: str, overrides: list[str]) -> None:
    file = home / "settings.yaml"
    file.write_text(content)
    with pytest.raises(SettingsError) as error:
        load_settings(file, overrides)
    assert "canary" not in str(error.value)


def test_errors() -> None:
    check_no_canary(str(ContractError.invalid("x.odcs.yaml", SPOKEN)))


def test_logs_and_their_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    log = logging.getLogger("shortlist")
    log.info("reading %s", SPOKEN)
    try:
        raise RuntimeError(SPOKEN)
    except RuntimeError:
        log.exception("it burst")
    printed = capsys.readouterr().err
    check_no_canary(printed)
    assert "RuntimeError" in printed


@pytest.mark.parametrize(("error", "code"), [(RuntimeError, 5), (PanicException, 5), (KeyError, 70)])
def test_an_unforeseen_failure_of_a_job(
    capsys: pytest.CaptureFixture[str], error: type[BaseException], code: int
) -> None:
    def burst(_: object) -> None:
        raise error(SPOKEN)

    with pytest.raises(SystemExit) as left:
        run_main(burst)
    assert left.value.code == code
    printed = capsys.readouterr().err
    check_no_canary(printed)
    assert "Traceback" in printed


def test_manifests_and_the_report_made_of_them(home: Path) -> None:
    (home / "settings.yaml").write_text(SETTINGS)
    settings = load_settings(home / "settings.yaml")
    record = Manifest("train_als", DAY, "r", error=SPOKEN, settings={"conf": {"fs.s3a.access.key": IN_KEY}})
    path = Path(write_manifest(settings.paths.manifests, record))
    check_no_canary(path.read_text())
    (read,), problems = read_manifests(settings.paths.manifests, DAY)
    assert (read.settings, problems) == ({"conf": {"fs.s3a.access.key": "***"}}, [])
    # A manifest that was written before anything was redacted.
    path.write_text(json.dumps(record.as_dict(), default=str))
    page = Path(write_page(gather(settings, DAY), settings.paths.reports)).read_text()
    assert "train_als" in page
    check_no_canary(page)


def test_publications(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from shortlist.cli.program import main

    (home / "settings.yaml").write_text(SETTINGS)
    for day in (D1, D2):
        publish(home / "warehouse", "homefeed", day, LISTS)
    config = ["--config", str(home / "settings.yaml")]
    assert main(["rollback", "homefeed", "--yes", "--why", SPOKEN, *config]) == 0
    assert main(["status", *config]) == 3
    check_no_canary(capsys.readouterr().out)
    rows = pl.read_delta(str(home / "warehouse" / "publications"))
    check_no_canary(" ".join(map(str, rows.rows())))
