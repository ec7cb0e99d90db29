"""A contract's quality rules as a Great Expectations suite."""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import DoubleType, FloatType

from shortlist.errors import ContractError
from shortlist.tables import Rule, Table

if TYPE_CHECKING:
    import great_expectations as gx
    from great_expectations.expectations.expectation import Expectation

PARAMETER = re.compile(r"\$\{(\w+)\}")
COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list")
BETWEEN = "expect_column_values_to_be_between"


def suite(table: Table, parameters: Mapping[str, object]) -> "gx.ExpectationSuite":
    """Every rule of the table's contract as an expectation, in the contract's order.

    An expectation carries the rule's severity, and its name in `meta["rule"]`.

    Args:
        table: whose rules.
        parameters: the value of `${name}` in a rule's arguments; values keep their type.

    Raises:
        ContractError: a parameter that no rule uses or that is not given, a rule name used twice, a column that the
            contract does not state, an expectation that Great Expectations does not know or arguments that it refuses.
    """
    import great_expectations as gx

    path = _contract_file(table)
    twice = [name for name, times in Counter(rule.name for rule in table.rules).items() if times > 1]
    if twice:
        raise ContractError.invalid(
            path, f"rule {twice[0]!r} is stated twice; next: give each quality rule a name of its own"
        )
    used = {name for rule in table.rules for name in _parameters(rule.arguments)}
    unused = sorted(set(parameters) - used)
    if unused:
        known = ", ".join(sorted(used)) or "none"
        problem = f"parameter {unused[0]!r} is used by none of its rules; next: leave it out; used are: {known}"
        raise ContractError.invalid(path, problem)
    return gx.ExpectationSuite(
        name=table.name, expectations=[_expectation(table, rule, parameters) for rule in table.rules]
    )


def rule_columns(rule: Rule) -> tuple[str, ...]:
    """The columns that a rule looks at, in its own order; none for a rule on the whole table."""
    named = [rule.arguments[argument] for argument in COLUMN_ARGUMENTS if argument in rule.arguments]
    return tuple(name for names in named for name in (names if isinstance(names, list) else [names]))


def _expectation(table: Table, rule: Rule, parameters: Mapping[str, object]) -> "Expectation":
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.registry import get_expectation_impl

    path = _contract_file(table)
    strangers = [name for name in rule_columns(rule) if name not in table.columns]
    if strangers:
        raise ContractError.invalid(
            path, f"rule {rule.name!r} looks at {strangers[0]!r}, which is not one of its columns"
        )
    arguments = {name: _filled(path, rule, value, parameters) for name, value in rule.arguments.items()}
    try:
        kind = get_expectation_impl(rule.expectation)
    except ExpectationNotFoundError as error:
        problem = f"rule {rule.name!r}: Great Expectations knows no {rule.expectation!r}; next: look for a typing error"
        raise ContractError.invalid(path, problem) from error
    try:
        # Great Expectations still validates with pydantic 1, whose errors are ValueErrors.
        return kind(
            **_bounded(table, rule, arguments),
            severity=FailureSeverity(rule.severity),
            description=rule.description,
            meta={"rule": rule.name},
        )
    except (ValueError, TypeError) as error:
        raise ContractError.invalid(
            path, f"rule {rule.name!r}: {rule.expectation} refuses {_refused(error)}"
        ) from error


def _bounded(table: Table, rule: Rule, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with an upper bound for floating point columns that have a lower one only.

    To Spark NaN is above every number, so `NaN >= 0` holds: without an upper bound NaN and infinity would pass.
    """
    floating = any(isinstance(table.schema[name].dataType, DoubleType | FloatType) for name in rule_columns(rule))
    half_open = arguments.get("min_value") is not None and arguments.get("max_value") is None
    if rule.expectation == BETWEEN and floating and half_open:
        return {**arguments, "max_value": sys.float_info.max}
    return dict(arguments)


def _filled(path: str, rule: Rule, value: Any, parameters: Mapping[str, object]) -> Any:
    """The value with `${name}` replaced; lists and mappings are filled inside."""
    if isinstance(value, list):
        return [_filled(path, rule, element, parameters) for element in value]
    if isinstance(value, Mapping):
        return {name: _filled(path, rule, element, parameters) for name, element in value.items()}
    if not isinstance(value, str) or not PARAMETER.search(value):
        return value
    whole = PARAMETER.fullmatch(value)
    if whole is None:
        problem = f"rule {rule.name!r}: {value!r} mixes a parameter with text; next: let ${{name}} be the whole value"
        raise ContractError.invalid(path, problem)
    if whole[1] not in parameters:
        given = ", ".join(sorted(parameters)) or "none"
        problem = f"rule {rule.name!r} needs parameter {whole[1]!r}, which is not given (given: {given})"
        raise ContractError.invalid(path, f"{problem}; next: pass it to the audit")
    return parameters[whole[1]]


def _parameters(value: Any) -> Iterator[str]:
    """Every parameter named anywhere in the arguments."""
    if isinstance(value, str):
        yield from PARAMETER.findall(value)
    elif isinstance(value, Mapping):
        for element in value.values():
            yield from _parameters(element)
    elif isinstance(value, list):
        for element in value:
            yield from _parameters(element)


def _refused(error: Exception) -> str:
    """Argument and reason, one after the other, from what pydantic or Python says."""
    stated = getattr(error, "errors", None)
    if not callable(stated):
        return str(error)
    reasons = {
        ".".join(map(str, entry["loc"])).replace("__root__", "its arguments"): entry["msg"] for entry in stated()
    }
    return "; ".join(f"{where}: {reason}" for where, reason in reasons.items())


def _contract_file(table: Table) -> str:
    return f"{table.contract}.odcs.yaml"
