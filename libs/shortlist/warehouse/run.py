"""One run of one job: its session, its pinned inputs, its fenced outputs, its manifest."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, INGEST_DATE, RUN_DATE, SNAPSHOT_DATE
from shortlist.config import Settings
from shortlist.config.arguments import Arguments
from shortlist.errors import ErasedError, InputMissingError
from shortlist.pipeline import producer
from shortlist.records.manifest import Manifest
from shortlist.redaction import redact
from shortlist.store.commits import commits_from, stamp_of
from shortlist.store.fences import PARTITION, run_partition
from shortlist.store.manifests import recorded
from shortlist.store.snapshots import newest_snapshot
from shortlist.tables import ENGAGEMENTS, ERASURES, Table
from shortlist.telemetry.log_lines import JsonFormatter
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.predicates import between, equals
from shortlist.warehouse.session import spark_session

log = logging.getLogger("shortlist")


@dataclass
class Run:
    """What a job reads through and writes through.

    Attributes:
        arguments: the job's arguments.
        spark: the session.
        warehouse: the tables.
        manifest: what the run says of itself; its `inputs` pin the version of each table that was read.
        erasures: version of `erasures` that was there when the run began, None where there was none.
    """

    arguments: Arguments
    spark: SparkSession
    warehouse: Warehouse
    manifest: Manifest
    erasures: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.erasures = self._newest_erasures()

    @property
    def settings(self) -> Settings:
        """Resolved settings."""
        return self.arguments.settings

    @property
    def inputs(self) -> dict[str, int]:
        """Versions that were read, by table; every later read of a table sees the same version."""
        return self.manifest.inputs

    @property
    def outputs(self) -> dict[str, int]:
        """Versions that were written, by table and partition."""
        return self.manifest.outputs

    @property
    def run_date(self) -> date:
        """Logical date D."""
        return self.arguments.run_date

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return self.warehouse.exists(table)

    def table(self, table: Table, where: str | None = None) -> DataFrame:
        """The table's rows, or those that satisfy a predicate, at the version that this run saw first.

        Raises:
            InputMissingError: the table does not exist yet.
        """
        return self.warehouse.read(table, self.version(table), where)

    def read(self, table: Table, **within: str) -> DataFrame:
        """The run date's rows of an intermediate table, or a part of them, such as surface="homefeed".

        None of them where the job that writes them ran and had nothing to write: that is said, and is no missing input.

        Raises:
            InputMissingError: naming the job that writes them.
        """
        named: dict[str, date | str] = {RUN_DATE: self.run_date, **within}
        where = equals(**named)
        if not self.warehouse.has_rows(table, self.version(table), where):
            if not self._made_none(table, within):
                raise self._missing(table)
            log.warning(
                "%s has no rows for %s: %s ran and made none", table.name, part_name(self.run_date, within),
                producer(table.name),
            )  # fmt: skip
        return self.table(table, where)

    def _made_none(self, table: Table, within: Mapping[str, str]) -> bool:
        """Whether the newest commit of the run date, or of this part, wrote no row of it; rows deleted later count as written."""
        named: dict[str, date | str] = {RUN_DATE: self.run_date, **within}
        parts = {run_partition(self.run_date), part_name(self.run_date, within)}
        for version, info in commits_from(self.warehouse.path(table), self.version(table)):
            if stamp_of(info).get(PARTITION) in parts:
                return not self.warehouse.has_rows(table, version, equals(**named))
        return False

    def engagements(self, lookback_days: int, day: date | None = None) -> DataFrame:
        """What was known when a day ended, the run date or an earlier one: events of the last so many days, delivered by then.

        With `interactions.late_events: include` later deliveries of those days count too.
        """
        last = day or self.run_date
        oldest = last - timedelta(days=lookback_days - 1)
        known = F.col(INGEST_DATE) <= F.lit(last)
        rows = self.table(ENGAGEMENTS, between(EVENT_DATE, oldest, last))
        return rows if self.settings.interactions.late_events == "include" else rows.where(known)

    def snapshot(self, table: Table, day: date | None = None) -> DataFrame | None:
        """The newest description of a catalog-like table not after the run date, or an earlier day; None when there is none."""
        if not self.exists(table):
            return None
        newest = newest_snapshot(self.warehouse.path(table), day or self.run_date, self.version(table))
        return None if newest is None else self.table(table, equals(**{SNAPSHOT_DATE: newest}))

    def earlier(self, table: Table) -> DataFrame | None:
        """The rows of the newest run date before this one, such as yesterday's model; None when there are none."""
        day = self.earlier_day(table)
        return None if day is None else self.table(table, equals(**{RUN_DATE: day}))

    def earlier_day(self, table: Table) -> date | None:
        """The newest run date before this one that has rows."""
        if not self.exists(table):
            return None
        days = self.warehouse.days(table, RUN_DATE, self.version(table))
        return max((day for day in days if day < self.run_date), default=None)

    def version(self, table: Table) -> int:
        """The version of a table that this run saw first.

        Raises:
            InputMissingError: the table does not exist yet.
        """
        if not self.exists(table):
            raise self._missing(table)
        return self.inputs.setdefault(table.name, self.warehouse.version(table))

    def _missing(self, table: Table) -> InputMissingError:
        return InputMissingError.no_partition(table.name, run_partition(self.run_date), producer(table.name))

    def replace(self, frame: DataFrame, table: Table, **within: str) -> int:
        """Replace the run date's rows of a table (or a part of them), and return the version.

        Args:
            frame: the contract's columns but run_date, which is added here.
            table: an intermediate table.
            within: further partition columns with their one value, such as surface="homefeed".
        """
        stamped = frame.withColumn(RUN_DATE, F.lit(self.run_date))
        where: dict[str, date | str] = {RUN_DATE: self.run_date, **within}
        return self.commit(stamped, table, part_name(self.run_date, within), equals(**where))

    def commit(self, frame: DataFrame, table: Table, partition: str, where: str, **facts: Any) -> int:
        """Replace what `where` names, fenced by this run's attempt, and remember the version."""
        stamp = {"job": self.arguments.job, "run_id": self.arguments.run_id, "inputs": self.inputs, **facts}
        attempt = self.attempt(table, partition)
        done = self.warehouse.replace(frame, table, partition, where, attempt, stamp, self.require_no_erasure)
        name = f"{table.name}/{partition}"
        self.outputs[name] = done.version
        if not done.repeated:
            self.manifest.written[name] = self.warehouse.files(table, done.version, since=done.version - 1)
        log.info(
            "%s %s: version %d, attempt %d", table.name, partition, done.version, attempt,
            extra={"table": table.name, "partition": partition, "table_version": done.version, "attempt": attempt},
        )  # fmt: skip
        return done.version

    def require_no_erasure(self) -> None:
        """Refuse to write what may have been read before a subject was erased.

        Raises:
            ErasedError: an erasure was completed since this run began.
        """
        newest = self._newest_erasures()
        if newest != self.erasures:
            raise ErasedError.meanwhile(self.arguments.job, self.erasures, newest)

    def _newest_erasures(self) -> int | None:
        return self.warehouse.version(ERASURES) if self.exists(ERASURES) else None

    def attempt(self, table: Table, partition: str) -> int:
        """This run's fence number for a partition: as given, else one above the newest."""
        if self.arguments.attempt is not None:
            return self.arguments.attempt
        newest = self.warehouse.last_attempt(table, partition)
        return 1 if newest is None else newest + 1


