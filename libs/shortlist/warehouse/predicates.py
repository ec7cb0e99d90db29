"""Predicates on partition columns, as Delta and Spark read them; values are quoted, never pasted."""

from collections.abc import Sequence
from datetime import date


def equals(**values: date | str) -> str:
    """Predicate `a = 'x' AND b = 'y'` for `replaceWhere`; values are quoted, never pasted."""
    return " AND ".join(f"{name} = {_literal(value)}" for name, value in values.items())


def between(column: str, first: date, last: date) -> str:
    """Predicate for a closed range of days."""
    return f"{column} >= {_literal(first)} AND {column} <= {_literal(last)}"


def one_of(column: str, days: Sequence[date]) -> str:
    """Predicate for a set of days, which need not follow one another."""
    return f"{column} IN ({', '.join(map(_literal, days))})"


def _literal(value: date | str) -> str:
    if isinstance(value, date):
        return f"DATE'{value.isoformat()}'"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
