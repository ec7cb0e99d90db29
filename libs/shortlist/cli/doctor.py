"""`shortlist doctor`: whether this machine can run the jobs, each line with what mends it. Starts no JVM to look at Java."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from rich.console import Console

from shortlist.cli.first_events import UNREADABLE, FirstEvents, first_events
from shortlist.cli.installed import beyond_bounds, missing_jars, requirements
from shortlist.cli.output import Facts, print_table, say
from shortlist.cli.spark_jobs import run_job
from shortlist.columns import PUBLISHED_AT
from shortlist.config import CHECKOUT, ExtractionConfig, Settings
from shortlist.errors import ShortlistError
from shortlist.landing.folders import Landing
from shortlist.redaction import redact_all
from shortlist.store.filesystems import ON_S3, filesystem, remove_file, write_whole
from shortlist.store.pinned_tables import Lake
from shortlist.store.reading_errors import UNREADABLE as UNREADABLE_TABLES

JAVA: Final = "17"
PYTHON: Final = (3, 11)
LOCK: Final = CHECKOUT / "infra" / "requirements" / "jobs.txt"
JARS: Final = CHECKOUT / "infra" / "requirements" / "delta-jars.sha256"
S3_JARS: Final = CHECKOUT / "infra" / "requirements" / "object-store-jars.sha256"
# What infra/setup --object-store compiles, beside Spark's jars.
LOG_STORE: Final = "shortlist-log-store.jar"
# What infra/environments.sh asks for before it makes anything.
_FREE_GB: Final = 6
# So many commit at once to see whether any is lost.
_WRITERS: Final = 4
_LACKING, _INFRASTRUCTURE = 2, 5
_REMAKE = "infra/test unit makes the jobs environment anew where it differs from its lock"
_ADDRESS_MEND = "look at the address, the network and the credentials in the environment"
_JAVA_MEND = "apt-get install -y openjdk-17-jre-headless, or point JAVA_HOME at a Java 17"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether it is as it must be.
        says: what was found.
        mend: what to do; empty when it is right.
        code: exit code of its failure: 2 the machine or the settings lack something, 5 infrastructure.
    """

    name: str
    ok: bool
    says: str
    mend: str = ""
    code: int = _LACKING


def doctor(
    load: Callable[[], Settings], now: datetime, check_cluster: Sequence[str] | None = None
) -> tuple[dict[str, Any], int]:
    """Look at everything.

    Args:
        load: reads the settings; what it raises becomes a line.
        now: the clock, held against the newest publication.
        check_cluster: arguments of the job that asks a cluster's executors; None: it is not run.

    Returns:
        ok, lines (name, ok, says, mend), first_events (file: events, as the settings map them); and the exit code.
    """
    lines = [python_version(), java_version(), packages(LOCK), jars(JARS, _jars_folder())]
    events: dict[str, Any] = {}
    try:
        settings = load()
        lines.append(Line("settings", True, "valid"))
        lines += _paths(settings)
        for line, first in landing(settings):
            lines.append(line)
            events |= {} if first is None else {first.file: first.events}
        lines += warehouse_reachable(settings.paths.warehouse, now)
    except ShortlistError as error:
        lines.append(Line("settings", False, str(error), "mend the fields named; paths were not checked"))
    if check_cluster is not None:
        lines.append(cluster(check_cluster))
    failed = [line.code for line in lines if not line.ok]
    found = [{name: value for name, value in asdict(line).items() if name != "code"} for line in lines]
    return {"ok": not failed, "lines": redact_all(found), "first_events": redact_all(events)}, min(failed, default=0)


def python_version() -> Line:
    """The interpreter that the locks are made for."""
    found = sys.version.split()[0]
    ok = sys.version_info[:2] == PYTHON
    return Line(
        "python", ok, found, "" if ok else "apt-get install -y python3.11 python3.11-venv, then infra/test unit"
    )


