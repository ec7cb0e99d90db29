"""Error texts name the thing, the value and the next step; exit codes are the design's."""

import pytest

from shortlist import errors


@pytest.mark.parametrize(
    ("error", "code", "parts"),
    [
        (errors.LandingError.no_folder("l/2017-11-30", "2017-11-29"), 2, ["l/2017-11-30", "2017-11-29", "next:"]),
        (errors.LandingError.no_folder("l/2017-11-30", None), 2, ["nothing has been landed at all"]),
        (errors.HeldError.incomplete_landing("l/x", "_SUCCESS"), 3, ["l/x", "_SUCCESS", "next:"]),
        (
            errors.HeldError.missing_landing_days([f"d{n}" for n in range(12)]),
            3,
            ["d0", "and 2 more", "missing_days=allow"],
        ),
        (errors.HeldError.empty_landing("l/x"), 3, ["l/x", "holds no events", "next:"]),
        (
            errors.HeldError.too_many_rejected("l/x", 5, 10, 0.01, [("no valid JSON object", 5, "{oops")]),
            3,
            ["5 of 10", "50.00%", "1.00%", "no valid JSON object", "{oops", "next:"],
        ),
        (
            errors.HeldError.failed_checks("engagements", "run_date=x", ["a", "b"]),
            3,
            ["engagements (run_date=x)", "2 critical", "a", "b"],
        ),
        (
            errors.InputMissingError.no_partition("baskets", "run_date=x", "build_interactions"),
            5,
            ["jobs/build_interactions.py"],
        ),
        (
            errors.ContractError.differs("t", ["a"], ["b"], ["c"]),
            5,
            ["missing: a", "unexpected: b", "of another type: c"],
        ),
        (errors.FencedError.newer_attempt("t", "p", 3, 4), 4, ["attempt 3", "attempt 4", "--attempt"]),
        (
            errors.PublicationError.not_verified("t", 7, ["rows 1 instead of 2"]),
            5,
            ["version 7", "rows 1 instead of 2", "not announced"],
        ),
        (errors.ModelError.not_finite("als", 3), 5, ["als: 3 value(s)", "next:"]),
        (errors.ModelError.nothing_to_learn("interactions"), 5, ["interactions", "next:"]),
        (errors.ModelError.unusable_weights(3), 5, ["3 weight(s)", "NaN, infinite or negative", "next:"]),
        (errors.ModelError.repeated_pairs(2), 5, ["2 row(s) repeat a pair", "next:", "build_interactions"]),
        (
            errors.ModelError.no_placement([("shared", "6.1 GB above 4"), ("shuffled", "no folder")]),
            5,
            ["shared: 6.1 GB above 4", "shuffled: no folder", "als.shared_gigabytes", "als.scratch"],
        ),
    ],
)
def test_error_text_and_exit_code(error: errors.ShortlistError, code: int, parts: list[str]) -> None:
    assert error.exit_code == code
    for part in parts:
        assert part in str(error)
