"""Prometheus text files of a run, from its manifest: one a job, and one for its last success that a failure leaves as it is."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from shortlist.records.manifest import Manifest
from shortlist.records.publications import PUBLISHED

_NEWEST_DAY = "shortlist_last_success_run_date_timestamp_seconds"


def write_metrics(folder: str, manifest: Manifest) -> None:
    """Write `shortlist_<job>.prom` whole or not at all, and `shortlist_<job>_last_success.prom` where the run went well.

    Raises:
        OSError: the folder cannot be made or written.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    now = time.time()
    write_to_textfile(f"{folder}/shortlist_{manifest.job}.prom", _last_run(manifest, now))
    if manifest.error is None:
        kept = Path(folder) / f"shortlist_{manifest.job}_last_success.prom"
        # A back-fill of an old day must not hide which day is the newest that went well, nor that the newest night failed.
        newest = max(_midnight(manifest), _newest_day(kept))
        write_to_textfile(str(kept), _last_success(manifest, now, newest))


def _last_run(manifest: Manifest, now: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    of_the_run = {
        "shortlist_run_end_timestamp_seconds": ("When the newest run of the job ended.", now),
        "shortlist_run_date_timestamp_seconds": ("Logical date of the newest run, 00:00 UTC.", _midnight(manifest)),
        "shortlist_run_success": (
            "1 where the newest run went well, 0 where it did not.",
            float(manifest.error is None),
        ),
        "shortlist_run_seconds": ("Wall time of the newest run.", manifest.seconds or 0.0),
    }
    for name, (what, value) in of_the_run.items():
        _gauge(registry, name, what).labels(manifest.job).set(value)
    rows = _gauge(registry, "shortlist_rows_written", "Rows that the newest run added to a table.", "table")
    sizes = _gauge(registry, "shortlist_bytes_written", "Bytes that the newest run added to a table.", "table")
    for table, added in manifest.added().items():
        sizes.labels(manifest.job, table).set(added.bytes)
        if added.rows is not None:
            rows.labels(manifest.job, table).set(added.rows)
    checks = _gauge(registry, "shortlist_checks", "Results of the newest run's checks.", "severity", "outcome")
    for (severity, outcome), count in Counter((one.severity, one.outcome) for one in manifest.checks).items():
        checks.labels(manifest.job, severity, outcome).set(count)
    surfaces = _gauge(
        registry, "shortlist_published", "1 where the newest run published it, 0 where it was held.", "surface"
    )
    for publication in manifest.publications:
        surfaces.labels(manifest.job, publication.surface).set(float(publication.status == PUBLISHED))
    return registry


def _last_success(manifest: Manifest, now: float, newest: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name, what, value in (
        ("shortlist_last_success_timestamp_seconds", "When the job last ended well, for whichever day.", now),
        (_NEWEST_DAY, "Newest logical date for which the job ended well, 00:00 UTC.", newest),
    ):
        _gauge(registry, name, what).labels(manifest.job).set(value)
    return registry


def _newest_day(kept: Path) -> float:
    """The newest day that went well so far, as the file of the last success says; 0 where it says nothing."""
    try:
        families = list(text_string_to_metric_families(kept.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return 0.0
    return max((each.value for family in families for each in family.samples if each.name == _NEWEST_DAY), default=0.0)


def _gauge(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Gauge:
    """Labelled `shortlist_job`: `job` is Prometheus' own name for what it scraped."""
    return Gauge(name, what, ("shortlist_job", *labels), registry=registry)


def _midnight(manifest: Manifest) -> float:
    day = manifest.run_date
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
