"""Whether every executor of a cluster can run a night; looked at before one begins."""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from shortlist.config import Settings
from shortlist.errors import ClusterError
from shortlist.store.filesystems import filesystem
from shortlist.warehouse.executors import (
    Found,
    answered,
    ask_executors,
    count_slots,
    leave_nonce,
    look,
    on_every_slot,
    problems,
    required_packages,
)

log = logging.getLogger("shortlist")


def check_cluster(spark: SparkSession, settings: Settings, expected: int | None = None) -> list[Found]:
    """Ask every executor what it has, let each write a part of a Delta table, and compare with the driver.

    Args:
        spark: a session on the cluster.
        settings: they name the folders that all must share.
        expected: executors that there must be; None: as many as there are.

    Returns:
        What each executor has.

    Raises:
        ClusterError: what is missing or different, by executor, each with the next step.
    """
    nonce = uuid4().hex
    packages, slots = required_packages(), count_slots(spark)
    with shared_folders(settings, nonce) as folders:
        paths = {setting: str(folder) for setting, folder in folders.items()}
        driver = look("driver", packages, paths, nonce)
        try:
            executors = ask_executors(spark, slots, packages, paths, nonce)
        except (PySparkException, Py4JError) as error:
            raise ClusterError.no_answer("asking the executors", str(error)) from None
        wrong = [problem for each in executors for problem in problems(driver, each)]
        wrong += unseen(folders, len(executors)) if not wrong else []
        if expected is not None and len(executors) != expected:
            wrong.append(
                f"{len(executors)} executor(s) answered, {expected} are expected; next: look at the cluster's own pages for "
                "workers that are lost, busy or too small"
            )
        if wrong:
            raise ClusterError.differs(wrong)
        write_delta(spark, slots, settings.paths.warehouse, packages, paths, nonce)
    return executors


def write_delta(
    spark: SparkSession, slots: int, warehouse: str, packages: Sequence[str], folders: Mapping[str, str], nonce: str
) -> None:
    """Let every slot write a part of a small Delta table below the warehouse, and read it back.

    Raises:
        ClusterError: it cannot be written or read, or not every part is there.
    """
    folder = f"{warehouse.rstrip('/')}/.check-cluster-{nonce}"
    table = f"{folder}/table"
    try:
        on_every_slot(spark, slots, packages, folders, nonce).write.format("delta").save(table)
        rows = spark.read.format("delta").load(table).count()
    except (PySparkException, Py4JError) as error:
        raise ClusterError.no_answer(f"writing a Delta table in {warehouse}", str(error)) from None
    finally:
        with suppress(OSError):  # what was not written cannot be removed
            system, path = filesystem(folder)
            system.delete_dir(path)
    if rows != slots:
        raise ClusterError.no_answer(f"writing a Delta table in {warehouse}", f"{rows} of {slots} parts can be read")


@contextmanager
def shared_folders(settings: Settings, nonce: str) -> Iterator[dict[str, Path]]:
    """The folders that driver and executors share by path, each with a nonce while this lasts."""
    named = {
        "als.scratch": settings.als.scratch,
        "cooccurrence.scratch": settings.cooccurrence.scratch,
        "paths.warehouse": settings.paths.warehouse,
    }
    left: dict[str, Path] = {}
    try:
        for setting, path in named.items():
            if path is not None and "://" not in path:
                try:
                    left[setting] = leave_nonce(Path(path), nonce)
                except OSError as error:
                    reason = f"{path}: {error.strerror or error}"
                    raise ClusterError.differs(
                        [f"driver: {setting}: {reason}; next: let it be written, or change the setting"]
                    ) from None
        yield left
    finally:
        for folder in left.values():
            shutil.rmtree(folder, ignore_errors=True)


def unseen(folders: Mapping[str, Path], executors: int) -> list[str]:
    """Folders in which an executor wrote what the driver does not see: a folder of the same name on another disk.

    Args:
        folders: by the setting that names it, a folder in which the driver and the executors have answered.
        executors: how many did.

    Returns:
        What is wrong, each with the next step.
    """
    # The driver's own look is one answer more.
    return [
        f"{setting}: {folder.parent} has answers of {answered(folder) - 1} process(es), {executors} executor(s) wrote there; "
        "next: mount one and the same folder on the driver and all workers"
        for setting, folder in folders.items()
        if answered(folder) - 1 < executors
    ]
