import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from pyspark.sql import SparkSession

from shortlist.checks.guardrails import guardrails
from shortlist.config import GuardrailsConfig
from shortlist.records.checks import CheckResult
from shortlist.tables import CANDIDATES
from tests.spark.checks.rows import Row, candidate_lists, frame_of

LIMITS = GuardrailsConfig(
    max_rows_change=0.5, min_overlap=0.4, max_top_item_share=0.5, max_fallback_share=0.25, max_short_share=0.2
)
TODAY = {"s1": ["a", "b", "c"], "s2": ["b", "c", "d"], "s3": ["c", "d", "e"], "s4": ["d", "e", "f"]}
# Shares found again: s1 1/3, s2 3/3, s3 2/3; s4 is new and s9 is gone; the mean is 2/3.
LAST = {"s1": ["a", "x", "y"], "s2": ["d", "c", "b"], "s3": ["e", "d", "z"], "s9": ["a", "b", "c"]}


def judged(
    spark: SparkSession,
    today: Sequence[Row],
    last: Sequence[Row] | None = (),
    subject: Literal["user", "item"] = "item",
    expected_subjects: int = 4,
    fallback: str | None = "popularity",
) -> dict[str, CheckResult]:
    """Results by rule; the last day is LAST unless another one, or None, is given."""
    earlier = candidate_lists(LAST) if last == () else last
    results = guardrails(
        frame_of(spark, CANDIDATES, today),
        None if earlier is None else frame_of(spark, CANDIDATES, earlier),
        LIMITS,
        3,
        fallback,
        subject,
        expected_subjects,
    )
    return {result.rule: result for result in results}


def failed(results: Mapping[str, CheckResult]) -> list[str]:
    return [name for name, result in results.items() if not result.success]


def test_a_good_day_passes_with_the_numbers_in_words(spark: SparkSession) -> None:
    results = judged(spark, candidate_lists(TODAY))
    assert failed(results) == []
    assert {result.severity for result in results.values()} == {"critical"}
    assert {name: result.observed for name, result in results.items()} == {
        "rows_change": "12 rows after 12, a change of +0.0%",
        "overlap_with_last_day": "66.7% over 3 subjects with a list on both days",
        "top_item_share": "'d' begins 1 of 4 lists",
        "fallback_share": "0 of 12 rows come from 'popularity'",
        "short_lists": "0 short lists and 0 subjects without a list, of 4",
        "ranks_without_holes": "0 of 4 lists break it",
        "score_falls_with_rank": "0 of 4 lists break it",
        "not_itself": "0 of 12 rows break it",
    }


def test_overlap_goes_by_the_longer_list(spark: SparkSession) -> None:
    """A list that lost three of its four items is a quarter the same, however much of what is left was there before."""
    last = candidate_lists({"u": ["a", "b", "c", "d"], "v": ["a"]})
    now = candidate_lists({"u": ["a"], "v": ["a", "b", "c", "d"]})
    config = GuardrailsConfig(min_overlap=0.3)
    results = guardrails(
        frame_of(spark, CANDIDATES, now), frame_of(spark, CANDIDATES, last), config, 4, None, "user", 2
    )
    (found,) = (result for result in results if result.rule == "overlap_with_last_day")
    assert (found.success, found.observed) == (False, "25.0% over 2 subjects with a list on both days")


def changed(place: int, **values: Any) -> list[Row]:
    rows = candidate_lists(TODAY)
    rows[place].update(values)
    return rows


def fallback_rows(count: int) -> list[Row]:
    rows = candidate_lists(TODAY)
    return [{**row, "source": "popularity"} for row in rows[:count]] + rows[count:]


