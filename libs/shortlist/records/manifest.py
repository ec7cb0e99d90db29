"""What a run did, in one JSON file per job and day: settings, input and output versions, counts, checks, seconds."""

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

from shortlist.redaction import redact_all


def manifest_path(root: str, run_date: date, job: str) -> Path:
    """Where the manifest of a job and day lives."""
    return Path(root) / f"run_date={run_date.isoformat()}" / f"{job}.json"


def write_manifest(root: str, run_date: date, job: str, content: dict[str, Any]) -> Path:
    """Write a manifest whole or not at all, without secrets that an error may have quoted."""
    path = manifest_path(root, run_date, job)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    plain = redact_all(json.loads(json.dumps(content, default=str)))
    unfinished.write_text(json.dumps(plain, indent=1, sort_keys=True), encoding="utf-8")
    unfinished.replace(path)
    return path


def read_manifests(root: str, run_date: date) -> dict[str, dict[str, Any]]:
    """All manifests of a day, by job; empty when the day has none."""
    folder = manifest_path(root, run_date, "any").parent
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[!.]*.json"))}
