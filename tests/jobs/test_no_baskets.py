"""A log without sessions makes no baskets: the night goes on without what would be learnt from them, and says so."""

import json

import pytest

from shortlist.errors import InputMissingError
from tests import tiny
from tests.jobs.conftest import Deployment

DAY = tiny.FIRST_DAY
NIGHT = ("build_interactions", "train_als", "train_cooccurrence", "generate_candidates", "publish_candidates")


def test_a_log_without_sessions_is_published_without_baskets(
    deployment: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    events = [{**event, "session_id": ""} for event in tiny.events_of(DAY)]
    tiny.write_folder(deployment.landing, DAY, events)
    deployment.run("extract_engagements", DAY)
    with pytest.raises(InputMissingError, match=r"next: run jobs/build_interactions\.py"):
        deployment.run("train_cooccurrence", DAY)
    for job in NIGHT:
        deployment.run(job, DAY)
    printed = capfd.readouterr().err
    assert "0 baskets of kind session: no event of type checkout names one" in printed
    assert "next: set baskets.session.event_types" in printed
    assert "related_items has no rows" in printed
    rows = deployment.rows("candidates_homefeed", DAY)
    assert rows
    sources = {json.dumps(row) for row in deployment.table("candidates_homefeed")["sources"].to_list()}
    assert not any("cooccurrence" in source for source in sources)
