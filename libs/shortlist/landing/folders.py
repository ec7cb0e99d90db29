"""Landing folders: `<root>/<feed>/<day>/` with a completion marker that its producer writes last."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import deltalake
import pyarrow as pa
from pyarrow import fs
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import DOCUMENT, FILE, HEADER, INGEST_DATE, OFFSET, RAW, RECEIPT, SNAPSHOT_DATE
from shortlist.config import ExtractionConfig, FeedConfig
from shortlist.errors import HeldError, LandingError
from shortlist.landing.reading import LandedFile, read_file
from shortlist.store.filesystems import filesystem
from shortlist.tables import Table

# Packed bytes for one task; a file is never split, because its rows are numbered.
_TASK_BYTES = 32 << 20
# Delta folders newer than this hold rows that are not simply what their files say (deletion vectors, renamed columns).
_READER_VERSION = 1
# A landed row as the readers give it; the row of a receipt ends each file.
LANDED = f"{RAW} binary, {HEADER} string, {DOCUMENT} string, {FILE} string, {OFFSET} bigint, {INGEST_DATE} date, {RECEIPT} string"

Deliveries = Mapping[str, Sequence[date]]
ERASURE_FEED = "erasures"


@dataclass(frozen=True)
class Landing:
    """All feeds of one deployment.

    Attributes:
        root: local folder or URL.
        marker: name of the completion marker.
    """

    root: str
    marker: str

    def folder(self, feed: str, day: date) -> str:
        """Where a day's delivery of a feed lies."""
        return f"{self.root.rstrip('/')}/{feed}/{day.isoformat()}"

    def days(self, feed: str) -> list[date]:
        """Days that have a folder, complete or not, oldest first; other names are passed over."""
        system, root = self.system()
        found = []
        for entry in system.get_file_info(fs.FileSelector(f"{root}/{feed}", allow_not_found=True)):
            try:
                day = date.fromisoformat(entry.base_name)
            except ValueError:
                continue
            if entry.type == fs.FileType.Directory and day.isoformat() == entry.base_name:
                found.append(day)
        return sorted(found)

    def require_complete(self, feed: str, days: Sequence[date]) -> None:
        """Refuse the first folder that has no marker.

        Raises:
            HeldError: naming the folder and the marker.
        """
        system, root = self.system()
        for day in days:
            marker = f"{root}/{feed}/{day.isoformat()}/{self.marker}"
            if system.get_file_info(marker).type == fs.FileType.NotFound:
                raise HeldError.incomplete_landing(self.folder(feed, day), self.marker)

    def complete_days(self, feed: str) -> list[date]:
        """Days whose folder has its marker, oldest first."""
        system, root = self.system()
        days = self.days(feed)
        infos = system.get_file_info([f"{root}/{feed}/{day.isoformat()}/{self.marker}" for day in days]) if days else []
        return [day for day, info in zip(days, infos, strict=True) if info.type != fs.FileType.NotFound]

    def files(self, feed: str, days: Sequence[date], config: FeedConfig) -> list[LandedFile]:
        """What the folders hold now, below sub-folders too; names that begin with _ or . are no data, as for Spark.

        Raises:
            LandingError: a folder should be a Delta table of reader version 1 and is none.
        """
        found = [file for day in days for file in self._files(feed, day, config)]
        return sorted(found, key=lambda file: file.name)

    def mark_complete(self, feed: str, day: date) -> None:
        """Write the marker, as a producer does when a day's folder is whole."""
        system, root = self.system()
        system.open_output_stream(f"{root}/{feed}/{day.isoformat()}/{self.marker}").close()

    def lines(self, feed: str, day: date) -> Iterator[tuple[str, int, str]]:
        """File, number (from 1) and text of every line of a small feed, read in this process."""
        system, root = self.system()
        files = system.get_file_info(fs.FileSelector(f"{root}/{feed}/{day.isoformat()}"))
        for file in sorted(file.path for file in files if file.is_file and file.base_name[0] not in "._"):
            with system.open_input_stream(file) as stream:  # a known ending such as .gz is decompressed
                for number, line in enumerate(stream.read().decode("utf-8").splitlines(), start=1):
                    yield file.removeprefix(f"{root}/"), number, line

    def system(self) -> tuple[fs.FileSystem, str]:
        """The file system of the landing, and its root there."""
        system, root = filesystem(self.root)
        return system, root.rstrip("/")

    def _files(self, feed: str, day: date, config: FeedConfig) -> Iterator[LandedFile]:
        system, root = self.system()
        folder = f"{root}/{feed}/{day.isoformat()}"
        live = self._delta_files(feed, day) if config.format == "delta" else None
        for info in system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True)):
            inside = info.path[len(folder) + 1 :]
            hidden = inside == self.marker or any(part[0] in "_." for part in inside.split("/"))
            if hidden or info.type != fs.FileType.File or (live is not None and inside not in live):
                continue
            name = f"{feed}/{day.isoformat()}/{inside}"
            partition = tuple((live or {}).get(inside, {}).items())
            yield LandedFile(feed, day, name, info.path, info.size, info.mtime_ns, partition)

    def _delta_files(self, feed: str, day: date) -> dict[str, dict[str, object]]:
        """The data files of a Delta folder's newest version, with the values of their partition columns."""
        folder = self.folder(feed, day)
        try:
            table = deltalake.DeltaTable(folder)
        except deltalake.exceptions.TableNotFoundError:
            raise LandingError.no_delta(folder, "it has no _delta_log") from None
        if table.protocol().min_reader_version > _READER_VERSION:
            raise LandingError.no_delta(folder, f"its reader version is {table.protocol().min_reader_version}")
        columns = table.metadata().partition_columns
        actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        return {str(add["path"]): {name: add[f"partition.{name}"] for name in columns} for add in actions}


