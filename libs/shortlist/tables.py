"""Tables, made from their contracts: `schemas/<table>.odcs.yaml` is the only statement of a table.

A `Table` knows columns, key, partitioning, rules and Delta properties; it never touches storage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from open_data_contract_standard.model import DataQuality
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from shortlist.contracts import Column, Severity, SubjectOf, candidates_name, read_contract
from shortlist.errors import ContractError

# Spark's own DDL parser would start a JVM; these are all the types that a contract may name.
TYPES: Final[Mapping[str, DataType]] = {
    "string": StringType(),
    "binary": BinaryType(),
    "boolean": BooleanType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "float": FloatType(),
    "double": DoubleType(),
    "date": DateType(),
    "timestamp": TimestampType(),
    "array<string>": ArrayType(StringType()),
    "array<int>": ArrayType(IntegerType()),
    "array<float>": ArrayType(FloatType()),
}


@dataclass(frozen=True)
class Rule:
    """One quality rule of a contract, as Great Expectations understands it.

    Attributes:
        name: what the rule is called in reports and errors.
        description: one sentence for people.
        expectation: an expectation type such as `expect_column_values_to_be_in_set`.
        arguments: its keyword arguments; a value `${name}` is filled in by the check.
        severity: whether its failure holds the run or shows as a warning.
    """

    name: str
    description: str
    expectation: str
    arguments: Mapping[str, Any]
    severity: Severity


@dataclass(frozen=True)
class Table:
    """What one Delta table is.

    Attributes:
        name: folder below the warehouse root.
        contract: stem of its contract file; all candidates tables share one.
        description: purpose, for the table's comment and the docs.
        schema: columns with nullability and comments, in contract order.
        key: columns that name a row, in order.
        partition: partition columns, in order.
        rules: explicit quality rules, then those that key and required columns imply.
        properties: Delta table properties.
        retention: how long partitions are kept, in the contract's words.
        subjects: whom ids name, by column.
        emptied: those of these columns that an erasure empties, and leaves the row.
        quotes: columns whose text may quote ids.
    """

    name: str
    contract: str
    description: str
    schema: StructType
    key: tuple[str, ...]
    partition: tuple[str, ...]
    rules: tuple[Rule, ...]
    properties: Mapping[str, str]
    retention: str
    subjects: Mapping[str, SubjectOf]
    emptied: tuple[str, ...]
    quotes: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Column names in contract order."""
        return [field.name for field in self.schema]

    @property
    def names_subjects(self) -> bool:
        """Whether a row may name somebody who can be erased, by id or in a text."""
        return bool(self.quotes) or any(subject != "none" for subject in self.subjects.values())

    def conform(self, frame: DataFrame) -> DataFrame:
        """The frame with exactly the contract's columns in the contract's order.

        Raises:
            ContractError: naming every missing, unexpected and differently typed column.
        """
        given = {field.name: field.dataType for field in frame.schema}
        wanted = {field.name: field.dataType for field in self.schema}
        missing = [name for name in wanted if name not in given]
        unexpected = [name for name in given if name not in wanted]
        changed = [
            f"{name} ({given[name].simpleString()}, not {kind.simpleString()})"
            for name, kind in wanted.items()
            if name in given and not _same_type(given[name], kind)
        ]
        if missing or unexpected or changed:
            raise ContractError.differs(self.contract, missing, unexpected, changed)
        return frame.select(*(F.col(name) for name in wanted))


def load_table(contract: str) -> Table:
    """The table that `schemas/<contract>.odcs.yaml` states.

    Raises:
        ContractError: when the file states something that cannot be built.
    """
    stated = read_contract(contract)
    fields = [_field(stated.file, column) for column in stated.columns]
    rules = [_rule(stated.file, quality) for quality in stated.quality]
    return Table(
        name=contract,
        contract=contract,
        description=stated.description,
        schema=StructType(fields),
        key=stated.key,
        partition=stated.partition,
        rules=(*rules, *_implied_rules(stated.key, fields)),
        properties=stated.properties,
        retention=stated.retention,
        subjects={column.name: column.subject for column in stated.columns if column.subject is not None},
        emptied=tuple(column.name for column in stated.columns if column.emptied),
        quotes=tuple(column.name for column in stated.columns if column.quotes),
    )