def part_name(run_date: date, within: Mapping[str, str]) -> str:
    """What a run date's part of a table is called in its fences, such as run_date=2017-11-30/surface=homefeed."""
    return "/".join([run_partition(run_date), *(f"{key}={value}" for key, value in within.items())])


@contextmanager
def open_run(arguments: Arguments) -> Iterator[Run]:
    """A run with its session; its manifest is written at the end, also when the job fails."""
    log_to_stderr(arguments)
    name = f"{arguments.job} {arguments.run_date.isoformat()}"
    with recorded(arguments) as manifest, spark_session(name) as spark:
        try:
            yield Run(arguments, spark, Warehouse(spark, arguments.settings.paths.warehouse), manifest)
        finally:
            # A shared session outlives the run; what the run persisted must not stand in for files that change later.
            spark.catalog.clearCache()


class RedactingFormatter(logging.Formatter):
    """Log lines, tracebacks included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return redact(super().format(record))


def log_to_stderr(arguments: Arguments | None = None) -> None:
    """Jobs speak on standard error, one line each, text or JSON as settings say; Spark's own log has its own settings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(name)s: %(message)s"))
    if arguments is not None and arguments.settings.telemetry.json_logs:
        named = {"run_id": arguments.run_id, "run_date": arguments.run_date, "attempt": arguments.attempt}
        handler.setFormatter(JsonFormatter({"job": arguments.job, **named}))
    log.handlers = [handler]  # not the one of a run before in the same process: its stream may be closed
    log.setLevel(logging.INFO)
    log.propagate = False
