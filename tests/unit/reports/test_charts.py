"""Charts: places and heights worked out by hand, every word escaped."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from shortlist.reports.charts import interval_track, overlap_chart, rank_share_chart, score_chart, volume_chart
from shortlist.reports.evaluation import Estimate
from shortlist.reports.facts import DayVolume
from shortlist.reports.lists import Change, RankBand

DAY = date(2017, 11, 30)


def columns(svg: str) -> list[dict[str, str]]:
    return [rect.attrib for rect in ElementTree.fromstring(svg).iter("rect")]


def test_volume_chart__heights_are_shares_of_the_highest_day() -> None:
    events = [50, 200, 0, 100]
    days = [DayVolume(DAY - timedelta(days=3 - n), count, n) for n, count in enumerate(events)]
    drawn = columns(volume_chart(days, height=100))
    assert [float(column["height"]) for column in drawn] == [25, 100, 0, 50]
    assert [float(column["y"]) for column in drawn] == [75, 0, 100, 50]
    assert [column["class"] for column in drawn] == ["then", "then", "then", "now"]
    assert "2017-11-30: 100 events, 3 lines refused" in volume_chart(days)
    assert "27 Nov" in volume_chart(days)


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_volume_chart__any_number_of_days_stays_inside(count: int) -> None:
    days = [DayVolume(DAY - timedelta(days=n), 0, 0) for n in range(count)]
    drawn = columns(volume_chart(days))
    assert len(drawn) == count
    ends = [float(column["x"][:-1]) + float(column["width"][:-1]) for column in drawn]
    assert max(ends) <= 100


def test_rank_share_chart__columns_stack_to_the_top() -> None:
    bands = [RankBand(1, 1, {"als": 0.75, "popular": 0.25}, 1, 1, 1), RankBand(2, 3, {"popular": 1.0}, 0, 0, 0)]
    drawn = columns(rank_share_chart(bands, {"als": "s0", "popular": "s1"}, height=100))
    assert [(column["class"], float(column["y"]), float(column["height"])) for column in drawn] == [
        ("s0", 25, 75), ("s1", 0, 25), ("s1", 0, 100)
    ]  # fmt: skip


def test_score_chart__negative_and_equal_scores_stay_inside() -> None:
    for low, median, high in ((-3.0, -2.0, -1.0), (0.0, 0.0, 0.0), (5.0, 5.0, 5.0)):
        drawn = columns(score_chart([RankBand(1, 1, {}, low, median, high)], height=100))
        assert all(float(c["y"]) >= -0.01 and float(c["y"]) + float(c["height"]) <= 100.01 for c in drawn)


def test_overlap_chart__one_column_per_tenth() -> None:
    change = Change(DAY, 4, 0, 0, 0.6, (1, 0, 0, 0, 0, 3, 0, 0, 0, 0))
    heights = [float(column["height"]) for column in columns(overlap_chart(change, height=90))]
    assert (heights[0], heights[5], sum(heights)) == (30, 90, 120)


def test_interval_track__places_are_shares_of_the_highest() -> None:
    track = interval_track(Estimate(0.2, 0.1, 0.3), 0.4, "s0", "als")
    assert 'cx="50.00%"' in track
    assert 'x1="25.00%" x2="75.00%"' in track
    assert "interval" not in interval_track(Estimate(0.2, None, None), 0.4, "s0", "als")


def test_charts_escape_what_they_are_told() -> None:
    hostile = "<script>\"'&"
    bands = [RankBand(1, 1, {hostile: 1.0}, 0, 0, 0)]
    for svg in (
        interval_track(Estimate(0.1, 0.1, 0.1), 1, hostile, hostile),
        rank_share_chart(bands, {hostile: hostile}),
    ):
        assert "<script>" not in svg
        assert re.search(r"&lt;script&gt;", svg)
        ElementTree.fromstring(svg)
