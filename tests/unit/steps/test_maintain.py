"""Which days a table need not keep."""

from datetime import date, timedelta

import pytest

from shortlist.records.manifest import FileSizes
from shortlist.steps.maintain import expired
from shortlist.tables import TABLES, Table

DAY = date(2017, 11, 30)


def days(*ages: int) -> list[date]:
    return [DAY - timedelta(days=age) for age in ages]


def test_days_beyond_the_retention_go() -> None:
    assert expired(days(0, 399, 400, 401), "400 days", DAY) == days(401, 400)


def test_the_newest_day_stays_however_old() -> None:
    assert expired(days(500), "400 days", DAY) == []
    assert expired(days(600, 500), "400 days", DAY) == days(600)
    assert expired([], "400 days", DAY) == []


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
