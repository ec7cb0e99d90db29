"""Error texts name the thing, the value and the next step; exit codes are the design's."""

from datetime import date

import pytest

from shortlist import errors

DAY = date(2017, 11, 30)


@pytest.mark.parametrize(
    ("error", "code", "parts"),
    [
        (errors.LandingError.no_folder("l/2017-11-30", "2017-11-29"), 2, ["l/2017-11-30", "2017-11-29", "next:"]),
        (errors.LandingError.no_folder("l/2017-11-30", None), 2, ["nothing has been landed at all"]),
        (
            errors.SettingsError.not_named("SHORTLIST_HOME", "the folder", "name it"),
            2,
            ["SHORTLIST_HOME is not set", "the folder", "next: export SHORTLIST_HOME=..., or name it"],
        ),
        (
            errors.ClusterError.differs(["executor h:1: numpy is missing; next: install it", "y"]),
            2,
            ["not ready for a night", "executor h:1: numpy is missing; next: install it", "  y"],
        ),
        (
            errors.ClusterError.no_answer("asking", "a\nNo module named 'shortlist'\n"),
            2,
            ["asking failed: No module named 'shortlist'", "next: ship the project's code"],
        ),
        (errors.SettingsError.not_confirmed(), 2, ["nothing was changed", "--yes"]),
        (errors.HeldError.incomplete_landing("l/x", "_SUCCESS"), 3, ["l/x", "_SUCCESS", "next:"]),
        (
            errors.HeldError.missing_landing_days([f"d{n}" for n in range(12)]),
            3,
            ["d0", "and 2 more", "missing_days=allow"],
        ),
        (
            errors.HeldError.over_budget("train_als", [("flops", 8.6e5, 5e5)], "18 observations", "set als.factors=32"),
            3,
            [
                "train_als",
                "18 observations",
                "8.6e+05 flops",
                "budget.flops is 5e+05",
                "next: set als.factors=32",
                "8.7e+05",
            ],
        ),
        (errors.HeldError.empty_landing("l/x"), 3, ["l/x", "holds no events", "next:"]),
        (
            errors.HeldError.too_many_rejected("l/x", 5, 10, 0.01, [("no valid JSON object", 5, "{oops")]),
            3,
            ["5 of 10", "50.00%", "1.00%", "no valid JSON object", "{oops", "next:"],
        ),
        (
            errors.HeldError.too_many_of_a_kind("l/x", "missing", 5, 10, 0.01, [("user_id is missing", 5, "{oops")]),
            3,
            ["l/x", "missing speaks against 5 of 10", "50.00%", "max_share_by_reason.missing", "{oops", "next:"],
        ),
        (
            errors.HeldError.unreadable_landing([(f"f{n}", "it was gone") for n in range(22)]),
            3,
            ["22 landed file(s)", "f0: it was gone", "and 2 more", "next:"],
        ),
        (errors.LandingError.no_delta("l/x", "it has no _delta_log"), 2, ["l/x", "it has no _delta_log", "next:"]),
        (
            errors.AccountError.does_not_balance([("f1", 3), ("f2", -1)]),
            5,
            ["2 file(s)", "f1: +3", "f2: -1", "nothing was written", "next:"],
        ),
        (
            errors.HeldError.failed_checks("engagements", "run_date=x", ["a", "b"]),
            3,
            ["engagements (run_date=x)", "2 critical", "a", "b"],
        ),
        (
            errors.ContractError.table_drifted("candidates_x", "candidates.odcs.yaml", ["column a is missing", "b is"]),
            5,
            [
                "candidates_x differs from schemas/candidates.odcs.yaml",
                "a is missing; b is",
                "nothing was written",
                "next:",
            ],
        ),
        (
            errors.ModelError.of_several_trainings(
                "run_date=x", {"user_factors": "a1", "item_factors": "b2"}, "train_als"
            ),
            5,
            ["run_date=x", "user_factors is of a1, item_factors is of b2", "nothing was written", "jobs/train_als.py"],
        ),
        (
            errors.ModelError.not_what_was_trained("item_factors", "run_date=x", "3-aa", "3-bb", "train_als"),
            5,
            ["item_factors (run_date=x)", "3-bb instead of 3-aa", "nothing was written", "jobs/train_als.py"],
        ),
        (
            errors.StorageError.not_written("candidates_homefeed", "/w", "No space left on device"),
            5,
            ["candidates_homefeed", "/w", "No space left", "stays served", "shortlist doctor", "next:"],
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
        (
            errors.OvertakenError.by_a_commit("t", 7),
            4,
            ["t: another writer", "version 7", "nothing was changed", "next:"],
        ),
        (
            errors.NotPublishedError.day("s", DAY, ("rolled_back", "bad"), [date(2017, 11, 16), date(2017, 11, 23)]),
            2,
            ["for 2017-11-30", "it was rolled back: bad", "choose one of 2017-11-23, 2017-11-16"],
        ),
        (errors.NotPublishedError.day("s", None, None, []), 2, ["s: nothing is published", "shortlist status"]),
        (errors.NotPublishedError.table_is_gone("s", "candidates_s", DAY), 3, ["candidates_s", "shortlist verify s"]),
        (errors.RollbackError.nothing_published("s"), 2, ["s: nothing is published", "next:"]),
        (errors.RollbackError.only_day("s", DAY), 2, ["2017-11-30 is the only published day", "next:"]),
        (
            errors.RollbackError.not_an_earlier_day("s", DAY, DAY, [date(2017, 11, 16), date(2017, 11, 23)]),
            2,
            ["--to 2017-11-30", "choose one of 2017-11-23, 2017-11-16"],
        ),
        (
            errors.RollbackError.target_is_broken("s", DAY, 7, ["rows 1 instead of 2"]),
            3,
            ["s: 2017-11-30 at version 7", "rows 1 instead of 2", "shortlist verify s"],
        ),
        (
            errors.LandingError.bad_request("erasures/x/r.json", 2, "is no JSON"),
            2,
            ["erasures/x/r.json line 2: is no JSON", "nothing was erased", "next:"],
        ),
        (
            errors.SettingsError.no_log_store("s3://b/w", "x cannot be loaded"),
            2,
            ["s3://b/w", "lose commits", "x cannot be loaded", "next: infra/setup --object-store"],
        ),
        (
            errors.ConflictError.with_other_writers("t", "delete", 5, "ConcurrentAppendException"),
            5,
            [
                "t: another writer",
                "5 times that delete",
                "ConcurrentAppendException",
                "nothing of it",
                "next: run the same",
            ],
        ),
        (errors.ErasedError.meanwhile("train_als", None, 3), 5, ["train_als", "version 3, was at None", "next:"]),
        (errors.ErasedError.never_quiet(["a", "b"], 5), 5, ["a, b", "each of 5 passes", "no proof", "next:"]),
        (errors.ErasedError.still_named(["t/_delta_log/1.json"]), 5, ["t/_delta_log/1.json", "no proof", "next:"]),
        (
            errors.MaintenanceError.rows_changed("t", 3, 2),
            5,
            ["t: 2 rows", "3 before", "nothing was vacuumed", "next:"],
        ),
        (errors.ModelError.not_finite("als", 3), 5, ["als: 3 value(s)", "next:"]),
        (errors.ModelError.nothing_to_learn("interactions"), 5, ["interactions", "next:"]),
        (errors.ModelError.unusable_weights(3), 5, ["3 weight(s)", "NaN, infinite or negative", "next:"]),
        (errors.ModelError.repeated_pairs(2), 5, ["2 row(s) repeat a pair", "next:", "build_interactions"]),
        (
            errors.ModelError.unusable_baskets("board", {"repeat an item of a basket": 2, "are odd": 1}),
            5,
            ["kind board", "2 row(s) repeat an item", "1 row(s) are odd", "nothing was written", "build_interactions"],
        ),
        (
            errors.ModelError.no_basket_placement([("local", "6.1 GB above 4"), ("mapped", "no folder")]),
            5,
            ["local: 6.1 GB above 4", "mapped: no folder", "cooccurrence.shared_gigabytes", "cooccurrence.scratch"],
        ),
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


def test_no_error_speaks_to_the_terminal() -> None:
    said = str(errors.ContractError.invalid("x", "a\x1b[2J\x00\x9bb\tc\nd"))
    assert said == "contract x: a\\x1b[2J\\x00\\x9bb\tc\nd"


def test_a_long_value_is_cut() -> None:
    said = str(errors.SettingsError.bad_argument("--attempt", "9" * 10_000, "is no number"))
    assert "... (10002 characters): is no number" in said
    assert len(said) < 400
