"""How long, and how much memory: what the benchmarks of models have in common."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from shortlist.config import CHECKOUT, state_home
from shortlist.warehouse.session import spark_session

# As spark-submit starts a job on this machine (infra/spark/local/bin/spark-submit).
MACHINE: Final = CHECKOUT / "infra" / "spark" / "local" / "spark-defaults.conf"
_RESIDENT: Final = re.compile(r"VmRSS:\s+(\d+) kB")


@dataclass
class Memory:
    """Peaks of resident memory in MB.

    Attributes:
        driver: this Python process.
        jvm: Spark's driver and executor, one process here.
        workers: all Python workers together; pages of a shared memory map count once for each.
    """

    driver: float = 0.0
    jvm: float = 0.0
    workers: float = 0.0

    def __str__(self) -> str:
        """For a line of a table."""
        return f"MB: driver {self.driver:5.0f}, JVM {self.jvm:5.0f}, workers {self.workers:5.0f}"


def machine() -> dict[str, str]:
    """The settings of one machine, and a third of its memory: MLlib's larger fits live in Java's heap."""
    heap = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 3 // 2**20
    lines = (text.split(None, 1) for text in MACHINE.read_text().splitlines() if text and not text.startswith("#"))
    return {name: value.strip() for name, value in lines} | {"spark.driver.memory": f"{heap}m"}


@contextmanager
def bench_session(name: str, extra: Mapping[str, str] | None = None) -> Iterator[tuple[SparkSession, Path]]:
    """A benchmark's Spark session, and the folder of its sets and figures.

    Args:
        name: of the benchmark.
        extra: further Spark settings.
    """
    folder = state_home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with spark_session(f"bench {name}", machine() | dict(extra or {})) as spark:
        spark.sparkContext.setLogLevel("ERROR")
        yield spark, folder


def timed(task: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds by a clock; `time.process_time` counts those of processors, of all threads together."""
    started = clock()
    task()
    return clock() - started


def twice(task: Callable[[], object]) -> tuple[float, float, Memory]:
    """Seconds of a first and of a warm run, and the warm one's memory."""
    first = timed(task)
    with memory_watched() as memory:
        return first, timed(task), memory


@contextmanager
def memory_watched() -> Iterator[Memory]:
    """Peaks while the block runs, looked at ten times a second; Linux only."""
    peaks, ended = Memory(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(peaks, ended))
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def descendants(root: int) -> Iterator[int]:
    """A process and all that it began, and they."""
    yield root
    # Linux lists children by the thread that began them; a JVM begins Python from any.
    for thread in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = thread.read_text().split()
        except OSError:  # ended meanwhile
            continue
        for child in children:
            yield from descendants(int(child))


def _watch(peaks: Memory, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        workers = 0.0
        for pid in descendants(os.getpid()):
            try:
                resident = _RESIDENT.search(Path(f"/proc/{pid}/status").read_text())
                # Not its name: where Java begins a program, the copy of itself that becomes it has the name of a thread.
                program = Path(f"/proc/{pid}/exe").readlink().name
            except OSError:
                continue
            megabytes = int(resident[1]) / 1024 if resident else 0.0
            if pid == os.getpid():
                peaks.driver = max(peaks.driver, megabytes)
            elif program == "java":
                peaks.jvm = max(peaks.jvm, megabytes)
            else:
                workers += megabytes
        peaks.workers = max(peaks.workers, workers)
