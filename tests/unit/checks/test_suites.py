from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from shortlist.checks.suites import rule_columns, suite
from shortlist.errors import ContractError
from shortlist.tables import CANDIDATES, ENGAGEMENTS, Rule, Table
from tests.spark.checks.rows import DAY

ENDS = datetime(2017, 12, 1, tzinfo=UTC)
BETWEEN = "expect_column_values_to_be_between"
PARAMETERS = {"k": 3, "sources": ["als", "popularity"], "run_date": DAY, "min_subjects": 2, "served_from": ENDS}


def rule(expectation: str, **arguments: Any) -> Rule:
    return Rule("the_rule", "What it says.", expectation, arguments, "critical")


def with_rules(table: Table, *rules: Rule) -> Table:
    return replace(table, rules=rules)


def argument_of(table: Table, name: str, argument: str, parameters: Mapping[str, object]) -> Any:
    """What Great Expectations was given for an argument of a rule."""
    (found,) = [
        expectation for expectation in suite(table, parameters).expectations if expectation.meta == {"rule": name}
    ]
    return getattr(found, argument)


def error_of(table: Table, **parameters: object) -> str:
    with pytest.raises(ContractError) as raised:
        suite(table, parameters)
    return str(raised.value)


def test_every_rule_becomes_an_expectation_in_order() -> None:
    expectations = suite(CANDIDATES, PARAMETERS).expectations
    assert [expectation.meta for expectation in expectations] == [{"rule": rule.name} for rule in CANDIDATES.rules]
    assert [expectation.severity.value for expectation in expectations] == [rule.severity for rule in CANDIDATES.rules]
    assert [expectation.expectation_type for expectation in expectations] == [
        rule.expectation for rule in CANDIDATES.rules
    ]


def test_parameters_keep_their_type_also_inside_lists() -> None:
    assert argument_of(CANDIDATES, "rank_within_k", "max_value", PARAMETERS) == 3
    assert argument_of(CANDIDATES, "source_known", "value_set", PARAMETERS) == ["als", "popularity"]
    days = argument_of(CANDIDATES, "one_run_date", "value_set", PARAMETERS)
    assert [(type(day), day) for day in days] == [(date, DAY)]
    assert argument_of(CANDIDATES, "subjects_enough", "min_value", PARAMETERS) == 2


def test_a_missing_parameter_names_rule_and_parameter() -> None:
    given = {name: value for name, value in PARAMETERS.items() if name != "k"}
    assert error_of(CANDIDATES, **given) == (
        "contract candidates.odcs.yaml: rule 'rank_within_k' needs parameter 'k', which is not given "
        "(given: min_subjects, run_date, served_from, sources); next: pass it to the audit"
    )


def test_an_unused_parameter_is_named() -> None:
    assert error_of(ENGAGEMENTS, run_date=DAY, k=3) == (
        "contract engagements.odcs.yaml: parameter 'k' is used by none of its rules; next: leave it out; "
        "used are: run_date"
    )


def test_a_parameter_inside_a_text_is_refused() -> None:
    mixed = with_rules(CANDIDATES, rule("expect_column_values_to_match_regex", column="source", regex="^${k}$"))
    assert "rule 'the_rule': '^${k}$' mixes a parameter with text" in error_of(mixed, k="als")


def test_an_unknown_expectation_is_refused() -> None:
    unknown = with_rules(CANDIDATES, rule("expect_column_values_to_be_nice", column="score"))
    assert error_of(unknown) == (
        "contract candidates.odcs.yaml: rule 'the_rule': "
        "Great Expectations knows no 'expect_column_values_to_be_nice'; next: look for a typing error"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"column": "rank", "min_value": 1, "mini": 3}, "mini: extra fields not permitted"),
        ({"min_value": 1}, "column: field required"),
        ({"column": "rank"}, "its arguments: min_value and max_value cannot both be None"),
    ],
)
def test_wrong_arguments_are_refused_with_the_reason(arguments: dict[str, Any], reason: str) -> None:
    expected = f"contract candidates.odcs.yaml: rule 'the_rule': {BETWEEN} refuses {reason}"
    assert error_of(with_rules(CANDIDATES, rule(BETWEEN, **arguments))) == expected


def test_a_column_that_the_contract_does_not_state_is_refused() -> None:
    text = error_of(with_rules(CANDIDATES, rule(BETWEEN, column="scores", min_value=1)))
    assert text == "contract candidates.odcs.yaml: rule 'the_rule' looks at 'scores', which is not one of its columns"


def test_two_rules_of_one_name_are_refused() -> None:
    twice = with_rules(CANDIDATES, *[rule(BETWEEN, column="score", min_value=1, max_value=high) for high in (2, 3)])
    assert "rule 'the_rule' is stated twice" in error_of(twice)


@pytest.mark.parametrize(
    ("expectation", "arguments", "columns"),
    [
        ("expect_table_row_count_to_be_between", {"min_value": 1}, ()),
        (BETWEEN, {"column": "score", "min_value": 1}, ("score",)),
        ("expect_compound_columns_to_be_unique", {"column_list": ["subject_id", "rank"]}, ("subject_id", "rank")),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "ingest_date", "column_B": "event_date"},
            ("ingest_date", "event_date"),
        ),
    ],
)
def test_columns_of_a_rule(expectation: str, arguments: dict[str, Any], columns: tuple[str, ...]) -> None:
    assert rule_columns(rule(expectation, **arguments)) == columns


def test_lower_bounds_of_floating_columns_get_an_upper_one() -> None:
    bounds = {
        column: argument_of(
            with_rules(ENGAGEMENTS, rule(BETWEEN, column=column, min_value=0)), "the_rule", "max_value", {}
        )
        for column in ("value", "position")
    }
    assert bounds == {"value": 1.7976931348623157e308, "position": None}
