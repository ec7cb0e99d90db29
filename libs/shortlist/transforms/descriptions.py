"""Landed descriptions (catalog, promotions, members of audiences) as their tables state them, with every reason against a row."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, TimestampType

from shortlist.columns import FAULT, FILE, ITEM_ID, OFFSET, PROMOTION_ID, RAW, REASONS, RECEIPT, SNAPSHOT_DATE, USER_ID
from shortlist.config import DescriptionConfig, IdsConfig
from shortlist.tables import Table
from shortlist.transforms.engagements import faults, reasons_against, taken_apart
from shortlist.transforms.mapping import Paths
from shortlist.transforms.times import event_time, time_text
from shortlist.transforms.values import given_value, id_column

_IDS = (ITEM_ID, PROMOTION_ID, USER_ID)
_GIVEN, _CANONICAL = "_given_", "_canonical_"


def description_paths(table: Table, config: DescriptionConfig, nested: bool) -> Paths:
    """Where each column of a description lies in a landed row."""
    given = {str(name): field for name, field in config.fields.items()}
    constants = {str(name) for name in config.constants}
    fields = {name: given.get(name, name) for name in table.columns if name != SNAPSHOT_DATE and name not in constants}
    return {name: tuple(field.split(".")) if nested else (field,) for name, field in fields.items()}


def description_rows(
    lines: DataFrame, table: Table, config: DescriptionConfig, ids: IdsConfig, paths: Paths
) -> DataFrame:
    """Landed rows with typed columns.

    Args:
        lines: as a `Reader` gives them; rows with a receipt are passed on.
        table: whose columns.
        config: mapping.
        ids: how ids are written.
        paths: as `description_paths` gives them.

    Returns:
        file, offset, raw, receipt, the columns of the table but snapshot_date, and reasons. Persist it before looking at
        reasons.
    """
    rows, landed = taken_apart(lines, paths)
    landed |= {str(name): F.lit(value) for name, value in config.constants.items()}
    fields = [field for field in table.schema if field.name != SNAPSHOT_DATE]
    rows = rows.withColumns(
        {f"{_GIVEN}{field.name}": _value(field, landed[field.name], config, ids) for field in fields}
    )
    times = [field.name for field in fields if isinstance(field.dataType, TimestampType)]
    texts = {f"{_CANONICAL}{name}": time_text(F.col(f"{_GIVEN}{name}"), config.timestamp) for name in times}
    malformed, _ = faults(lines, paths)
    typed = rows.withColumns(texts).withColumns({field.name: _typed(field, config) for field in fields})
    checks = []
    for field in fields:
        given = F.col(f"{_GIVEN}{field.name}")
        checks.append((f"{field.name} has the wrong type", given.isNotNull() & F.col(field.name).isNull()))
        if not field.nullable:
            checks.append((f"{field.name} is missing", F.col(FAULT).isNull() & given.isNull()))
    reasons = reasons_against(malformed, checks)
    return typed.select(FILE, OFFSET, RAW, RECEIPT, *(field.name for field in fields), reasons.alias(REASONS))


def _value(field: StructField, text: Column, config: DescriptionConfig, ids: IdsConfig) -> Column:
    value = given_value(text, config.no_value)
    return id_column(value, ids) if field.name in _IDS else value


def _typed(field: StructField, config: DescriptionConfig) -> Column:
    given, kind = F.col(f"{_GIVEN}{field.name}"), field.dataType
    if isinstance(kind, TimestampType):
        return event_time(given, F.col(f"{_CANONICAL}{field.name}"), config.timestamp).time
    if isinstance(kind, ArrayType):
        return _list(given, kind, config.list_separator)
    return given if isinstance(kind, StringType) else F.btrim(given).try_cast(kind)


def _list(text: Column, kind: ArrayType, separator: str | None) -> Column:
    """A JSON list, or the parts of a text."""
    parts = F.array(text) if separator is None else F.split(text, F.lit(_literally(separator)))
    whole = F.transform(parts, F.trim)
    return F.when(F.ltrim(text).startswith("["), F.from_json(text, kind)).when(text.isNotNull(), whole)


def _literally(separator: str) -> str:
    return "".join(f"\\x{{{ord(letter):x}}}" for letter in separator)