def days_to_extract(
    landing: Landing, run_date: date, known: Collection[date], config: ExtractionConfig, since: date | None = None
) -> dict[str, list[date]]:
    """Of each feed the run date's folder, and every earlier one that was not extracted yet: the first night catches up.

    Args:
        landing: where to look.
        run_date: D; its folder must exist.
        known: days whose folders are already in the engagements table.
        config: the feeds, and what to do about missing days.
        since: folders from this day on are read again, known or not.

    Raises:
        LandingError: D was never landed (exit 2).
        HeldError: a day in between is missing, or a folder is incomplete (exit 3).
    """
    due = {}
    for feed in config.feeds:
        landed = landing.days(feed)
        if run_date not in landed:
            newest = landed[-1].isoformat() if landed else None
            raise LandingError.no_folder(landing.folder(feed, run_date), newest)
        if config.missing_days == "refuse":
            span = (run_date - landed[0]).days
            expected = {landed[0] + timedelta(days=offset) for offset in range(span + 1)}
            missing = sorted(expected - set(landed))
            if missing:
                raise HeldError.missing_landing_days([landing.folder(feed, day) for day in missing])
        again = since or run_date
        due[feed] = [day for day in landed if day <= run_date and (day >= again or day == run_date or day not in known)]
        landing.require_complete(feed, due[feed])
    return due


def read_landed(spark: SparkSession, landing: Landing, files: Sequence[LandedFile], feed: FeedConfig) -> DataFrame:
    """Every row of the files, as it stands, and one row for each file that says what was read of it.

    A file is read by one task from its beginning to its end, through pyarrow: Spark's own readers know neither where a
    row lies in its file nor, without native libraries, zstd, and let a broken file fail without its name.

    Returns:
        raw, header, document, file, offset (counted from 0 in each file), ingest_date, receipt.
    """
    tasks = shares(files, spark.sparkContext.defaultParallelism)
    system, _ = landing.system()

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                for file in tasks[task]:
                    yield from read_file(file, feed, system)

    rows = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, LANDED)
    # This cast looks at nothing: the bytes of a line stay what they are, also where they are no UTF-8.
    return rows.withColumn(RAW, F.col(RAW).cast("string"))


def shares(files: Sequence[LandedFile], cores: int) -> list[list[LandedFile]]:
    """The files in shares of like size, one for each task; there is at least one share."""
    wanted = max(4 * cores, sum(file.size for file in files) // _TASK_BYTES)
    shares: list[list[LandedFile]] = [[] for _ in range(max(1, min(len(files), wanted)))]
    weights = [0] * len(shares)
    for file in sorted(files, key=lambda file: (-file.size, file.name)):
        lightest = weights.index(min(weights))
        shares[lightest].append(file)
        weights[lightest] += file.size + 1
    return shares


def read_snapshot(spark: SparkSession, landing: Landing, table: Table, day: date) -> DataFrame:
    """A landed description (Parquet) as its table states it; columns that a producer may leave out are empty.

    Raises:
        ContractError: a landed column has another type than the contract.
    """
    landed = spark.read.parquet(landing.folder(table.name, day)).withColumn(SNAPSHOT_DATE, F.lit(day))
    absent = [field for field in table.schema if field.name not in landed.columns and field.nullable]
    return table.conform(landed.withColumns({field.name: F.lit(None).cast(field.dataType) for field in absent}))
