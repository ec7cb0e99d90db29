"""Which days a table need not keep."""

from datetime import date, timedelta

import pytest

from shortlist.config import MaintenanceConfig
from shortlist.errors import UpkeepHeldError
from shortlist.records.manifest import FileSizes
from shortlist.steps.maintain import days_to_drop, expired, refuse_large_drops
from shortlist.tables import ENGAGEMENTS, INTERACTIONS, TABLES, Table

DAY = date(2017, 11, 30)


def days(*ages: int) -> list[date]:
    return [DAY - timedelta(days=age) for age in ages]


def test_days_beyond_the_retention_go() -> None:
    assert expired(days(0, 399, 400, 401), "400 days", DAY) == days(401, 400)


def test_the_newest_day_stays_however_old() -> None:
    assert expired(days(500), "400 days", DAY) == []
    assert expired(days(600, 100), "400 days", DAY) == days(600)
    assert expired([], "400 days", DAY) == []


def test_a_log_that_ended_long_ago_keeps_its_history() -> None:
    assert expired(days(9000, 8999, 8601, 8600), "400 days", DAY) == days(9000)
    assert expired(days(600, 500), "400 days", DAY) == []


def test_a_drop_of_much_at_once_is_held_and_named() -> None:
    year, more = days(*range(500, -1, -1)), days(*range(407, -1, -1))
    refuse_large_drops([(ENGAGEMENTS, more)], DAY, MaintenanceConfig())  # eight days of 408
    with pytest.raises(UpkeepHeldError) as held:
        refuse_large_drops([(ENGAGEMENTS, year)], DAY, MaintenanceConfig())
    assert held.value.exit_code == 3
    assert f"engagements: 101 of 501 days, {days(500)[0]} to {days(400)[0]}" in str(held.value)
    assert "next: keep them (maintenance.engagement_days" in str(held.value)
    refuse_large_drops([(ENGAGEMENTS, year)], DAY, MaintenanceConfig(max_dropped_share=1))
    refuse_large_drops([(ENGAGEMENTS, year)], DAY, MaintenanceConfig(engagement_days=501))
    assert days_to_drop(ENGAGEMENTS, year, DAY, MaintenanceConfig(engagement_days=500)) == days(500)
    # A week may go whatever its share; what is made anew may always go.
    refuse_large_drops([(ENGAGEMENTS, [*days(*range(506, 499, -1)), DAY])], DAY, MaintenanceConfig())
    refuse_large_drops([(INTERACTIONS, year)], DAY, MaintenanceConfig())


def test_so_many_run_dates_stay_whenever_they_were() -> None:
    assert expired(days(0, 7, 70, 700), "3 run dates", DAY) == days(700)
    assert expired(days(0, 7), "3 run dates", DAY) == []
    assert expired(days(0, 7, 70), "3 run dates", DAY, run_dates=1) == days(70, 7)
    assert expired(days(0, 500), "400 days", DAY, run_dates=1) == days(500)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_contract_words_its_retention_so(table: Table) -> None:
    number, unit = table.retention.split(" ", 1)
    assert int(number) > 0
    assert unit in ("days", "run dates")


def test_file_sizes() -> None:
    assert FileSizes.of([30, 10, 20, 41]) == FileSizes(4, 101, 10, 25, 41)
    assert FileSizes.of([]) == FileSizes(0, 0, 0, 0, 0)