@pytest.mark.parametrize(
    ("rule", "today", "settings", "observed"),
    [
        (
            "rows_change",
            candidate_lists(TODAY),
            {"last": candidate_lists({**LAST, **{f"t{n}": ["a", "b", "c", "d", "e"] for n in range(3)}})},
            "12 rows after 27, a change of -55.6%",
        ),
        (
            "overlap_with_last_day",
            candidate_lists(TODAY),
            {
                "last": candidate_lists(
                    {"s1": ["a", "x", "y"], "s2": ["x", "y", "b"], "s3": ["q", "e", "r"], "s8": ["a"] * 3}
                )
            },
            "33.3% over 3 subjects with a list on both days",
        ),
        (
            "top_item_share",
            candidate_lists({**TODAY, "s2": ["c", "b", "d"], "s1": ["c", "a", "b"]}),
            {},
            "'c' begins 3 of 4 lists",
        ),
        ("fallback_share", fallback_rows(4), {}, "4 of 12 rows come from 'popularity'"),
        (
            "short_lists",
            candidate_lists({**TODAY, "s2": ["b"]}),
            {"expected_subjects": 5},
            "1 short lists and 1 subjects without a list, of 5",
        ),
        ("ranks_without_holes", changed(2, rank=7), {}, "1 of 4 lists break it"),
        ("ranks_without_holes", changed(1, rank=1), {}, "1 of 4 lists break it"),
        ("ranks_without_holes", changed(0, rank=None), {}, "1 of 4 lists break it"),
        ("score_falls_with_rank", changed(2, score=0.75), {}, "1 of 4 lists break it"),
        ("score_falls_with_rank", changed(1, score=math.nan), {}, "1 of 4 lists break it"),
        ("not_itself", changed(5, item_id="s2"), {}, "1 of 12 rows break it"),
    ],
)
def test_every_guardrail_is_seen_to_stop(
    spark: SparkSession, rule: str, today: list[Row], settings: dict[str, Any], observed: str
) -> None:
    results = judged(spark, today, **settings)
    assert failed(results) == [rule]
    assert results[rule].observed == observed


def test_limits_are_inclusive(spark: SparkSession) -> None:
    rows = [
        {**row, "source": "popularity"} if row["subject_id"] == "s1" else row
        for row in candidate_lists({**TODAY, "s2": ["a", "b", "c"]})
    ]
    results = judged(
        spark, rows, expected_subjects=5, last=candidate_lists({name: TODAY[name] for name in ("s1", "s3")})
    )
    # 3 of 12 rows, 2 of 4 lists and 1 of 5 subjects are exactly what LIMITS allow; twice as many rows are not.
    assert failed(results) == ["rows_change"]
    assert (results["fallback_share"].unexpected_count, results["fallback_share"].unexpected_share) == (3, 0.25)
    assert (results["top_item_share"].unexpected_count, results["top_item_share"].unexpected_share) == (2, 0.5)
    assert (results["short_lists"].unexpected_count, results["short_lists"].unexpected_share) == (1, 0.2)


def test_equal_scores_are_no_rise(spark: SparkSession) -> None:
    assert failed(judged(spark, changed(1, score=1.0))) == []


def test_the_first_day_has_nothing_to_compare_with(spark: SparkSession) -> None:
    results = judged(spark, candidate_lists(TODAY), last=None)
    assert failed(results) == []
    for rule in ("rows_change", "overlap_with_last_day"):
        assert results[rule].observed == results[rule].off == "there is no published day to compare with"


def test_a_last_day_without_rows_or_common_subjects_holds(spark: SparkSession) -> None:
    results = judged(spark, candidate_lists(TODAY), last=[])
    assert failed(results) == ["rows_change", "overlap_with_last_day"]
    results = judged(spark, candidate_lists(TODAY), last=candidate_lists({f"t{n}": ["a", "b", "c"] for n in range(4)}))
    assert failed(results) == ["overlap_with_last_day"]
    assert results["overlap_with_last_day"].observed == "no subject had a list on the last published day"


def test_no_rows_keep_no_limit(spark: SparkSession) -> None:
    results = judged(spark, [])
    limits = ["rows_change", "overlap_with_last_day", "top_item_share", "fallback_share", "short_lists"]
    assert failed(results) == limits
    assert results["short_lists"].observed == "0 short lists and 4 subjects without a list, of 4"
    assert failed(judged(spark, [], last=None, expected_subjects=0)) == limits[2:]


def test_users_may_be_called_like_items_and_a_surface_may_have_no_fallback(spark: SparkSession) -> None:
    results = judged(spark, changed(5, item_id="s2"), subject="user", fallback=None)
    assert failed(results) == []
    assert "not_itself" not in results
    assert results["fallback_share"].observed == results["fallback_share"].off == "the surface has no fallback source"
