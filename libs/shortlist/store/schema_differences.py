"""The columns that a table has, against those that its contract states. No Spark."""

import json
from collections.abc import Mapping
from typing import Any, Final

from deltalake import DeltaTable

from shortlist.contracts import Contract

# Delta's words for the types of a contract, where they differ.
_DELTA_TYPES: Final = {"int": "integer", "bigint": "long"}


def fields_of(table: DeltaTable) -> dict[str, dict[str, Any]]:
    """Delta's own words for the columns of an opened table, by name."""
    return {field["name"]: field for field in json.loads(table.schema().to_json())["fields"]}


def differences(fields: Mapping[str, Mapping[str, Any]], contract: Contract) -> list[str]:
    """What differs, in words; a column that may be empty and is not there yet is no difference."""
    wanted = {column.name: column for column in contract.columns}
    found = [f"column {name} is missing" for name in wanted if name not in fields and wanted[name].required]
    found += [f"column {name} is not in the contract" for name in fields if name not in wanted]
    for name, column in wanted.items():
        if name not in fields:
            continue
        kind, nullable = _type(fields[name]["type"]), fields[name]["nullable"]
        if kind != _type(column.type):
            found.append(f"column {name} is {kind}, not {_type(column.type)}")
        if nullable and column.required:
            found.append(f"column {name} may be empty")
        if not nullable and not column.required:
            found.append(f"column {name} may not be empty")
    return found


def _type(stated: str | dict[str, Any]) -> str:
    """A type in Delta's words, an array as `array<element>`."""
    if isinstance(stated, dict):
        return f"array<{stated['elementType']}>" if stated.get("type") == "array" else str(stated.get("type"))
    if stated.startswith("array<"):
        return f"array<{_type(stated[6:-1])}>"
    return _DELTA_TYPES.get(stated, stated)
