"""Landing folders: `<root>/<feed>/<day>/` with a completion marker that its producer writes last. No Spark."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import deltalake
import pyarrow as pa
from pyarrow import fs

from shortlist.config import ExtractionConfig, LandingFormat, Settings
from shortlist.errors import HeldError, LandingError
from shortlist.landing.files import LandedFile, folder_values
from shortlist.store.filesystems import filesystem

# Delta folders newer than this hold rows that are not simply what their files say (deletion vectors, renamed columns).
_READER_VERSION = 1
Deliveries = Mapping[str, Sequence[date]]
ERASURE_FEED = "erasures"
ISO_DAYS = "%Y-%m-%d"


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
        day_folders: how the folders of a feed are named, as strftime writes it; ISO dates where a feed is not named.
    """

    root: str
    marker: str
    day_folders: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Landing":
        """The landing that settings describe."""
        config = settings.extraction
        named = {feed: each.day_folders for feed, each in config.feeds.items()}
        return cls(settings.paths.landing, config.marker, named)

    def folder(self, feed: str, day: date) -> str:
        """Where a day's delivery of a feed lies."""
        return f"{self.root.rstrip('/')}/{self.name(feed, day)}"

    def name(self, feed: str, day: date) -> str:
        """The same relative to the root."""
        return f"{feed}/{day.strftime(self.day_folders.get(feed, ISO_DAYS))}"

    def days(self, feed: str) -> list[date]:
        """Days that have a folder, complete or not, oldest first; other names are passed over."""
        pattern = self.day_folders.get(feed, ISO_DAYS)
        found = []
        for name in self._folders(feed, pattern.count("/")):
            try:
                day = datetime.strptime(name, pattern).date()  # noqa: DTZ007
            except ValueError:
                continue
            if day.strftime(pattern) == name:
                found.append(day)
        return sorted(found)

    def other_folders(self, feed: str) -> list[str]:
        """Names of folders of a feed that are no days by its settings, for messages."""
        known = {self.name(feed, day).removeprefix(f"{feed}/").split("/")[0] for day in self.days(feed)}
        return sorted(name for name in self._folders(feed, 0) if name not in known)

    def _folders(self, feed: str, depth: int) -> list[str]:
        """Folders so many levels below the top folders of a feed, by their names below it."""
        system, root = self.system()
        names = [""]
        for _ in range(depth + 1):
            selectors = [fs.FileSelector(f"{root}/{feed}/{name}".rstrip("/"), allow_not_found=True) for name in names]
            entries = [entry for selector in selectors for entry in system.get_file_info(selector)]
            start = len(f"{root}/{feed}/")
            names = [entry.path[start:] for entry in entries if entry.type == fs.FileType.Directory]
        return names

    def require_complete(self, feed: str, days: Sequence[date]) -> None:
        """Refuse the first folder that has no marker.

        Raises:
            HeldError: naming the folder and the marker.
        """
        system, root = self.system()
        for day in days:
            marker = f"{root}/{self.name(feed, day)}/{self.marker}"
            if system.get_file_info(marker).type == fs.FileType.NotFound:
                raise HeldError.incomplete_landing(self.folder(feed, day), self.marker)

    def complete_days(self, feed: str) -> list[date]:
        """Days whose folder has its marker, oldest first."""
        system, root = self.system()
        days = self.days(feed)
        infos = system.get_file_info([f"{root}/{self.name(feed, day)}/{self.marker}" for day in days]) if days else []
        return [day for day, info in zip(days, infos, strict=True) if info.type != fs.FileType.NotFound]

    def listing(self, feed: str, days: Sequence[date], format_name: LandingFormat | None) -> Listing:
        """What the folders hold now, below sub-folders too.

        Names that begin with _ or . are no data, as for Spark; `_name=value` is a folder of a partition, and data.

        Raises:
            LandingError: a folder should be a Delta table of reader version 1 and is none.
            HeldError: a Delta table's log names files that are not there.
        """
        files: list[LandedFile] = []
        skipped: list[tuple[str, str]] = []
        for day in days:
            found, others = self._list_day(feed, day, format_name)
            files += found
            skipped += others
        return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(sorted(skipped)))

    def mark_complete(self, feed: str, day: date) -> None:
        """Write the marker, as a producer does when a day's folder is whole."""
        system, root = self.system()
        system.open_output_stream(f"{root}/{self.name(feed, day)}/{self.marker}").close()

    def lines(self, feed: str, day: date) -> Iterator[tuple[str, int, str]]:
        """File, number (from 1) and text of every line of a small feed, read in this process."""
        system, root = self.system()
        files = system.get_file_info(fs.FileSelector(f"{root}/{self.name(feed, day)}"))
        for file in sorted(file.path for file in files if file.is_file and file.base_name[0] not in "._"):
            with system.open_input_stream(file) as stream:  # a known ending such as .gz is decompressed
                for number, line in enumerate(stream.read().decode("utf-8").splitlines(), start=1):
                    yield file.removeprefix(f"{root}/"), number, line

    def system(self) -> tuple[fs.FileSystem, str]:
        """The file system of the landing, and its root there."""
        system, root = filesystem(self.root)
        return system, root.rstrip("/")

    def _list_day(
        self, feed: str, day: date, format_name: LandingFormat | None
    ) -> tuple[list[LandedFile], list[tuple[str, str]]]:
        system, root = self.system()
        base = self.name(feed, day)
        folder = f"{root}/{base}"
        live = self._delta_files(feed, day) if format_name == "delta" else None
        files: list[LandedFile] = []
        skipped = [(f"{base}/{name}", "a link to nothing") for name in _dangling(system, folder)]
        for info in system.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True)):
            inside = info.path[len(folder) + 1 :]
            name = f"{base}/{inside}"
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
        absent = sorted(set(live or ()) - {file.name.removeprefix(f"{base}/") for file in files})
        if absent:
            named = [(f"{base}/{inside}", "the table's log names it, and it is not there") for inside in absent]
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


