"""`shortlist erase` against the job itself: a request is landed, a JVM of its own erases, the proof is in the table."""

from datetime import date

import polars as pl

from shortlist.cli.app import main
from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 3)


def test_a_user_is_erased_by_the_job_that_the_command_submits(deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, tiny.days(last=DAY))
    deployment.run("extract_engagements", DAY)
    before = deployment.table("engagements")
    assert not before.filter(user_id="u00").is_empty()
    config = ["--config", str(deployment.config)]
    assert main(["erase", "u00", "--day", str(DAY), "--yes", *config]) == 0
    after = deployment.table("engagements")
    assert after.filter(user_id="u00").is_empty()
    assert len(after) == len(before.filter(pl.col("user_id") != "u00"))
    assert set(deployment.table("erasures")["run_date"]) == {DAY}
