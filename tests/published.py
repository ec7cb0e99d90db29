"""Published surfaces without Spark: tables as their contracts state them, committed and announced as the jobs do."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.schema import ArrayType, PrimitiveType

from shortlist.contracts import read_contract
from shortlist.store.digests import DIGESTED, digest_rows

TYPES: Final[dict[str, Any]] = {
    "string": pl.String,
    "boolean": pl.Boolean,
    "int": pl.Int32,
    "bigint": pl.Int64,
    "float": pl.Float32,
    "double": pl.Float64,
    "date": pl.Date,
    "timestamp": pl.Datetime("us", "UTC"),
    "array<string>": pl.List(pl.String),
    "array<int>": pl.List(pl.Int32),
    "array<float>": pl.List(pl.Float32),
}


def frame_of(contract: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows with the contract's columns; what a row does not name is empty."""
    columns = read_contract(contract).columns
    full = [{column.name: row.get(column.name) for column in columns} for row in rows]
    return pl.DataFrame(full, {column.name: TYPES[column.type] for column in columns})


def scored_candidates(
    surface: str,
    day: date,
    proposed: Mapping[tuple[str, str], Iterable[str]],
    removed: Mapping[tuple[str, str], str] = {},
) -> list[dict[str, Any]]:
    """Rows of source_candidates: a source scores what it proposed by 1 / rank, and adds as much to the blend.

    Args:
        surface: the surface.
        day: run date.
        proposed: (subject, source): items, best first.
        removed: (subject, item): the rule that left it out.
    """
    sources = list(dict.fromkeys(source for _, source in proposed))
    ranks = {
        (subject, item, source): rank
        for (subject, source), items in proposed.items()
        for rank, item in enumerate(items, start=1)
    }
    rows = []
    for subject, item in dict.fromkeys((subject, item) for subject, item, _ in ranks):
        own = [ranks.get((subject, item, source)) for source in sources]
        scores = [None if rank is None else 1.0 / rank for rank in own]
        rows.append(
            {
                "surface": surface,
                "subject_id": subject,
                "item_id": item,
                "score": sum(filter(None, scores)),
                "removed_by": removed.get((subject, item)),
                "sources": sources,
                "ranks": own,
                "scores": scores,
                "contributions": [score or 0.0 for score in scores],
                "run_date": day,
            }
        )
    return rows


def write(root: Path, table: str, contract: str, rows: list[dict[str, Any]], **commit: Any) -> int:
    """Replace the run date of the rows (where the contract has one) or add them; returns the version."""
    path, frame = str(root / table), frame_of(contract, rows)
    partition = list(read_contract(contract).partition)
    create(path, contract)
    if partition == ["run_date"]:
        commit["predicate"] = f"run_date = DATE '{rows[0]['run_date']}'"
    frame.write_delta(path, mode="overwrite" if "predicate" in commit else "append", delta_write_options=commit)
    return DeltaTable(path).version()


def create(path: str, contract: str, without: tuple[str, ...] = ()) -> None:
    """The empty table that the contract states, or stated before it gained some columns: version 0, as the jobs make it."""
    if DeltaTable.is_deltatable(path):
        return
    stated = read_contract(contract)
    properties = {k: v for k, v in stated.properties.items() if k != "delta.enableDeletionVectors"}
    fields = [
        Field(each.name, _delta_type(each.type), nullable=not each.required)
        for each in stated.columns
        if each.name not in without
    ]
    DeltaTable.create(path, Schema(fields), partition_by=list(stated.partition), configuration=properties)


def _delta_type(stated: str) -> PrimitiveType | ArrayType:
    if stated.startswith("array<"):
        return ArrayType(_delta_type(stated[6:-1]), contains_null=True)
    return PrimitiveType({"int": "integer", "bigint": "long"}.get(stated, stated))


def lists(surface_lists: Mapping[str, str], day: date) -> list[dict[str, Any]]:
    """Rows of a day, one letter an item: the first of each list is by als, the others by cooccurrence."""
    return [
        {
            "subject_id": subject,
            "rank": rank,
            "item_id": item,
            "score": 1.0 / rank,
            "source": "als" if rank == 1 else "cooccurrence",
            "sources": ["als", "cooccurrence"] if rank == 1 else ["cooccurrence"],
            "reason": f"goes with {item}",
            "model_version": "m",
            "run_id": f"{day}-abc",
            "run_date": day,
        }
        for subject, items in surface_lists.items()
        for rank, item in enumerate(items, start=1)
    ]


def commit(root: Path, surface: str, day: date, of: Mapping[str, str], attempt: int = 1) -> int:
    """Commit a day as a publisher does, without announcing it; it has read the newest version of every other table."""
    table = f"candidates_{surface}"
    read = ("interactions", "source_candidates", "catalog")
    inputs = {each: DeltaTable(root / each).version() for each in read if (root / each).exists()}
    facts = {"attempt": attempt, "partition": f"run_date={day}", "inputs": inputs}
    stamp = CommitProperties(
        custom_metadata={"userMetadata": json.dumps(facts)},
        app_transactions=[Transaction(f"{table}/run_date={day}", attempt)],
    )
    return write(root, table, "candidates", lists(of, day), commit_properties=stamp)


def announce(root: Path, surface: str, day: date, of: Mapping[str, str], version: int) -> None:
    """The row of publications that a verified commit gets."""
    rows = frame_of("candidates", lists(of, day))
    digest = digest_rows(rows.select(DIGESTED).to_arrow())
    decide(root, surface, day, "published", version, rows=len(rows), subjects=len(of), digest=str(digest))


def decide(root: Path, surface: str, day: date, status: str, version: int | None = None, **facts: Any) -> None:
    """Any row of publications; decided at two in the night after the day."""
    at = datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
    row = {"surface": surface, "published_at": at, "run_date": day, "table_version": version, "run_id": f"{day}-abc"}
    write(root, "publications", "publications", [{**row, "rows": 0, "subjects": 0, "status": status, **facts}])


def publish(root: Path, surface: str, day: date, of: Mapping[str, str], attempt: int = 1) -> int:
    """Commit and announce."""
    version = commit(root, surface, day, of, attempt)
    announce(root, surface, day, of, version)
    return version
