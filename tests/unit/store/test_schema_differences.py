"""A table against its contract, in each direction: columns come, go, are renamed, change their type."""

from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from shortlist.contracts import Column, Contract, read_contract
from shortlist.store.schema_differences import differences, fields_of
from tests.published import create

STATED = read_contract("candidates")


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, dict[str, object]]:
    create(str(tmp_path / "t"), "candidates")
    return fields_of(DeltaTable(str(tmp_path / "t")))


def contract(**changes: Column | None) -> Contract:
    """The contract with columns replaced, added, or (None) gone."""
    columns = {column.name: column for column in STATED.columns} | changes
    return replace(STATED, columns=tuple(column for column in columns.values() if column is not None))


def column(name: str, kind: str, required: bool = True) -> Column:
    return Column(name, kind, required, "A column.")


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"price": column("price", "double")}, ["column price is missing"], id="gained"),
        pytest.param({"price": column("price", "double", required=False)}, [], id="gained, may be empty"),
        pytest.param({"reason": None}, ["column reason is not in the contract"], id="lost"),
        pytest.param(
            {"reason": column("because", "string")},
            ["column because is missing", "column reason is not in the contract"],
            id="renamed",
        ),
        pytest.param({"score": column("score", "float")}, ["column score is double, not float"], id="type"),
        pytest.param(
            {"sources": column("sources", "string")}, ["column sources is array<string>, not string"], id="list"
        ),
        pytest.param({"score": column("score", "double", required=False)}, ["column score may not be empty"], id="lax"),
        pytest.param(
            {"expires_at": column("expires_at", "timestamp")}, ["column expires_at may be empty"], id="strict"
        ),
    ],
)
def test_every_difference_is_named(
    fields: dict[str, dict[str, object]], changed: dict[str, Column | None], found: list[str]
) -> None:
    assert differences(fields, contract(**changed)) == found
