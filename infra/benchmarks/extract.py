"""Extraction of one synthetic day: rows a second, memory of the driver, and how both grow with the day.

For each format and size a day is landed by load_synthetic (and written once more by Spark where the format is not JSON), copied
by a plain Spark program (the peer: read the files with a schema, write Delta; no checks, no duplicates, no quarantine), and
extracted by jobs/extract_engagements.py. Driver and executor are processes of their own (local-cluster with one executor of two
cores), because in one process the driver's memory could not be kept apart from the executor's. Both programs are timed from
before their Spark session starts; the job writes its seconds into its manifest. Memory is the peak of resident memory, and
what was left of the heap after each garbage collection at most. Linux only.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

from infra.benchmarks._measuring import descendants
from shortlist.config import CHECKOUT, state_home

DAY: Final = date(2017, 11, 30)
FORMATS: Final = ("json", "csv", "parquet", "delta")
# As a producer types them in columns; in text everything is text.
_TYPES: Final = {"event_ts": "timestamp", "position": "int", "value": "double"}
MASTER: Final = "local-cluster[1,2,4096]"
# Within these a growth is called linear, and a driver flat: two runs of one size differ by so much on a shared machine.
LINEAR: Final = 1.25
FLAT: Final = 1.25
_HEAP = re.compile(r"(\d+)([KMG])->(\d+)([KMG])\(\d+[KMG]\)")
_UNITS = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}


@dataclass(frozen=True)
class Measured:
    """One size in one format.

    Attributes:
        format: of the landed files.
        rows: events of the day.
        seconds: of the extraction, the start of its session included.
        peer_seconds: of the plain copy, likewise.
        driver_heap_mb: the most that garbage collections left in the driver's heap.
        driver_rss_mb: peak resident memory of the driver's JVM.
        python_rss_mb: peak resident memory of the driver's Python.
        files: files that the extraction wrote.
        bytes: their bytes.
    """

    format: str
    rows: int
    seconds: float
    peer_seconds: float
    driver_heap_mb: float
    driver_rss_mb: float
    python_rss_mb: float
    files: int
    bytes: int


def main(argv: Sequence[str] | None = None) -> None:
    """Measure each size, print a table and a verdict, write the figures."""
    parser = argparse.ArgumentParser(
        prog="infra/bench extract", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[2_000_000, 20_000_000], help="sizes (default: %(default)s)"
    )
    parser.add_argument(
        "--formats", choices=FORMATS, nargs="+", default=["json", "parquet"], help="of the files (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the landing and the tables where they were made")
    for program in ("--write", "--copy"):
        parser.add_argument(program, nargs=3, metavar=("FORMAT", "LANDING", "OUT"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.write or options.copy:
        write(*options.write) if options.write else copy(*options.copy)
        return
    folder = state_home() / "bench"
    measured = [
        measure(rows, form, folder / f"extract-{form}-{rows}", options.keep)
        for form in options.formats
        for rows in sorted(options.rows)
    ]
    print(table(measured))
    for line in verdicts(measured):
        print(line)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "extract.json").write_text(json.dumps([asdict(each) for each in measured], indent=1), encoding="utf-8")


def measure(rows: int, form: str, home: Path, keep: bool) -> Measured:
    """Land, copy, extract one day in a folder of its own."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    config = home / "settings.yaml"
    config.write_text(settings(home, rows, form), encoding="utf-8")
    jobs, day = CHECKOUT / "jobs", DAY.isoformat()
    print(f"{rows:,} rows of {form}: landing", file=sys.stderr, flush=True)
    common = ["--config", str(config)]
    submit(home, [str(jobs / "load_synthetic.py"), *common, "--since", day, "--until", day])
    landing = home / "landing" / "engagements" / day
    if form != "json":
        submit(home, [__file__, "--write", form, str(landing), str(home / "written")])
        shutil.rmtree(landing)
        (home / "written").rename(landing)
        (landing / "_SUCCESS").touch()
    print(f"{rows:,} rows of {form}: copying", file=sys.stderr, flush=True)
    submit(home, [__file__, "--copy", form, str(landing), str(home / "copy")])
    print(f"{rows:,} rows of {form}: extracting", file=sys.stderr, flush=True)
    memory = submit(home, [str(jobs / "extract_engagements.py"), *common, "--run-date", day])
    manifest = json.loads((home / "manifests" / f"run_date={day}" / "extract_engagements.json").read_text())
    if manifest["lines"]["accepted"] != rows:
        raise SystemExit(f"{manifest['lines']['accepted']} of {rows} rows were accepted: these figures mean nothing")
    written = manifest["written"][f"engagements/run_date={day}"]
    peer = float((home / "copy.seconds").read_text())
    if not keep:
        shutil.rmtree(home)
    measured = Measured(form, rows, manifest["seconds"], peer, *memory, written["files"], written["bytes"])
    print(table([measured]), file=sys.stderr, flush=True)  # the next one may take long
    return measured


