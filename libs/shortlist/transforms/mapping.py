"""A producer's fields as the contract's columns: where each is found, and the event type of its word."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from shortlist.columns import EVENT_TYPE
from shortlist.config import FeedConfig

Paths = Mapping[str, tuple[str, ...]]


def text_schema(paths: Paths, corrupt: str) -> StructType:
    """What to read from a line of JSON: the value at every path as text, and where to put a line that is none.

    A path of several parts may be a field's own name too: producers flatten objects to `user.id`.

    Text first, because a typed JSON read turns a change of type into NULL without a word.
    """
    tree: dict[str, Any] = {}
    for path in paths.values():
        inside = tree
        *parents, leaf = path
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[leaf] = None
        tree[".".join(path)] = None
    return _struct(tree).add(StructField(corrupt, StringType()))


def given_columns(feed: FeedConfig, landed: Mapping[str, Column]) -> dict[str, Column]:
    """Contract column: what the producer gave for it, as text; a column that the mapping does not name is left out.

    Args:
        feed: the mapping.
        landed: name of each value that is read: the value, as text.
    """
    constants: dict[str, Column] = {name: F.lit(str(value)) for name, value in feed.constants.items()}
    return {**constants, **{str(name): landed[str(name)] for name in feed.mapped}}


def landed_values(paths: Paths, row: Column, folder_values: Column, nested: bool) -> dict[str, Column]:
    """Each value that is read of a row, as text; where the row has none, what the names of its folders say.

    Args:
        paths: name of a value: where it lies.
        row: a struct.
        folder_values: map from column to value.
        nested: whether the struct is as `text_schema` says; else it has a field for each value.
    """
    found = {}
    for name, path in paths.items():
        value = row
        for part in path if nested else (name,):
            value = value.getField(part)
        if len(path) == 1:
            value = F.coalesce(value, folder_values[path[0]])
        elif nested:
            value = F.coalesce(value, row.getField(".".join(path)))
        found[name] = value
    return found


def event_type_of(feed: FeedConfig, word: Column) -> Column:
    """The event type that a producer's word or number means; empty for one that the settings do not name."""
    if feed.event_types_by_number:
        number = word.try_cast("double")
        kind = F.lit(None).cast("string")
        for lowest in sorted(feed.event_types_by_number):
            kind = F.when(number >= lowest, F.lit(feed.event_types_by_number[lowest])).otherwise(kind)
        return F.when(~F.isnan(number), kind)
    if not feed.event_types or EVENT_TYPE in feed.constants:
        return word
    return F.create_map(*(F.lit(part) for pair in feed.event_types.items() for part in pair))[word]


def _struct(tree: Mapping[str, Any]) -> StructType:
    return StructType(
        [StructField(name, StringType() if inside is None else _struct(inside)) for name, inside in tree.items()]
    )
