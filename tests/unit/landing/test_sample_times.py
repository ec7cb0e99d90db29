"""How times are written, found out from values alone; each answer known beforehand."""

from datetime import UTC, datetime

import polars as pl
import pytest

from shortlist.config import TimestampConfig
from shortlist.landing.sample_times import TimeFormat, can_read, find_formats, parse

MOMENT = datetime(2017, 11, 30, 13, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2017-11-30 13:05", "iso"),
        ("2017-11-30T13:05:00.000Z", "iso"),
        ("2017-11-30T15:05:00+02:00", "iso"),
        ("1512047100", "epoch-seconds"),
        ("1512047100000", "epoch-millis"),
        ("1512047100000000", "epoch-micros"),
        ("30/11/2017 13:05", "d/M/yyyy H:mm"),
        ("11/30/2017 13:05:00", "M/d/yyyy H:mm:ss"),
        ("30.11.2017 13:05", "d.M.yyyy H:mm"),
        ("2017/11/30 13:05", "yyyy/M/d H:mm"),
        ("11/30/17 13:05", "M/d/yy H:mm"),
        ("20171130130500", "yyyyMMddHHmmss"),
    ],
)
def test_a_time_is_read_by_a_format_that_settings_take(text: str, name: str) -> None:
    values = pl.Series([text, "", text])
    assert find_formats(values) == [TimeFormat(name, 2)]
    assert parse(values, [name]).to_list() == [MOMENT, None, MOMENT]
    assert TimestampConfig(format=name).format == name
    assert can_read(name)


def test_a_zone_is_for_times_without_one() -> None:
    values = pl.Series(["2017-11-30 08:05", "2017-11-30T08:05:00-05:00", "2017-11-30T13:05Z"])
    assert parse(values, ["iso"], "America/New_York").to_list() == [MOMENT] * 3


def test_two_ways_of_writing_are_both_found_the_more_frequent_first() -> None:
    values = pl.Series(["12/1/2010 8:26", "12/13/2010 8:26", "12/13/2010 8:27"] + ["2010-12-13 08:26:00"] * 2)
    assert find_formats(values) == [TimeFormat("M/d/yyyy H:mm", 3), TimeFormat("iso", 2)]


def test_day_and_month_are_told_apart_by_any_value_that_can() -> None:
    assert find_formats(pl.Series(["01/02/2017", "13/02/2017"])) == [TimeFormat("d/M/yyyy", 2)]


def test_where_both_fit_the_order_of_the_file_decides_and_the_other_is_named() -> None:
    # The 1st, 2nd, 3rd of November, or the 11th of January, February, March.
    november = pl.Series(["1/11/2017", "2/11/2017", "3/11/2017", "1/12/2017"])
    assert find_formats(november) == [TimeFormat("d/M/yyyy", 4, "M/d/yyyy")]


@pytest.mark.parametrize("values", [["a", "b"], ["12", "13"], [], ["", " "], ["2017-13-45"], ["2017-11-30", "x", "y"]])
def test_what_is_no_time_has_no_format(values: list[str]) -> None:
    assert find_formats(pl.Series(values, dtype=pl.String)) == []


@pytest.mark.parametrize("name", ["EEE d MMM yyyy", "H:mm", "d/M/yyyy h:mm a", "yyyy-MM-dd H"])
def test_a_pattern_that_cannot_be_read_is_known_as_such(name: str) -> None:
    assert not can_read(name)
