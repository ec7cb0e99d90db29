"""What the executors of a cluster have, asked of all of them at once: a barrier stage with a task for every slot."""

import hashlib
import importlib
import importlib.metadata
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark import BarrierTaskContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

import shortlist
from shortlist.contracts import CONTRACTS
from shortlist.models.arrays.blocks import Batches

# Kernels run one thread for each task's core; BLAS would start as many as the machine has.
THREADS: Final = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
_COMPILED: Final = "shortlist.kernels.ials"
_FOUND: Final = "found"
# A folder that the driver made, with the word that every executor must read there.
_NONCE: Final = "nonce"


@dataclass(frozen=True)
class Found:
    """What one process has.

    Attributes:
        executor: its address.
        python: version of its Python.
        packages: version by name; empty where it is not installed.
        threads: value of each variable that limits threads; empty where it is not set.
        code: digest of the project's source and contracts.
        kernels: why the compiled kernels cannot be loaded; empty where they can.
        folders: by the setting that names it, why a folder is not the driver's; empty where it is.
    """

    executor: str
    python: str
    packages: Mapping[str, str]
    threads: Mapping[str, str]
    code: str
    kernels: str
    folders: Mapping[str, str]


def required_packages() -> list[str]:
    """The packages that the project's extra `jobs` names."""
    stated = importlib.metadata.requires("shortlist") or []
    return sorted(
        re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0] for each in stated if re.search("extra == .jobs.", each)
    )


def look(executor: str, packages: Sequence[str], folders: Mapping[str, str], nonce: str) -> Found:
    """Look at this process.

    Args:
        executor: what to call it.
        packages: names to look for.
        folders: by the setting that names it, a folder in which the driver left the nonce.
        nonce: the word.
    """
    try:
        importlib.import_module(_COMPILED)
        kernels = ""
    except (ImportError, RuntimeError, OSError) as error:
        kernels = f"{type(error).__name__}: {error}"
    return Found(
        executor=executor,
        python=platform.python_version(),
        packages={name: _version(name) for name in packages},
        threads={name: os.environ.get(name, "") for name in THREADS},
        code=_source_digest(),
        kernels=kernels,
        folders={setting: _read_and_answer(Path(folder), nonce) for setting, folder in folders.items()},
    )


def count_slots(spark: SparkSession) -> int:
    """How many tasks can run at once. Of a cluster that can run one Spark says two, so two are tried."""
    said = spark.sparkContext.defaultParallelism
    if said != 2:
        return said
    try:
        spark.range(0, said, 1, said).mapInArrow(_as_they_are, "id long", barrier=True).collect()
    except (PySparkException, Py4JError):
        return 1  # if it failed for another reason, asking one task says which
    return said


def _as_they_are(batches: Batches) -> Batches:
    return batches


def ask_executors(
    spark: SparkSession, slots: int, packages: Sequence[str], folders: Mapping[str, str], nonce: str
) -> list[Found]:
    """Every executor's answer, sorted by address; each is asked once, by one of its tasks."""
    answers = [json.loads(row[_FOUND]) for row in on_every_slot(spark, slots, packages, folders, nonce).collect()]
    return [Found(**answer) for answer in {each["executor"]: each for each in sorted(answers, key=str)}.values()]


def on_every_slot(
    spark: SparkSession, slots: int, packages: Sequence[str], folders: Mapping[str, str], nonce: str
) -> DataFrame:
    """One row for each slot of the cluster, made while all slots are taken: so no executor is left out."""

    def answer(_: Batches) -> Iterator[pa.RecordBatch]:
        task = BarrierTaskContext.get()
        address = task.getTaskInfos()[task.partitionId()].address
        task.barrier()
        found = json.dumps(asdict(look(address, packages, folders, nonce)))
        yield pa.RecordBatch.from_pydict({_FOUND: [found]})

    return spark.range(0, slots, 1, slots).mapInArrow(answer, f"{_FOUND} string", barrier=True)


def leave_nonce(folder: Path, nonce: str) -> Path:
    """A new folder below another, with a word to be read there.

    Raises:
        OSError: it cannot be made.
    """
    below = folder / f".check-cluster-{nonce}"
    below.mkdir(parents=True, exist_ok=True)  # two settings may name one folder
    (below / _NONCE).write_text(nonce, encoding="utf-8")
    return below


def answered(folder: Path) -> int:
    """How many tasks left an answer that the driver sees."""
    return sum(1 for path in folder.iterdir() if path.name != _NONCE)


def problems(driver: Found, executor: Found) -> list[str]:
    """What an executor has otherwise than the driver, each with what mends it; nothing where a night can run there."""
    found = []
    if executor.python != driver.python:
        found.append(
            f"Python {executor.python} instead of {driver.python}; next: install that one, or name it by spark.pyspark.python"
        )
    differing = [
        f"{name} {executor.packages[name] or 'is missing'} instead of {version}"
        for name, version in driver.packages.items()
        if executor.packages[name] != version
    ]
    if differing:
        found.append(f"{', '.join(differing)}; next: install infra/requirements/jobs.txt there")
    unlimited = [
        f"{name}={executor.threads[name]}" for name, wanted in THREADS.items() if executor.threads[name] != wanted
    ]
    if unlimited:
        found.append(
            f"{', '.join(unlimited)} instead of 1; next: --conf spark.executorEnv.NAME=1 for each, as infra/submit does"
        )
    if executor.code != driver.code:
        found.append(
            f"the project's code is {executor.code} instead of {driver.code}; next: build it anew with infra/package and ship it"
        )
    if executor.kernels:
        found.append(
            f"{_COMPILED} cannot be loaded ({executor.kernels}); next: ship the code unpacked, and name a folder that may be "
            "written by spark.executorEnv.NUMBA_CACHE_DIR"
        )
    found += [
        f"{setting}: {problem}; next: mount it there by the same path, with the same user, or change the setting"
        for setting, problem in executor.folders.items()
        if problem
    ]
    return [f"executor {executor.executor}: {problem}" for problem in found]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _source_digest() -> str:
    """Of every module, and of every contract: a checkout has those in another folder than a wheel."""
    root = Path(shortlist.__file__).parent
    modules = {str(path.relative_to(root)): path for path in root.rglob("*.py") if path.parent.name != "schemas"}
    contracts = {each.name: each for each in CONTRACTS.iterdir() if each.name.endswith(".yaml")}
    digest = hashlib.sha256()
    for name, file in sorted({**modules, **contracts}.items()):
        digest.update(f"{name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _read_and_answer(folder: Path, nonce: str) -> str:
    """Read what the driver wrote, and write what the driver counts; why it cannot be done, or nothing."""
    try:
        if (folder / _NONCE).read_text(encoding="utf-8") != nonce:
            return f"{folder} holds another word than the driver wrote"
        (folder / f"{platform.node()}-{os.getpid()}").touch()
    except OSError as error:
        return f"{folder}: {error.strerror or error}"
    return ""
