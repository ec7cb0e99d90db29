"""Contracts: what `schemas/<table>.odcs.yaml` states, read without Spark.

`shortlist.tables` makes Spark's tables of them; people's command line holds tables against them without a JVM.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, get_args

from open_data_contract_standard.model import (
    DataQuality,
    OpenDataContractStandard,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)

from shortlist.errors import ContractError

CONTRACTS: Final = resources.files("shortlist.schemas")
_ENDING: Final = ".odcs.yaml"
# All candidates tables have the contract `candidates`, and are named by their surface.
_CANDIDATES_OF: Final = "candidates_"
# How much a quality rule weighs: a critical failure holds the run, a warning shows.
Severity = Literal["critical", "warning"]
# Whom an id column names: a kind of subject; `surface` the kind that the lists of the row's surface are made for; `basket`
# a basket of users, which engagements say; `none` nobody.
SubjectOf = Literal["user", "item", "query", "surface", "basket", "none"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its name.
        type: its type in Spark's words.
        required: whether it is never empty.
        description: one sentence.
        subject: whom it names (property `subject`); None where it is no id.
        emptied: whether an erased subject is taken out of the column (property `erasure: empty`), and not the whole row.
        quotes: whether its text may quote ids (property `quotes: subjects`).
    """

    name: str
    type: str
    required: bool
    description: str
    subject: SubjectOf | None = None
    emptied: bool = False
    quotes: bool = False


@dataclass(frozen=True)
class Contract:
    """What one contract file states.

    Attributes:
        file: name of the file.
        description: purpose, in a sentence.
        columns: in contract order.
        key: columns that name a row, in order.
        partition: partition columns, in order.
        quality: quality rules as the file has them.
        properties: Delta table properties.
        retention: how long partitions are kept, in the contract's words.
        latency_days: freshness promise: how many days the newest published run date may lie behind the day on which
            somebody looks; None where the contract promises nothing.
    """

    file: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partition: tuple[str, ...]
    quality: tuple[DataQuality, ...]
    properties: Mapping[str, str]
    retention: str
    latency_days: int | None


def candidates_name(surface: str) -> str:
    """Name of a surface's candidates table."""
    return f"{_CANDIDATES_OF}{surface}"


def surface_of(table: str) -> str | None:
    """The surface whose candidates table has this name; None for any other table."""
    return table.removeprefix(_CANDIDATES_OF) if table.startswith(_CANDIDATES_OF) else None


def contract_names() -> list[str]:
    """Every contract there is, by name."""
    return sorted(entry.name.removesuffix(_ENDING) for entry in CONTRACTS.iterdir() if entry.name.endswith(_ENDING))


@cache
def read_contract(name: str) -> Contract:
    """The contract `schemas/<name>.odcs.yaml`.

    Raises:
        ContractError: when the file states something that cannot be meant.
    """
    file = f"{name}{_ENDING}"
    stated = OpenDataContractStandard.from_string((CONTRACTS / file).read_text(encoding="utf-8"))
    if not stated.schema_ or len(stated.schema_) != 1:
        raise ContractError.invalid(file, "it must state exactly one table under `schema`")
    columns = stated.schema_[0].properties or []
    sla = {entry.property: entry for entry in stated.slaProperties or []}
    if "retention" not in sla:
        raise ContractError.invalid(file, "slaProperties state no retention")
    return Contract(
        file=file,
        description=(stated.description.purpose or "") if stated.description else "",
        columns=tuple(_column(file, column) for column in columns),
        key=_placed(columns, "primaryKeyPosition"),
        partition=_placed(columns, "partitionKeyPosition"),
        quality=tuple(stated.schema_[0].quality or []),
        properties={str(entry.property): str(entry.value) for entry in stated.customProperties or []},
        retention=f"{sla['retention'].value} {sla['retention'].unit}",
        latency_days=_days(file, sla.get("latency")),
    )


def _days(file: str, latency: ServiceLevelAgreementProperty | None) -> int | None:
    if latency is None:
        return None
    if not isinstance(latency.value, int) or latency.unit != "d":
        raise ContractError.invalid(file, f"latency {latency.value!r} {latency.unit!r} is no whole number of days (d)")
    return latency.value


def _column(file: str, column: SchemaProperty) -> Column:
    if not column.name or not column.physicalType or not column.description:
        raise ContractError.invalid(file, f"column {column.name!r} needs name, physicalType and description")
    properties = {str(each.property): each.value for each in column.customProperties or []}
    unknown = sorted(properties.keys() - {"subject", "erasure", "quotes"})
    if unknown:
        raise ContractError.invalid(file, f"column {column.name}: unknown property {', '.join(unknown)}")
    subject = _subject(file, column.name, properties.get("subject"))
    emptied = _stated(file, column.name, properties, "erasure", "empty")
    if emptied and (column.required or subject is None):
        raise ContractError.invalid(
            file, f"column {column.name}: erasure: empty needs a column that names a subject and may be empty"
        )
    quotes = _stated(file, column.name, properties, "quotes", "subjects")
    return Column(column.name, column.physicalType, bool(column.required), column.description, subject, emptied, quotes)


def _subject(file: str, column: str, stated: Any) -> SubjectOf | None:
    """Whom a column names; an id column that says nothing is refused, or an erasure would pass over it."""
    if stated is None and not (column == "id" or column.endswith("_id")):
        return None
    for known in get_args(SubjectOf):
        if stated == known:
            subject: SubjectOf = known
            return subject
    kinds = ", ".join(get_args(SubjectOf))
    raise ContractError.invalid(
        file, f"column {column}: its property `subject` is {stated!r}; next: state whom its ids name, one of {kinds}"
    )


def _stated(file: str, column: str, properties: Mapping[str, Any], name: str, value: str) -> bool:
    """Whether a column has a property that knows one value only."""
    if properties.get(name) not in (None, value):
        raise ContractError.invalid(file, f"column {column}: {name} is {properties[name]!r}, not {value}")
    return name in properties


def _placed(columns: list[SchemaProperty], position: str) -> tuple[str, ...]:
    placed = [(getattr(column, position), str(column.name)) for column in columns if getattr(column, position)]
    return tuple(name for _, name in sorted(placed))
