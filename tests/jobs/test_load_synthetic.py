"""A synthetic landing is complete folders of JSON lines that a night can extract; the same again for the same seed."""

import json
from datetime import date
from pathlib import Path

import pytest

from shortlist.errors import SettingsError
from tests.jobs.conftest import Deployment, job_main

FIRST, SECOND = date(2017, 11, 1), date(2017, 11, 2)


def load(deployment: Deployment, *overrides: str, since: date = FIRST, until: date = SECOND) -> None:
    settings = ("synthetic.events_per_day=600", "synthetic.users=50", "synthetic.items=40", *overrides)
    arguments = ["--config", str(deployment.config), "--since", since.isoformat(), "--until", until.isoformat()]
    job_main("load_synthetic")([*arguments, *(part for each in settings for part in ("--set", each))])


def folder(deployment: Deployment, day: date) -> Path:
    return deployment.landing / "engagements" / day.isoformat()


def test_what_was_landed_is_extracted_whole(deployment: Deployment) -> None:
    load(deployment, "synthetic.files_per_day=3", "extraction.marker=DONE")
    assert len(list(folder(deployment, FIRST).glob("*.json.gz"))) == 3
    assert (folder(deployment, SECOND) / "DONE").exists()
    deployment.run("extract_engagements", SECOND, "extraction.marker=DONE")
    once = deployment.table("engagements").sort("event_id")
    assert len(once) == 1200
    assert deployment.table("quarantine").is_empty()
    # A day's extraction writes a file a day of events, however many files were landed; the manifest says how large.
    manifest = deployment.home / "manifests" / f"run_date={SECOND}" / "extract_engagements.json"
    written = json.loads(manifest.read_text())["written"][f"engagements/run_date={SECOND}"]
    files = sorted(path.stat().st_size for path in (deployment.home / "warehouse/engagements").rglob("*.parquet"))
    assert len(files) == 2
    assert written == {"files": 2, "bytes": sum(files), "min_bytes": files[0], "median_bytes": sum(files) // 2,
                       "max_bytes": files[1], "rows": 1200}  # fmt: skip
    load(deployment, "synthetic.files_per_day=2", "extraction.marker=DONE")
    deployment.run("extract_engagements", SECOND, "extraction.marker=DONE")
    assert deployment.table("engagements").sort("event_id").equals(once)


def test_wrong_use_is_refused(deployment: Deployment) -> None:
    with pytest.raises(SettingsError, match="--until '2017-11-01': is before --since 2017-11-02"):
        load(deployment, since=SECOND, until=FIRST)
    with pytest.raises(SettingsError, match="items 40 is below groups 41: a group would be empty"):
        load(deployment, "synthetic.groups=41")