def java_version() -> Line:
    """The Java that spark-submit would start: JAVA_HOME's, else the one on PATH, else a Debian Java 17."""
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").exists():
        return Line("java", False, f"JAVA_HOME is {home}, which has no bin/java", f"unset JAVA_HOME, or {_JAVA_MEND}")
    on_path = shutil.which("java")
    candidates = [Path(home) / "bin" / "java"] if home else [*([Path(on_path)] if on_path else []), *_debian_javas()]
    found = [(java, _version_of(java)) for java in candidates]
    for java, version in found:
        if version is not None and version.split(".")[0] == JAVA:
            return Line("java", True, f"{version} ({java})")
    versions = ", ".join(f"{version or 'of unknown version'} ({java})" for java, version in found) or "no java"
    return Line("java", False, f"Java {JAVA} is needed, found {versions}", _JAVA_MEND)


def packages(lock: Path) -> Line:
    """Every package of the jobs environment against its lock; outside of a checkout, which has it, within the wheel's bounds."""
    if not lock.exists():
        count, wrong = beyond_bounds(requirements(), _installed)
        mend = "pip install 'shortlist[jobs]' in the environment of the jobs"
        return Line(
            "packages", not wrong and count > 0, "; ".join(wrong) or f"{count} within bounds", mend if wrong else ""
        )
    wanted = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE
    )
    differing = [
        f"{name} {found or 'is missing'} instead of {version}"
        for name, version in wanted
        if (found := _installed(name)) != version
    ]
    if not wanted or differing:
        packages = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
        return Line("packages", False, packages or f"{lock.name} names no package", _REMAKE)
    return Line("packages", True, f"{len(wanted)} as locked")


def jars(sums: Path, folder: Path | None) -> Line:
    """Delta's jars beside Spark's, by their checksums; by their names outside of a checkout, where no checksums are stated."""
    if folder is None or not folder.is_dir():
        return Line("jars", False, "pyspark is not installed, so there is no folder for jars", _REMAKE)
    if not sums.exists():  # outside of a checkout
        gone = list(missing_jars(folder, _installed("delta-spark"), on_s3=sums == S3_JARS))
        mend = f"put them into {folder}: infra/operations.md of a checkout says how (The wheel)"
        return Line("jars", not gone, f"{', '.join(gone)} missing" if gone else "all there", mend if gone else "")
    wanted = [line.split() for line in sums.read_text(encoding="utf-8").splitlines() if line.strip()]
    wrong = []
    for checksum, name in wanted:
        jar = folder / name
        if not jar.exists():
            wrong.append(f"{name} is missing")
        elif hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
            wrong.append(f"{name} has another sha256 than the list states")
    mend = f"remove what is named from {folder}, then infra/test unit fetches it again"
    return Line("jars", not wrong, "; ".join(wrong) or f"{len(wanted)} with the right sha256", mend if wrong else "")


def s3_jars(sums: Path, folder: Path | None) -> Line:
    """What Spark needs for a warehouse on S3: Hadoop's connector, and the log store that puts commits conditionally."""
    line = jars(sums, folder)
    if line.ok and folder is not None and not (folder / LOG_STORE).exists():
        line = Line("jars", False, f"{LOG_STORE} is missing, so Spark would lose commits")
    return replace(line, name="jars for s3", mend="" if line.ok else "infra/setup --object-store")


def free_disk(name: str, folder: Path) -> Line:
    """Room where a folder is, or will be."""
    asked = os.environ.get("SHORTLIST_MIN_FREE_GB", "")
    needed = int(asked) if asked.isdigit() else _FREE_GB
    free = shutil.disk_usage(_existing(folder)).free / 2**30
    ok = free >= needed
    mend = (
        "" if ok else "free some (old versions: maintenance; old states: rm -r of a .shortlist/), or name a larger disk"
    )
    return Line(f"disk of {name}", ok, f"{free:.1f} GB free, {needed} GB are needed", mend, _INFRASTRUCTURE)


