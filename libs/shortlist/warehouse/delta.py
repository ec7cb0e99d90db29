"""Delta tables below one root: created from their contracts, read at a pinned version, replaced in one fenced commit."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import deltalake
import polars as pl
import pyarrow as pa
from delta.tables import DeltaTable
from pyarrow import fs
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from shortlist.contracts import read_contract
from shortlist.errors import ContractError, FencedError
from shortlist.records.manifest import FileSizes, known_total
from shortlist.redaction import redact_all
from shortlist.store.commits import NEWEST, commits_from, stamp_of
from shortlist.store.conflicts import commit_again
from shortlist.store.fences import PARTITION, fence_name, table_lock
from shortlist.store.filesystems import filesystem
from shortlist.store.publications import append_rows
from shortlist.store.schema_differences import differences, fields_of
from shortlist.tables import Table
from shortlist.warehouse.conflicts import CONFLICTS
from shortlist.warehouse.session import require_safe_commits

# Where an attempt is written into the commit's metadata, and read back from it.
ATTEMPT = "attempt"
# So many files are named in a plan without burdening the driver; a year of daily partitions is below it.
MAX_LISTED_FILES = 1000
# Delta reads the sizes of a compaction from the session.
_COMPACTION_SIZES = ("spark.databricks.delta.optimize.minFileSize", "spark.databricks.delta.optimize.maxFileSize")
# Spark takes these in a path for a pattern.
_GLOB = frozenset("{}[]*?\\")
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class Replacement:
    """What one replacement left behind: the table's version, and whether an equal attempt had landed it before."""

    version: int
    repeated: bool