@cache
def candidates_table(surface: str) -> Table:
    """The candidates table of a surface; all of them have one contract."""
    return replace(CANDIDATES, name=candidates_name(surface))


def _field(path: str, column: Column) -> StructField:
    kind = TYPES.get(column.type)
    if kind is None:
        raise ContractError.invalid(
            path, f"column {column.name}: type {column.type!r} is not one of {', '.join(TYPES)}"
        )
    return StructField(column.name, kind, nullable=not column.required, metadata={"comment": column.description})


def _rule(path: str, quality: DataQuality) -> Rule:
    stated = quality.implementation
    if quality.engine != "greatExpectations" or not isinstance(stated, dict) or not quality.name:
        raise ContractError.invalid(
            path, f"quality rule {quality.name!r} needs a name, engine greatExpectations and a mapping"
        )
    if quality.severity not in ("critical", "warning"):
        raise ContractError.invalid(
            path, f"quality rule {quality.name!r}: severity {quality.severity!r} is not critical or warning"
        )
    severity: Severity = "critical" if quality.severity == "critical" else "warning"
    return Rule(
        quality.name, quality.description or "", str(stated["type"]), dict(stated.get("kwargs") or {}), severity
    )


def _implied_rules(key: tuple[str, ...], fields: list[StructField]) -> list[Rule]:
    rules = [
        Rule(
            f"{field.name}_present",
            f"{field.name} is never empty.",
            "expect_column_values_to_not_be_null",
            {"column": field.name},
            "critical",
        )
        for field in fields
        if not field.nullable
    ]
    if len(key) == 1:
        rules.append(
            Rule("key_unique", "One row per key.", "expect_column_values_to_be_unique", {"column": key[0]}, "critical")
        )
    elif key:
        unique = {"column_list": list(key)}
        rules.append(Rule("key_unique", "One row per key.", "expect_compound_columns_to_be_unique", unique, "critical"))
    return rules


def _same_type(left: DataType, right: DataType) -> bool:
    """Equal but for the nullability inside arrays, which Spark widens at will."""
    if isinstance(left, ArrayType) and isinstance(right, ArrayType):
        return _same_type(left.elementType, right.elementType)
    return left == right


ENGAGEMENTS: Final = load_table("engagements")
QUARANTINE: Final = load_table("quarantine")
CATALOG: Final = load_table("catalog")
PROMOTIONS: Final = load_table("promotions")
AUDIENCE_MEMBERS: Final = load_table("audience_members")
INTERACTIONS: Final = load_table("interactions")
BASKETS: Final = load_table("baskets")
USER_FACTORS: Final = load_table("user_factors")
ITEM_FACTORS: Final = load_table("item_factors")
RELATED_ITEMS: Final = load_table("related_items")
SOURCE_CANDIDATES: Final = load_table("source_candidates")
UNCHECKED_CANDIDATES: Final = load_table("unchecked_candidates")
SHORT_LISTS: Final = load_table("short_lists")
AUDIENCES: Final = load_table("audiences")
CANDIDATES: Final = load_table("candidates")
BLENDS: Final = load_table("blends")
EVALUATIONS: Final = load_table("evaluations")
BACKTESTS: Final = load_table("backtests")
PUBLICATIONS: Final = load_table("publications")
ERASURES: Final = load_table("erasures")

# All of them; the candidates table of a surface is made by `candidates_table`, see `tables_of`.
TABLES: Final = (
    ENGAGEMENTS,
    QUARANTINE,
    CATALOG,
    PROMOTIONS,
    AUDIENCE_MEMBERS,
    INTERACTIONS,
    BASKETS,
    USER_FACTORS,
    ITEM_FACTORS,
    RELATED_ITEMS,
    SOURCE_CANDIDATES,
    UNCHECKED_CANDIDATES,
    SHORT_LISTS,
    AUDIENCES,
    CANDIDATES,
    BLENDS,
    EVALUATIONS,
    BACKTESTS,
    PUBLICATIONS,
    ERASURES,
)


def tables_of(surfaces: Iterable[str]) -> list[Table]:
    """Every table of a deployment, that of each surface instead of `CANDIDATES`."""
    return [each for table in TABLES for each in (map(candidates_table, surfaces) if table is CANDIDATES else (table,))]
