"""Manifests in storage: one JSON file for each job and day, below the warehouse unless settings say otherwise.

The only writer and the only reader of them. Any folder or URL; no Spark and no Delta, so that Airflow's side reads them too.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from re import Pattern
from typing import Any, Final

from pyarrow import fs

from shortlist.config.arguments import Arguments
from shortlist.pipeline import JOBS
from shortlist.records.manifest import Manifest
from shortlist.redaction import redact_all
from shortlist.store.begun import note_begin, note_end
from shortlist.store.filesystems import files_below, filesystem, read_whole, write_whole
from shortlist.subjects import GONE, Subject, mention
from shortlist.telemetry.telling import Telling

# What a manifest says of the run itself; no subject is named there, and an id that is a common word must not mangle it.
_OF_THE_RUN: Final = frozenset({"job", "run_date", "run_id", "attempt", "settings", "inputs", "outputs", "seconds"})
NO_MANIFEST: Final = (OSError, ValueError, TypeError, KeyError, AttributeError)
"""What reading a manifest raises where it is not there, or is no manifest."""


def manifest_path(root: str, run_date: date, job: str) -> str:
    """Where the manifest of a job and day is."""
    return f"{root.rstrip('/')}/run_date={run_date.isoformat()}/{job}.json"


@contextmanager
def recorded(arguments: Arguments) -> Iterator[Manifest]:
    """The manifest of a run, to be filled; it is written at the end, also when the run fails, and then told as settings say."""
    started = time.perf_counter()
    root = arguments.settings.paths.manifests
    manifest = new_manifest(arguments)
    begun = note_begin(root, arguments.job, arguments.run_date)
    telling = Telling(arguments.settings)
    telling.began(manifest)
    try:
        yield manifest
    except BaseException as error:
        manifest.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        manifest.seconds = round(time.perf_counter() - started, 2)
        try:
            write_manifest(root, manifest)
        finally:
            note_end(root, begun)
        telling.ended(manifest)


def new_manifest(arguments: Arguments) -> Manifest:
    """The manifest of a run that begins."""
    return Manifest(
        job=arguments.job,
        run_date=arguments.run_date,
        run_id=arguments.run_id,
        attempt=arguments.attempt,
        settings=arguments.settings.model_dump(mode="json"),
    )


def write_manifest(root: str, manifest: Manifest) -> str:
    """Write a manifest whole or not at all, without secrets that an error may have quoted; returns its path."""
    path = manifest_path(root, manifest.run_date, manifest.job)
    write_whole(path, _encoded(redact_all(json.loads(json.dumps(manifest.as_dict(), default=str)))))
    return path


def read_manifest(root: str, run_date: date, job: str) -> Manifest:
    """The manifest of a job and day.

    Raises:
        OSError, KeyError, TypeError, ValueError, AttributeError: it is not there, or is no manifest.
    """
    return _read(manifest_path(root, run_date, job))


def read_manifests(root: str, run_date: date) -> tuple[list[Manifest], list[str]]:
    """The manifests of a day in the order of the registry, and a sentence for each file that could not be read."""
    manifests, problems = [], []
    for path in _files(root, f"run_date={run_date.isoformat()}"):
        try:
            manifests.append(_read(path))
        except NO_MANIFEST as error:
            name = path.rsplit("/", 1)[-1]
            problems.append(f"the manifest {name} of {run_date.isoformat()} cannot be read: {error!r}")
    order = {job: position for position, job in enumerate(JOBS)}
    manifests.sort(key=lambda manifest: (order.get(manifest.job, len(order)), manifest.job))
    return manifests, problems


def recorded_days(root: str) -> list[date]:
    """The days that have manifests, oldest first."""
    system, base = filesystem(root.rstrip("/"))
    prefix = "run_date="
    found = system.get_file_info(fs.FileSelector(base, allow_not_found=True))
    names = [info.base_name.removeprefix(prefix) for info in found if info.base_name.startswith(prefix)]
    return sorted(date.fromisoformat(name) for name in names)


def redact_manifests(root: str, subjects: Sequence[Subject]) -> int:
    """Put a mark where a manifest quotes an erased id (samples of checks, error texts).

    Returns:
        How many manifests were changed.
    """
    pattern, changed = mention(subjects), 0
    for path in _files(root, ""):
        content = _values(path)
        redacted = {key: value if key in _OF_THE_RUN else _without(value, pattern) for key, value in content.items()}
        if redacted != content:
            write_whole(path, _encoded(redacted))
            changed += 1
    return changed


def _read(path: str) -> Manifest:
    return Manifest.of(_values(path))


def _values(path: str) -> dict[str, Any]:
    content = json.loads(read_whole(path).decode("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    return content


def _files(root: str, folder: str) -> list[str]:
    """Every manifest in a folder below the root and further down, sorted; none where there is no such folder."""
    base = f"{root.rstrip('/')}/{folder}".rstrip("/")
    names = ((name, name.rsplit("/", 1)[-1]) for name in files_below(base))
    return [f"{base}/{name}" for name, own in names if own.endswith(".json") and not own.startswith(".")]


def _encoded(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode("utf-8")


def _without(value: Any, pattern: "Pattern[str]") -> Any:
    if isinstance(value, str):
        return pattern.sub(GONE, value)
    if isinstance(value, list):
        return [_without(part, pattern) for part in value]
    if isinstance(value, dict):
        return {pattern.sub(GONE, key): _without(part, pattern) for key, part in value.items()}
    return value