def writable(name: str, folder: Path) -> Line:
    """Whether a file can be made where a folder is, or will be; tried, for rights alone do not tell of a read-only disk."""
    path = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        mend = f"chown or remount {path}, or set paths.{name} to a folder that may be written"
        return Line(f"writing {name}", False, f"{folder}: {error.strerror or error}", mend, _INFRASTRUCTURE)
    return Line(f"writing {name}", True, str(folder))


def puts(name: str, url: str) -> Line:
    """Whether an object can be put where a URL leads, and removed."""
    probe = f"{url.rstrip('/')}/.doctor-{uuid4().hex}"
    try:
        write_whole(probe, b"")
        remove_file(probe)
    except (OSError, ValueError) as error:
        return Line(f"writing {name}", False, f"{url}: {str(error)[:300]}", _ADDRESS_MEND, _INFRASTRUCTURE)
    return Line(f"writing {name}", True, url)


def conditional_commits(url: str) -> Line:
    """Whether the store refuses the second of two commits of one version: writers commit to a table of their own at once."""
    path = f"{url.rstrip('/')}/.doctor-{uuid4().hex}"
    schema = pa.schema([("commit", pa.int64())])

    def commit(number: int) -> None:
        write_deltalake(path, pa.table({"commit": [number]}, schema), mode="append")

    try:
        DeltaTable.create(path, schema)
        with ThreadPoolExecutor(_WRITERS) as writers:
            list(writers.map(commit, range(3 * _WRITERS)))
        lost = 3 * _WRITERS - pl.read_delta(path).height
        system, below = filesystem(path)
        system.delete_dir(below)
    except (*UNREADABLE_TABLES, ValueError) as error:
        return Line("commits", False, f"{url}: {str(error)[:300]}", _ADDRESS_MEND, _INFRASTRUCTURE)
    says = f"{lost} of {3 * _WRITERS} commits of {_WRITERS} writers at once are lost"
    mend = "use a store that honours If-None-Match: * on a put (S3, SeaweedFS, MinIO)"
    return Line("commits", not lost, says, mend if lost else "", _INFRASTRUCTURE)


def landing(settings: Settings) -> Iterator[tuple[Line, FirstEvents | None]]:
    """For each feed of the settings: whether its folders can be listed, and what the newest complete one holds, as mapped."""
    landed, extraction = Landing.of(settings), settings.extraction
    for name, feed in extraction.feeds.items():
        where = f"{landed.root.rstrip('/')}/{name}"
        try:
            days, complete = landed.days(name), landed.complete_days(name)
        except (OSError, ValueError) as error:
            yield Line(f"landing {name}", False, f"{where}: {str(error)[:300]}", _ADDRESS_MEND, _INFRASTRUCTURE), None
            continue
        if not days:
            folder = f"{where}/{date(2017, 11, 30).strftime(feed.day_folders)}/"
            mend = f"let the producer land a day as {folder} (README, Landing), or infra/shortlist new; for the demo: infra/demo"
            yield Line(f"landing {name}", False, f"{where} holds no day", mend, _INFRASTRUCTURE), None
            continue
        says = f"{where}: {len(days)} days, the newest is {days[-1]}"
        if not complete:
            mend = f"let the producer write {extraction.marker} into a day's folder when it is whole"
            yield Line(f"landing {name}", False, f"{says}; none has {extraction.marker}", mend, _INFRASTRUCTURE), None
            continue
        yield Line(f"landing {name}", True, f"{says}; complete up to {complete[-1]}"), None
        yield mapping(landed, name, complete[-1], extraction)


def mapping(landed: Landing, name: str, day: date, config: ExtractionConfig) -> tuple[Line, FirstEvents | None]:
    """Whether a feed's settings find in its files what an event needs."""
    mend = f"extraction.feeds.{name} in the settings: format, fields, timestamp, event_types; infra/shortlist new proposes them"
    try:
        first = first_events(landed, name, day, config)
    except UNREADABLE as error:
        problem = " ".join(str(error).split())[:300]
        return Line(
            f"mapping {name}", False, f"{name}/{day} cannot be read as {config.feeds[name].format}: {problem}", mend
        ), None
    if first.problem:
        return Line(f"mapping {name}", False, f"{first.file}: {first.problem}", mend), first
    return Line(f"mapping {name}", True, f"{first.file}: {len(first.events)} events read, shown below"), first


