"""Landing folders: `<root>/<feed>/<day>/` with a completion marker that its producer writes last."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import unquote

import deltalake
import pyarrow as pa
from pyarrow import fs
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import RAW, SNAPSHOT_DATE
from shortlist.config import ExtractionConfig, FeedConfig
from shortlist.errors import HeldError, LandingError
from shortlist.landing.files import LandedFile, folder_values
from shortlist.landing.reading import Reader
from shortlist.store.filesystems import filesystem
from shortlist.tables import Table

# Packed bytes for one task; a file is never split, because its rows are numbered.
_TASK_BYTES = 32 << 20
# Delta folders newer than this hold rows that are not simply what their files say (deletion vectors, renamed columns).
_READER_VERSION = 1
Deliveries = Mapping[str, Sequence[date]]
ERASURE_FEED = "erasures"


@dataclass(frozen=True)
class Listing:
    """What the folders of some days hold.

    Attributes:
        files: data, by name.
        skipped: name and reason of everything else but directories, markers and a table's log.
    """

    files: tuple[LandedFile, ...]
    skipped: tuple[tuple[str, str], ...]


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

    def listing(self, feed: str, days: Sequence[date], config: FeedConfig) -> Listing:
        """What the folders hold now, below sub-folders too.

        Names that begin with _ or . are no data, as for Spark; `_name=value` is a folder of a partition, and data.

        Raises:
            LandingError: a folder should be a Delta table of reader version 1 and is none.
            HeldError: a Delta table's log names files that are not there.
        """
        files: list[LandedFile] = []
        skipped: list[tuple[str, str]] = []
        for day in days:
            found, others = self._list_day(feed, day, config)
            files += found
            skipped += others
        return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(sorted(skipped)))

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

    def _list_day(self, feed: str, day: date, config: FeedConfig) -> tuple[list[LandedFile], list[tuple[str, str]]]:
        system, root = self.system()
        folder = f"{root}/{feed}/{day.isoformat()}"
        live = self._delta_files(feed, day) if config.format == "delta" else None
        files: list[LandedFile] = []
        skipped = [(f"{feed}/{day.isoformat()}/{name}", "a link to nothing") for name in _dangling(system, folder)]
        for info in system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True)):
            inside = info.path[len(folder) + 1 :]
            name = f"{feed}/{day.isoformat()}/{inside}"
            if info.type != fs.FileType.File or inside == self.marker or inside.startswith("_delta_log/"):
                continue
            reason = _skipped(inside)
            if reason is None and live is not None and inside not in live:
                reason = "it is no part of the table's newest version"
            if reason is not None:
                skipped.append((name, reason))
                continue
            stated = live[inside] if live is not None else _Stated(folder_values(inside), None)
            files.append(LandedFile(feed, day, name, info.path, info.size, info.mtime_ns, stated.values, stated.rows))
        absent = sorted(set(live or ()) - {file.name.removeprefix(f"{feed}/{day.isoformat()}/") for file in files})
        if absent:
            named = [
                (f"{feed}/{day.isoformat()}/{inside}", "the table's log names it, and it is not there")
                for inside in absent
            ]
            raise HeldError.unreadable_landing(named)
        return files, skipped

    def _delta_files(self, feed: str, day: date) -> dict[str, "_Stated"]:
        """What the log of a Delta folder states of each data file of its newest version."""
        folder = self.folder(feed, day)
        try:
            table = deltalake.DeltaTable(folder)
        except deltalake.exceptions.TableNotFoundError:
            raise LandingError.no_delta(folder, "it has no _delta_log") from None
        if table.protocol().min_reader_version > _READER_VERSION:
            raise LandingError.no_delta(folder, f"its reader version is {table.protocol().min_reader_version}")
        columns = table.metadata().partition_columns
        actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        found = {}
        for add in actions:
            values = [(name, add[f"partition.{name}"]) for name in columns]
            texts = tuple((name, None if value is None else str(value)) for name, value in values)
            # The log writes paths as URLs do.
            found[unquote(str(add["path"]))] = _Stated(texts, add.get("num_records"))
        return found


@dataclass(frozen=True)
class _Stated:
    """What a file's folders or its table's log say of it."""

    values: tuple[tuple[str, str | None], ...]
    rows: int | None


def _skipped(inside: str) -> str | None:
    """Why a name is no data; None for data."""
    for part in inside.split("/"):
        if part.startswith(".") or (part.startswith("_") and "=" not in part):
            return f"names that begin with {part[0]} are no data"
    return "it is still being copied" if inside.endswith("._COPYING_") else None


def _dangling(system: fs.FileSystem, folder: str) -> list[str]:
    """Links to nothing, which the file system's own listing passes over."""
    if not isinstance(system, fs.LocalFileSystem):
        return []
    names = Path(folder).rglob("*") if Path(folder).is_dir() else ()
    return [str(path.relative_to(folder)) for path in names if path.is_symlink() and not path.exists()]


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
        As `Reader.ddl`; offset is counted from 0 in each file.
    """
    tasks = shares(files, spark.sparkContext.defaultParallelism)
    system, _ = landing.system()
    reader = Reader(feed.format, feed.csv, feed.paths)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                for file in tasks[task]:
                    yield from reader.read(file, system)

    rows = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, reader.ddl)
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