def days_without_folder(days: Collection[date], run_date: date, after: date | None) -> list[date]:
    """Days before a run date that have no folder, though an earlier one has.

    Args:
        days: those that have a folder.
        run_date: D.
        after: only days after this one, which an earlier run has told of; None: all.
    """
    first = min(days, default=run_date)
    start = first if after is None else max(first, after + timedelta(days=1))
    span = (start + timedelta(days=offset) for offset in range((run_date - start).days))
    return [day for day in span if day not in days]


def days_to_extract(
    landing: Landing, run_date: date, known: Collection[date], config: ExtractionConfig, since: date | None = None
) -> dict[str, list[date]]:
    """Of each feed the run date's folder, and every earlier one that was not extracted yet: the first night catches up.

    Args:
        landing: where to look.
        run_date: D; with `missing_days: refuse` every feed has its folder, otherwise some feed has a day up to D and one after.
        known: days whose folders are already in the engagements table.
        config: the feeds, and what to do about missing days.
        since: folders from this day on are read again, known or not.

    Raises:
        LandingError: D was never landed (exit 2).
        HeldError: a day in between is missing, or a folder is incomplete (exit 3).
    """
    landed = {feed: landing.days(feed) for feed in config.feeds}
    every = {day for days in landed.values() for day in days}
    allowed = config.missing_days == "allow" and every and min(every) <= run_date <= max(every)
    due = {}
    for feed, days in landed.items():
        if run_date not in days and not allowed:
            newest = days[-1].isoformat() if days else None
            raise LandingError.no_folder(landing.folder(feed, run_date), newest, feed, landing.other_folders(feed))
        if config.missing_days == "refuse":
            span = (run_date - days[0]).days
            expected = {days[0] + timedelta(days=offset) for offset in range(span + 1)}
            missing = sorted(expected - set(days))
            if missing:
                raise HeldError.missing_landing_days([landing.folder(feed, day) for day in missing])
        again = since or run_date
        due[feed] = [day for day in days if day <= run_date and (day >= again or day == run_date or day not in known)]
        landing.require_complete(feed, due[feed])
    return due
