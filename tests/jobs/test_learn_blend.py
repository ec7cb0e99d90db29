"""learn_blend: what follows earlier days decides what each source counts; of nobody's later events, and of enough people only."""

import json
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 10)
LEARN = "{horizon_days: 3, kinds: [single, z_sum], k: 4}"
SETTINGS = """\
paths:
  landing: {home}/landing
  warehouse: {home}/warehouse
  reports: {home}/reports
surfaces:
  homefeed:
    subject: user
    sources: [als, cooccurrence, rp3beta, user_neighbours]
    fallback: popularity
    k: 4
    depth: 20
    min_item_support: 1
    learn: {learn}
als: {{factors: 8, epochs: 5}}
cooccurrence: {{min_support: 1, neighbours: 20, measures: [cosine, rp3beta]}}
"""


def events_of(day: date, users: int) -> list[dict[str, Any]]:
    """Each user buys two of the thirty items of its own of four groups, and what everybody buys."""
    chance = Random(f"learn {day}")
    events = []
    for user in range(users):
        items = [f"g{user % 4}-{number}" for number in chance.sample(range(30), 2)]
        for item in [*items, *chance.sample(["p1", "p2"], 1)]:
            session = f"u{user:03d}-{day}"
            events.append(
                {
                    "event_id": f"{session}-{item}",
                    "event_type": "checkout",
                    "event_ts": f"{day}T10:00:00Z",
                    "user_id": f"u{user:03d}",
                    "item_id": item,
                    "session_id": session,
                }
            )
    return events


def land(deployment: Deployment, last: date, users: int, learn: str = LEARN) -> None:
    deployment.config.write_text(SETTINGS.format(home=deployment.home, learn=learn))
    for day in tiny.days(last=last):
        tiny.write_folder(deployment.landing, day, events_of(day, users))


def test_a_blend_is_learned_used_and_knows_nothing_of_later_days(
    spark: SparkSession, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    land(deployment, DAY, users=80)
    for job in ("extract_engagements", "build_interactions", "train_als", "train_cooccurrence", "learn_blend"):
        deployment.run(job, DAY)
    (row,) = deployment.table("blends").rows(named=True)
    assert (row["surface"], row["run_date"]) == ("homefeed", DAY)
    assert "popularity" not in json.loads(row["blend"])["weights"]
    assert json.loads(row["cuts"]) == [str(DAY - timedelta(days=3))]
    assert row["sources"] == ["als", "cooccurrence", "rp3beta", "user_neighbours", "popularity"]
    judged = json.loads(row["judged"])
    # Groups were planted; what everybody has is no answer for a list of new items.
    assert judged["sources"]["popularity"] < 0.7 * max(judged["sources"].values())
    assert row["judged_subjects"] >= 30

    deployment.run("generate_candidates", DAY)
    learned = deployment.rows("unchecked_candidates", DAY)
    deployment.run("generate_candidates", DAY, "surfaces.homefeed.learn=null")
    assert deployment.rows("unchecked_candidates", DAY) != learned

    # Later days are extracted; the same day learns the same.
    later = DAY + timedelta(days=2)
    land(deployment, later, users=80)
    deployment.run("extract_engagements", later)
    deployment.run("learn_blend", DAY)
    assert deployment.table("blends").rows(named=True) == [row]

    # A day that does not train keeps what was learned. DAY was a Friday.
    capsys.readouterr()
    deployment.run("learn_blend", later, "training.days=[friday]")
    assert "blends that were learned before are kept (training.days): homefeed" in capsys.readouterr().err
    assert deployment.table("blends").rows(named=True) == [row]


def test_too_few_people_keep_what_settings_say(
    spark: SparkSession, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    land(deployment, DAY, users=8)
    for job in ("extract_engagements", "build_interactions", "train_als", "train_cooccurrence", "learn_blend"):
        deployment.run(job, DAY)
    assert "at least 1 and 30 are needed; what settings say is used" in capsys.readouterr().err
    assert not deployment.exists("blends")
    deployment.run("generate_candidates", DAY)
    by_rank = deployment.rows("unchecked_candidates", DAY)
    deployment.run("generate_candidates", DAY, "surfaces.homefeed.weights={user_neighbours: 1.0}")
    weighted = deployment.rows("unchecked_candidates", DAY)
    assert weighted != by_rank


@pytest.mark.parametrize(("day", "says"), [(2, "nobody had taken anything up to 2017-10-30"), (5, "0 baskets")])
def test_the_first_days_of_a_deployment_are_no_failure(
    spark: SparkSession, deployment: Deployment, capsys: pytest.CaptureFixture[str], day: int, says: str
) -> None:
    run_date = date(2017, 11, day)
    land(deployment, run_date, users=80)
    deployment.run("extract_engagements", run_date)
    # Of another kind, baskets have no rows at all.
    orders = ["baskets={order: {}}", "cooccurrence.basket_kind=order"] if says == "0 baskets" else []
    deployment.run("learn_blend", run_date, *orders)
    assert deployment.exists("blends") == (says == "0 baskets")
    if says != "0 baskets":
        assert says in capsys.readouterr().err


def test_where_no_surface_learns_nothing_is_written(
    spark: SparkSession, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    land(deployment, DAY, users=2, learn="null")
    deployment.run("extract_engagements", DAY)
    deployment.run("learn_blend", DAY)
    assert "no surface learns its blend" in capsys.readouterr().err
    assert not deployment.exists("blends")