@dataclass(frozen=True)
class Warehouse:
    """All tables of one deployment.

    Attributes:
        spark: session that reads and writes.
        root: local folder or URL; table `t` lives at `<root>/t`.
        elsewhere: root by name of those tables that live in another warehouse. They are read there, and never written.
    """

    spark: SparkSession
    root: str
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_safe_commits(self.spark, self.root)

    def path(self, table: Table) -> str:
        """Where a table lives."""
        return f"{self.elsewhere.get(table.name, self.root).rstrip('/')}/{table.name}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return deltalake.DeltaTable.is_deltatable(self.path(table))

    def version(self, table: Table) -> int:
        """The table's newest version."""
        return deltalake.DeltaTable(self.path(table)).version()

    def create(self, table: Table) -> None:
        """Create the table as its contract states it, if it does not exist."""
        self._refuse_elsewhere(table)
        if self.exists(table):
            return
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(table)).comment(table.description)
        builder = builder.addColumns(table.schema).partitionedBy(*table.partition)
        for name, value in table.properties.items():
            builder = builder.property(name, value)

        def make() -> None:
            if not self.exists(table):  # Not made by somebody else in the meantime, then.
                self._remove_empty_log(table)
                builder.execute()

        self._commit(table, "create", make)

    def _remove_empty_log(self, table: Table) -> None:
        """Take away the log of a table whose maker died before its first commit: Delta would neither open nor make it."""
        log = Path(self.path(table)) / "_delta_log"
        # In an object store there are no folders that could be left empty.
        if (
            "://" not in self.root
            and log.is_dir()
            and not any(file.suffix in (".json", ".parquet") for file in log.iterdir())
        ):
            shutil.rmtree(log)

    def read(self, table: Table, version: int | None = None, where: str | None = None) -> DataFrame:
        """Rows of a table.

        Spark replays a table's log in jobs of its own, which costs seconds a table however few files it has; delta-rs
        replays it in milliseconds. So where few files are wanted, delta-rs names them and Spark reads them as Parquet,
        with the table's own schema. Many files, or files that are not on a local disk, are left to Spark.

        A column that the contract gained since the table was made is empty.

        Args:
            table: the table; reader version 1, so its rows are exactly what its files hold.
            version: None means the newest.
            where: predicate as `shortlist.warehouse.predicates` makes them; None means all rows.
        """
        path = self.path(table)
        files = None
        if "://" not in path and not _GLOB & set(path):
            opened = deltalake.DeltaTable(path, version=version)
            files = opened.file_uris(file_pruning_predicate=where)
        if files is not None and len(files) <= MAX_LISTED_FILES:
            schema = StructType.fromJson(json.loads(opened.schema().to_json()))
            if not files:
                return with_gained_columns(self.spark.createDataFrame([], schema), table)
            rows = self.spark.read.schema(schema).option("basePath", path).parquet(*files).select(*schema.names)
        else:
            reader = self.spark.read.format("delta")
            rows = (reader if version is None else reader.option("versionAsOf", version)).load(path)
        rows = with_gained_columns(rows, table)
        return rows if where is None else rows.where(F.expr(where))

    def has_rows(self, table: Table, version: int | None = None, where: str | None = None) -> bool:
        """Whether a table has rows that satisfy a predicate on partition columns; its log knows, no file is read."""
        return bool(deltalake.DeltaTable(self.path(table), version=version).file_uris(file_pruning_predicate=where))

    def days(self, table: Table, column: str, version: int | None = None) -> list[date]:
        """Every value of a partition column of dates, oldest first."""
        partitions = deltalake.DeltaTable(self.path(table), version=version).partitions()
        return sorted({date.fromisoformat(partition[column]) for partition in partitions})

    def last_attempt(self, table: Table, partition: str) -> int | None:
        """The highest fence number that has committed this partition, None when none has."""
        if not self.exists(table):
            return None
        number = deltalake.DeltaTable(self.path(table)).transaction_version(fence_name(table.name, partition))
        return None if number is None else int(number)

    def replace(
        self,
        frame: DataFrame,
        table: Table,
        partition: str,
        where: str,
        attempt: int,
        facts: Mapping[str, Any],
        require: Callable[[], None] = lambda: None,
    ) -> Replacement:
        """Replace all rows that satisfy `where` by the frame, in one atomic commit.

        Args:
            frame: rows of the new partition, with the contract's columns.
            table: the table; created if need be.
            partition: name of what is replaced, such as `run_date=2017-11-30`; one fence each.
            where: Spark SQL predicate on constants made by us (see `shortlist.warehouse.predicates`).
            attempt: fence number; must be above the partition's newest committed one.
            facts: what the commit's metadata says of the run (JSON-able).
            require: asked before the commit, on a disk when no other process can commit; raises what speaks against it.

        Raises:
            FencedError: a newer attempt has committed this partition.
            ContractError: the frame, or the table that is there, has other columns than the contract.
            ConflictError: other writers committed first, `MAX_CONFLICTS` times.
        """
        conformed = table.conform(frame)
        self.create(table)
        stamp = redact_all({**facts, PARTITION: partition, ATTEMPT: attempt})
        writer = conformed.write.format("delta").mode("overwrite").option("replaceWhere", where)
        # A table from before its contract gained a column that may be empty gets it; conform lets no other by.
        writer = writer.option("mergeSchema", "true").option("userMetadata", json.dumps(stamp, sort_keys=True))
        writer = writer.option("txnAppId", fence_name(table.name, partition)).option("txnVersion", attempt)

        def write() -> Replacement:
            require()
            self._refuse_drifted(table)
            newest = self.last_attempt(table, partition)
            if newest is not None and newest >= attempt:
                # The attempt's own commit, whose answer was lost; unless a newer one, or a rollback, came after it.
                landed = self._landed(table, stamp) if newest == attempt else None
                if landed is None:
                    raise FencedError.newer_attempt(table.name, partition, attempt, newest)
                return Replacement(landed, repeated=True)
            writer.save(self.path(table))
            landed = self._landed(table, stamp)
            if landed is None:  # Delta skips a fenced write without a word.
                newest = self.last_attempt(table, partition)
                raise FencedError.newer_attempt(table.name, partition, attempt, newest or attempt)
            return Replacement(landed, repeated=False)

        # Who came first may be a newer attempt, or have written another partition.
        return self._commit(table, "replace", write)

    def _refuse_drifted(self, table: Table) -> None:
        """Delta would fill up what is missing and keep what nobody states any more, without a word."""
        drifted = differences(fields_of(deltalake.DeltaTable(self.path(table))), read_contract(table.contract))
        if drifted:
            raise ContractError.table_drifted(table.name, f"{table.contract}.odcs.yaml", drifted)

    def append(self, rows: Sequence[Mapping[str, Any]], table: Table) -> None:
        """Add a few rows, each with the contract's columns; for tables that only grow."""
        self.create(table)
        append_rows(self.root, table.name, rows)

    def delete(self, table: Table, condition: Column) -> int:
        """Remove the rows that satisfy a condition, in one commit that rewrites only the files which hold some.

        Delta writes the condition into the table's log, so it must not name what the log must not hold.

        Returns:
            The table's newest version.
        """

        def remove() -> int:
            DeltaTable.forPath(self.spark, self.path(table)).delete(condition)
            return self.version(table)

        return self._commit(table, "delete", remove)

    def delete_matching(self, table: Table, rows: DataFrame, columns: Sequence[str]) -> int:
        """Remove the rows that agree with one of `rows` in the columns; the log learns the columns only.

        Returns:
            The table's newest version.
        """
        agree = " AND ".join(f"there.{name} = gone.{name}" for name in columns)

        def remove() -> int:
            there = DeltaTable.forPath(self.spark, self.path(table)).alias("there")
            there.merge(rows.select(*columns).distinct().alias("gone"), agree).whenMatchedDelete().execute()
            return self.version(table)

        return self._commit(table, "delete", remove)

    def update(self, table: Table, condition: Column, values: Mapping[str, Column]) -> int:
        """Change columns of the rows that satisfy a condition, of which the same holds as in `delete`.

        Returns:
            The table's newest version.
        """

        def change() -> int:
            DeltaTable.forPath(self.spark, self.path(table)).update(condition, dict(values))
            return self.version(table)

        return self._commit(table, "update", change)

    def overwrite(self, table: Table, rows: Callable[[pa.Table], pa.Table]) -> int:
        """Replace all rows of a small table by what a function makes of them.

        Rows that another writer adds meanwhile, where no lock keeps it away, stay as they are.

        Returns:
            The table's newest version.
        """

        def write() -> int:
            opened = deltalake.DeltaTable(self.path(table))
            schema = pa.schema(opened.schema().to_arrow())
            found = pl.read_delta(opened).to_arrow().cast(schema)
            deltalake.write_deltalake(opened, rows(found), mode="overwrite")
            return self.version(table)

        return self._commit(table, "overwrite", write)

    def compact(self, table: Table, target_bytes: int) -> int:
        """Put small files of a partition together; rows stay the same, and so does what older versions hold.

        Returns:
            The table's newest version.
        """
        sizes = {name: str(target_bytes) for name in _COMPACTION_SIZES}
        before = {name: self.spark.conf.get(name, None) for name in sizes}

        def put_together() -> int:
            DeltaTable.forPath(self.spark, self.path(table)).optimize().executeCompaction()
            return self.version(table)

        try:
            for name, value in sizes.items():
                self.spark.conf.set(name, value)
            return self._commit(table, "compaction", put_together)
        finally:
            for name, earlier in before.items():
                self.spark.conf.unset(name) if earlier is None else self.spark.conf.set(name, earlier)

    def vacuum(self, table: Table, keep: Sequence[int] = (), everything: bool = False) -> int:
        """Remove files that no kept version needs: the newest, what the contract's retention protects, and `keep`.

        Args:
            table: the table.
            keep: further versions that stay readable.
            everything: whether the retention is overridden. Only what the newest version needs then stays. On a local disk
                the table's lock keeps writers away meanwhile; elsewhere files that were never committed are left, because
                a writer may be about to.

        Returns:
            How many data files were removed.
        """

        def remove() -> int:
            opened = deltalake.DeltaTable(self.path(table))
            wanted: dict[str, Any] = {
                "retention_hours": 0 if everything else None,
                "enforce_retention_duration": not everything,
                "full": "://" not in self.root or not everything,
                "keep_versions": sorted(set(keep)) or None,
            }
            # Files that an earlier vacuum has removed are named again for as long as the log remembers them.
            present = self._present(table, opened.vacuum(dry_run=True, **wanted))
            if present:
                opened.vacuum(dry_run=False, **wanted)
            return sum(1 for path in present if path.endswith(".parquet"))

        return self._commit(table, "vacuum", remove)

    def _present(self, table: Table, paths: Sequence[str]) -> list[str]:
        """Those of some files of a table that are in storage."""
        path = self.path(table)
        system, root = filesystem(path)
        infos = system.get_file_info([f"{root}/{name}" for name in paths]) if paths else []
        return [name for name, info in zip(paths, infos, strict=True) if info.type != fs.FileType.NotFound]

    def readable_versions(self, table: Table) -> set[int]:
        """Versions that the table's log still tells of."""
        return {int(entry["version"]) for entry in deltalake.DeltaTable(self.path(table)).history()}

    def files(self, table: Table, version: int | None = None, since: int | None = None) -> FileSizes:
        """Sizes and rows of the files of a version, or of those that it has and an earlier one had not; the log knows them."""
        there = self._sizes(table, version)
        earlier = {} if since is None else self._sizes(table, since)
        added = [stated for path, stated in there.items() if path not in earlier]
        return FileSizes.of([size for size, _ in added], known_total([rows for _, rows in added]))

    def rows(self, table: Table) -> int:
        """Rows of the newest version, as its log counts them."""
        return sum(deltalake.DeltaTable(self.path(table)).get_add_actions().column("num_records").to_pylist())

    def _sizes(self, table: Table, version: int | None) -> dict[str, tuple[int, int | None]]:
        """Bytes and rows by file; a writer need not have counted the rows."""
        actions = deltalake.DeltaTable(self.path(table), version=version).get_add_actions()
        paths, sizes, rows = (actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records"))
        return dict(zip(paths, zip(sizes, rows, strict=True), strict=True))

    @contextmanager
    def lock_tables(self, tables: Sequence[Table]) -> Iterator[None]:
        """Keep every other committer away from several tables, on a local disk; none of them can be committed to inside."""
        with ExitStack() as locks:
            for table in sorted(tables, key=lambda table: table.name):
                locks.enter_context(self._locked(table))
            yield

    def _landed(self, table: Table, stamp: Mapping[str, Any]) -> int | None:
        """Version whose commit carries exactly this stamp, looked for among the newest commits."""
        path, wanted = self.path(table), json.loads(json.dumps(stamp))
        newest = islice(commits_from(path, deltalake.DeltaTable(path).version()), NEWEST)
        return next((version for version, info in newest if stamp_of(info) == wanted), None)

    def _refuse_elsewhere(self, table: Table) -> None:
        if table.name in self.elsewhere:
            raise ValueError(
                f"{table.name} is only read here, from {self.elsewhere[table.name]}; next: write it from there"
            )

    def _commit(self, table: Table, operation: str, commit: Callable[[], _Done]) -> _Done:
        """Commit under the table's lock; where no lock keeps others away and one of them comes first, commit again."""
        with self._locked(table):
            return commit_again(table.name, operation, commit, CONFLICTS)

    @contextmanager
    def _locked(self, table: Table) -> Iterator[None]:
        self._refuse_elsewhere(table)
        with table_lock(self.root, table.name):
            yield


def with_gained_columns(rows: DataFrame, table: Table) -> DataFrame:
    """The rows with those columns, empty, which the contract gained since the table was made; only such as may be empty."""
    gained = [field for field in table.schema if field.nullable and field.name not in rows.columns]
    return rows.withColumns({field.name: F.lit(None).cast(field.dataType) for field in gained}) if gained else rows