def settings(home: Path, rows: int, form: str) -> str:
    """A deployment of its own; users and items grow with the day, as they do where a day grows."""
    return f"""\
paths: {{landing: {home}/landing, warehouse: {home}/warehouse, reports: {home}/reports, manifests: {home}/manifests}}
surfaces: {{homefeed: {{subject: user, sources: [als]}}}}
synthetic: {{events_per_day: {rows}, users: {max(1000, rows // 20)}, items: {max(200, rows // 100)}, files_per_day: 16}}
extraction: {{feeds: {{engagements: {{format: {form}}}}}}}
"""


def write(form: str, landing: str, out: str) -> None:
    """The landed lines in another format, with the types that a producer's own program would give its columns."""
    from shortlist.tables import ENGAGEMENTS
    from shortlist.warehouse.session import spark_session

    typed = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in ENGAGEMENTS.columns)
    with spark_session("write") as spark:
        rows = spark.read.schema(typed).json(landing)
        (rows.write.option("header", True) if form == "csv" else rows.write).format(form).save(out)


def copy(form: str, landing: str, out: str) -> None:
    """The peer: the same rows to a Delta table, and nothing else."""
    from shortlist.tables import ENGAGEMENTS
    from shortlist.warehouse.session import spark_session

    texts = ", ".join(f"{name} string" for name in ENGAGEMENTS.columns)
    began = time.perf_counter()
    with spark_session("copy") as spark:
        # Columnar files say their types themselves.
        reader = spark.read.format(form)
        reader = reader.schema(texts).option("header", True) if form in ("json", "csv") else reader
        reader.load(landing).write.format("delta").save(out)
        Path(f"{out}.seconds").write_text(str(time.perf_counter() - began), encoding="utf-8")


def submit(home: Path, arguments: Sequence[str]) -> tuple[float, float, float]:
    """Run a program through spark-submit; the driver's heap, its JVM's and its Python's resident memory, in MB.

    Raises:
        SystemExit: the program failed; its output says why.
    """
    log, collections = home / "output.log", home / "gc"
    shutil.rmtree(collections, ignore_errors=True)
    collections.mkdir()
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": f"-Xlog:gc:file={collections}/%p.log"}
    with log.open("w") as output:
        command = ["spark-submit", "--master", MASTER, "--conf", "spark.executor.memory=4g", *arguments]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        peaks: dict[str, tuple[int, float]] = {}
        ended = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, arguments[0], peaks, ended))
        watcher.start()
        code = process.wait()
        ended.set()
        watcher.join()
    if code:
        raise SystemExit(f"{arguments[0]} left with {code}:\n" + log.read_text()[-3000:])
    jvm, resident = peaks.get("jvm", (0, 0.0))
    heap = heap_after((collections / f"{jvm}.log").read_text()) if (collections / f"{jvm}.log").exists() else 0.0
    return heap, resident, peaks.get("python", (0, 0.0))[1]


def heap_after(log: str) -> float:
    """The most that a collection left in the heap, in MB; 0 where there was none."""
    return max((int(found[3]) * _UNITS[found[4]] for found in _HEAP.finditer(log)), default=0.0)


def table(measured: Sequence[Measured]) -> str:
    """Figures for people."""
    names = ["format", "rows", "seconds", "rows/s", "x copy", "heap MB", "JVM MB", "Python MB", "files", "MB"]
    head = " ".join(f"{name:>{width}}" for name, width in zip(names, (8, 12, 8, 9, 7, 8, 7, 9, 6, 7), strict=True))
    lines = [
        f"{each.format:>8} {each.rows:>12,} {each.seconds:>8.1f} {each.rows / each.seconds:>9,.0f} "
        f"{each.seconds / each.peer_seconds:>7.2f} "
        f"{each.driver_heap_mb:>8.0f} {each.driver_rss_mb:>7.0f} {each.python_rss_mb:>9.0f} {each.files:>6} "
        f"{each.bytes / 1e6:>7.1f}"
        for each in measured
    ]
    return "\n".join([head, *lines])


def verdicts(measured: Sequence[Measured]) -> list[str]:
    """From each size of a format to the next: whether seconds grow no faster than rows, and whether the driver stays as it is."""
    found = []
    for small, large in pairwise(measured):
        if small.format != large.format:
            continue
        rows, seconds = large.rows / small.rows, large.seconds / small.seconds
        heap = large.driver_heap_mb / max(small.driver_heap_mb, 1.0)
        linear = "linear" if seconds <= LINEAR * rows else "NOT LINEAR"
        flat = "flat" if heap <= FLAT else "NOT FLAT"
        found.append(
            f"{large.format}, {rows:.1f} times the rows: {seconds:.1f} times the seconds ({linear}), "
            f"{heap:.2f} times the heap ({flat})"
        )
    return found


def _watch(root: int, program: str, peaks: dict[str, tuple[int, float]], ended: threading.Event) -> None:
    """Note the driver's processes and their peak memory, several times a second."""
    while not ended.wait(0.2):
        for pid in descendants(root):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            peak = re.search(r"VmHWM:\s+(\d+) kB", status)
            if peak is None:
                continue
            # In this order: the JVM's own command line names the program too.
            if "org.apache.spark.deploy.SparkSubmit" in command:
                peaks["jvm"] = (pid, int(peak[1]) / 1024)
            elif "python" in command.split(" ", 1)[0] and program in command:
                peaks["python"] = (pid, int(peak[1]) / 1024)


if __name__ == "__main__":
    main()