def warehouse_reachable(url: str, now: datetime) -> Sequence[Line]:
    """Whether publications can be read, and whether the clock agrees with them."""
    lake = Lake(url)
    try:
        rows = lake.scan("publications")
        newest = None if rows is None else lake.collect("publications", rows.select(pl.col(PUBLISHED_AT).max())).item()
    except ShortlistError as error:
        mend = "shortlist verify; for a URL: the address, the network and the credentials in the environment"
        return [Line("warehouse", False, str(error), mend, _INFRASTRUCTURE)]
    if newest is None:
        return [Line("warehouse", True, f"{url}: nothing is published yet")]
    reachable = Line("warehouse", True, f"{url}: the last decision is of {newest:%Y-%m-%d %H:%M} UTC")
    behind = newest > now
    says = f"{now:%Y-%m-%d %H:%M} UTC" + (", before the last publication" if behind else "")
    return [
        reachable,
        Line("clock", not behind, says, "set the clock (timedatectl)" if behind else "", _INFRASTRUCTURE),
    ]


def cluster(arguments: Sequence[str]) -> Line:
    """Whether every executor can run a night; a job asks them, and says what it found on standard error."""
    code = run_job("check_cluster", arguments)
    if code == 0:
        return Line("cluster", True, "every executor can run a night")
    says = f"check_cluster left with {code}; what each executor lacks is above"
    mend = "mend what it names, then infra/submit jobs/check_cluster.py"
    return Line("cluster", False, says, mend, _LACKING if code == _LACKING else _INFRASTRUCTURE)


def _paths(settings: Settings) -> Iterator[Line]:
    paths = settings.paths
    for name in ("warehouse", "reports", "manifests"):
        path = getattr(paths, name)
        yield puts(name, path) if "://" in path else writable(name, Path(path))
    if paths.warehouse.startswith(ON_S3):
        yield s3_jars(S3_JARS, _jars_folder())
        yield conditional_commits(paths.warehouse)
    elif "://" not in paths.warehouse:
        yield free_disk("warehouse", Path(paths.warehouse))
    yield free_disk("temporary files", Path(tempfile.gettempdir()))


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _debian_javas() -> list[Path]:
    return sorted(Path("/usr/lib/jvm").glob(f"*{JAVA}*/bin/java"))


def _version_of(java: Path) -> str | None:
    """The version as the runtime's own `release` file states it; asked of the program where there is none."""
    release = java.resolve().parent.parent / "release"
    if release.exists():
        stated = re.search(r'^JAVA_VERSION="([^"]+)"', release.read_text(encoding="utf-8"), re.MULTILINE)
        if stated:
            return stated[1]
    try:
        output = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return None
    spoken = re.search(r'version "([^"]+)"', output)
    return spoken[1] if spoken else None


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _jars_folder() -> Path | None:
    # Found, not imported: half a second.
    found = importlib.util.find_spec("pyspark")
    return Path(found.submodule_search_locations[0]) / "jars" if found and found.submodule_search_locations else None


def render(facts: Facts, to: Console) -> None:
    """For people."""
    rows = [("ok" if line["ok"] else "WRONG", line["name"], line["says"], line["mend"]) for line in facts["lines"]]
    print_table(to, ["", "what", "found", "next"], rows)
    for file, events in facts["first_events"].items():
        columns = list(dict.fromkeys(column for event in events for column in event))
        shown = [[event.get(column) for column in columns] for event in events]
        print_table(to, columns, shown, f"the first events of {file}, as the settings map them")
    say(to, "nothing is wrong" if facts["ok"] else "mend the lines marked WRONG")
