"""Landing folders: `<root>/<feed>/<day>/` with a completion marker that its producer writes last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyarrow import fs
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import FILE, INGEST_DATE, OFFSET, RAW, SNAPSHOT_DATE
from shortlist.config import ExtractionConfig
from shortlist.errors import HeldError, LandingError
from shortlist.tables import Table

ENGAGEMENT_FEED = "engagements"
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
        system, root = self._system()
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
        system, root = self._system()
        for day in days:
            marker = f"{root}/{feed}/{day.isoformat()}/{self.marker}"
            if system.get_file_info(marker).type == fs.FileType.NotFound:
                raise HeldError.incomplete_landing(self.folder(feed, day), self.marker)

    def complete_days(self, feed: str) -> list[date]:
        """Days whose folder has its marker, oldest first."""
        system, root = self._system()
        days = self.days(feed)
        infos = system.get_file_info([f"{root}/{feed}/{day.isoformat()}/{self.marker}" for day in days]) if days else []
        return [day for day, info in zip(days, infos, strict=True) if info.type != fs.FileType.NotFound]

    def mark_complete(self, feed: str, day: date) -> None:
        """Write the marker, as a producer does when a day's folder is whole."""
        system, root = self._system()
        system.open_output_stream(f"{root}/{feed}/{day.isoformat()}/{self.marker}").close()

    def lines(self, feed: str, day: date) -> Iterator[tuple[str, int, str]]:
        """File, number (from 1) and text of every line of a small feed, read in this process."""
        system, root = self._system()
        files = system.get_file_info(fs.FileSelector(f"{root}/{feed}/{day.isoformat()}"))
        for file in sorted(file.path for file in files if file.is_file and file.base_name[0] not in "._"):
            with system.open_input_stream(file) as stream:  # a known ending such as .gz is decompressed
                for number, line in enumerate(stream.read().decode("utf-8").splitlines(), start=1):
                    yield file.removeprefix(f"{root}/"), number, line

    def _system(self) -> tuple[fs.FileSystem, str]:
        if "://" in self.root:
            system, root = fs.FileSystem.from_uri(self.root)
            return system, str(root).rstrip("/")
        return fs.LocalFileSystem(), self.root.rstrip("/")


def days_to_extract(landing: Landing, run_date: date, known: Sequence[date], config: ExtractionConfig) -> list[date]:
    """The run date's folder, and every earlier one that has not been extracted yet: the first night catches up.

    Args:
        landing: where to look.
        run_date: D; its folder must exist.
        known: days whose folder is already in the engagements table.
        config: what to do about missing days.

    Raises:
        LandingError: D was never landed (exit 2).
        HeldError: a day in between is missing, or a folder is incomplete (exit 3).
    """
    landed = landing.days(ENGAGEMENT_FEED)
    if run_date not in landed:
        newest = landed[-1].isoformat() if landed else None
        raise LandingError.no_folder(landing.folder(ENGAGEMENT_FEED, run_date), newest)
    if config.missing_days == "refuse":
        span = (run_date - landed[0]).days
        expected = {landed[0] + timedelta(days=offset) for offset in range(span + 1)}
        missing = sorted(expected - set(landed))
        if missing:
            raise HeldError.missing_landing_days([landing.folder(ENGAGEMENT_FEED, day) for day in missing])
    days = [day for day in landed if day <= run_date and (day == run_date or day not in set(known))]
    landing.require_complete(ENGAGEMENT_FEED, days)
    return days


def read_lines(spark: SparkSession, landing: Landing, feed: str, days: Sequence[date]) -> DataFrame:
    """Every line of the folders, as it stands.

    Returns:
        raw, file (relative to the landing root), offset (number that grows along a file; not yet counted from 0),
        ingest_date (date of the folder). A truncated gz file fails the job when it is read.
    """
    paths = [landing.folder(feed, day) for day in days]
    lines = spark.read.option("recursiveFileLookup", "false").text(paths)
    # The last three parts of the path: feed, day, file. Cheaper than a pattern, and this runs once per line.
    relative = F.substring_index(F.col("_metadata.file_path"), "/", -3)
    day = F.substring_index(F.substring_index(F.col("_metadata.file_path"), "/", -2), "/", 1)
    return lines.select(
        F.col("value").alias(RAW),
        relative.alias(FILE),
        F.monotonically_increasing_id().alias(OFFSET),
        F.to_date(day).alias(INGEST_DATE),
    )


def read_snapshot(spark: SparkSession, landing: Landing, table: Table, day: date) -> DataFrame:
    """A landed description (Parquet) as its table states it; columns that a producer may leave out are empty.

    Raises:
        ContractError: a landed column has another type than the contract.
    """
    landed = spark.read.parquet(landing.folder(table.name, day)).withColumn(SNAPSHOT_DATE, F.lit(day))
    absent = [field for field in table.schema if field.name not in landed.columns and field.nullable]
    return table.conform(landed.withColumns({field.name: F.lit(None).cast(field.dataType) for field in absent}))
