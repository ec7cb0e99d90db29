"""`shortlist erase` against the job itself: a request is landed, a JVM of its own erases, the proof is in the table."""

from datetime import date

import polars as pl
import pytest

from shortlist.cli.program import main
from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 3)


def test_a_user_is_erased_by_the_job_that_the_command_submits(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_landing(deployment.landing, tiny.days(last=DAY))
    deployment.run("extract_engagements", DAY)
    before = deployment.table("engagements")
    assert not before.filter(user_id="u00").is_empty()
    config = ["--config", str(deployment.config)]
    page = deployment.home / "reports" / "2017-11-03.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("<td>u00</td>")
    assert main(["erase", "u00", "--day", str(DAY), "--yes", *config]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2017-11-03.html quoted an erased id" in printed
    assert "infra/submit jobs/write_report.py --run-date DAY" in printed
    folders = ", ".join(f"engagements/{day}" for day in sorted(set(before.filter(user_id="u00")["ingest_date"])))
    assert (
        f"next: remove their lines from what producers landed: {folders}; until then extraction leaves them" in printed
    )
    after = deployment.table("engagements")
    assert after.filter(user_id="u00").is_empty()
    assert len(after) == len(before.filter(pl.col("user_id") != "u00"))
    assert set(deployment.table("erasures")["run_date"]) == {DAY}
