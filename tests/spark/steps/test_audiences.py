"""Who of the lapsing users gets a list: who is held back, who is beyond the budget, and what the past says of returns."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from shortlist.config import LapsingConfig
from shortlist.steps.audiences import lapsing_users, listed_subjects
from tests.published import write
from tests.spark.warehouse.test_publishing import run_of

DAY = date(2017, 11, 30)
CUT = DAY - timedelta(days=7)
USERS = [f"u{number:03d}" for number in range(120)]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Everybody was active daily for ten days. A third ended 3 days before DAY; the others 3 or 8 days before CUT.

    Of those who were 3 days late at CUT half came back on the day before DAY, of those who were 8 days late nobody.
    """
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path))
    rows: list[dict[str, Any]] = []
    for number, user in enumerate(USERS):
        last = [DAY - timedelta(days=3), CUT - timedelta(days=3), CUT - timedelta(days=8)][number % 3]
        days = [last - timedelta(days=ago) for ago in range(10)]
        days += [DAY - timedelta(days=1)] if number % 6 == 1 else []
        for day in days:
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            rows.append(
                {
                    "event_id": f"{user}-{day}",
                    "event_type": "checkout",
                    "event_ts": at,
                    "event_date": day,
                    "ingest_date": day,
                    "user_id": user,
                    "item_id": "i",
                }
            )
    write(tmp_path / "warehouse", "engagements", "engagements", rows)
    return tmp_path


def decisions(spark: SparkSession, home: Path, **settings: Any) -> dict[str, tuple[float, float | None, str]]:
    config = LapsingConfig.model_validate({"after": 2, "until": 12, "min_active_days": 4, **settings})
    found = lapsing_users(run_of(spark, home, DAY), "growth", config)
    return {row[0]: (row[1], row[2], row[3]) for row in found.collect()}


def test_chances_are_what_happened_a_horizon_ago(spark: SparkSession, home: Path) -> None:
    found = decisions(spark, home, holdback=0.0)
    # 3 days late now; 10 days late are those of the second third who did not come back; the last third is 15 days late.
    third = {user for number, user in enumerate(USERS) if number % 3 == 0}
    tenth = {user for number, user in enumerate(USERS) if number % 6 == 4}
    assert set(found) == third | tenth
    assert {user: late for user, (late, _, _) in found.items()} == pytest.approx(
        {user: 3.0 if user in third else 10.0 for user in found}
    )
    # At the cut 40 users were 3 late, of whom 20 came back, and 40 were 8 late, of whom none did.
    assert {chance for user, (_, chance, _) in found.items() if user in third} == {0.5}
    assert {chance for user, (_, chance, _) in found.items() if user in tenth} == {0.0}
    assert {decision for _, _, decision in found.values()} == {"listed"}


def test_the_budget_goes_to_the_likeliest(spark: SparkSession, home: Path) -> None:
    found = decisions(spark, home, holdback=0.0, budget=45)
    listed = {user for user, (_, _, decision) in found.items() if decision == "listed"}
    assert len(listed) == 45
    assert {user for user, (late, _, _) in found.items() if late == 3.0} < listed
    assert {decision for user, (_, _, decision) in found.items() if user not in listed} == {"over_budget"}


def test_a_share_is_held_back_always_the_same(spark: SparkSession, home: Path) -> None:
    found = decisions(spark, home, holdback=0.3, budget=10)
    held = {user for user, (_, _, decision) in found.items() if decision == "held_back"}
    assert 0.15 < len(held) / len(found) < 0.45
    assert held == {user for user, each in decisions(spark, home, holdback=0.3).items() if each[2] == "held_back"}
    # Those held back take no place of the budget.
    assert sum(decision == "listed" for _, _, decision in found.values()) == 10


def test_of_too_few_nothing_is_learned(spark: SparkSession, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = decisions(spark, home, horizon_days=27, budget=1, holdback=0.0)
    assert {chance for _, chance, _ in found.values()} == {None}
    (listed,) = (late for late, _, decision in found.values() if decision == "listed")
    assert listed == min(late for late, _, _ in found.values())


def test_who_is_passed_over_uses_up_no_budget(spark: SparkSession, home: Path) -> None:
    """Ten of the least late were sent something, and one of those held back; one user is blocked."""
    everybody = decisions(spark, home, holdback=0.3)
    ordered = sorted(everybody, key=lambda user: everybody[user][0])
    held = [user for user in ordered if everybody[user][2] == "held_back"]
    sent = {*[user for user in ordered if user not in held][:10], held[0]}
    rows = [*((user, "sent_lately") for user in sorted(sent)), (held[1], "blocked")]
    passed_over = spark.createDataFrame(rows, "user_id string, decision string")
    config = LapsingConfig.model_validate({"after": 2, "until": 12, "min_active_days": 4, "holdback": 0.3, "budget": 5})
    found = {
        row["user_id"]: row["decision"]
        for row in lapsing_users(run_of(spark, home, DAY), "growth", config, passed_over).collect()
    }
    assert {user for user, decision in found.items() if decision == "sent_lately"} == sent - {held[0]}
    assert (found[held[0]], found[held[1]]) == ("held_back", "blocked")
    assert list(found.values()).count("listed") == 5


def test_subjects_are_those_with_a_list(spark: SparkSession) -> None:
    audience = spark.createDataFrame([("a", "listed"), ("b", "held_back")], "user_id string, decision string")
    subjects = spark.createDataFrame([("a", 1), ("b", 2), ("c", 3)], "subject_id string, history int")
    assert [tuple(row) for row in listed_subjects(subjects, audience).collect()] == [("a", 1)]
