"""OpenLineage events of a run, from its manifest: START, then COMPLETE or FAIL with the versions that it read and wrote.

An event names no subject and quotes no row: what an erasure must reach stays in the manifest.
"""

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
)
from openlineage.client.uuid import generate_new_uuid

from shortlist.config import Settings
from shortlist.records.manifest import Added, Manifest

_PRODUCER: Final = "urn:shortlist"
# A server that is away costs a job two requests of at most `timeout` (5 s) for each of its two events.
_RETRY: Final = {"total": 1, "connect": 1, "read": 1}


def new_run() -> str:
    """Identity of one attempt of a job; both of its events carry it."""
    return str(generate_new_uuid())


def send(manifest: Manifest, settings: Settings, run: str, ended: bool) -> None:
    """Send one event to where settings say.

    Args:
        manifest: of the run.
        settings: where events go, and where tables are.
        run: identity of the run.
        ended: whether the run is over.

    Raises:
        Exception: whatever the transport raises; there is no common class.
    """
    target = settings.telemetry.lineage
    assert target is not None
    client = OpenLineageClient(config={"transport": _transport(target, manifest)})
    try:
        client.emit(event(manifest, settings.paths.warehouse, settings.paths.manifests, run, ended))
    finally:
        client.close()


def event(manifest: Manifest, warehouse: str, manifests: str, run: str, ended: bool) -> RunEvent:
    """What a manifest says, as an event.

    Args:
        manifest: of the run.
        warehouse: root of the tables.
        manifests: root of the manifests.
        run: identity of the run.
        ended: whether the run is over; else nothing is known yet of inputs and outputs.
    """
    state = RunState.START
    if ended:
        state = RunState.COMPLETE if manifest.error is None else RunState.FAIL
    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="SPARK", jobType="JOB")
    return RunEvent(
        eventType=state,
        eventTime=datetime.now(UTC).isoformat(),
        run=Run(runId=run, facets=dict(_run_facets(manifest, manifests))),
        job=Job(namespace=_namespace(), name=manifest.job, facets=dict[str, JobFacet](jobType=kind)),
        inputs=_inputs(manifest, warehouse) if ended else [],
        outputs=_outputs(manifest, warehouse) if ended else [],
        producer=_PRODUCER,
    )


def _namespace() -> str:
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "shortlist"


def _transport(target: str, manifest: Manifest) -> dict[str, Any]:
    """The client merges what `OPENLINEAGE__TRANSPORT__...` adds, such as AUTH or TIMEOUT."""
    if "://" not in target:
        folder = Path(target) / f"run_date={manifest.run_date.isoformat()}"
        folder.mkdir(parents=True, exist_ok=True)
        # A file for each job: jobs of one night run side by side, and lines of two writers could mix.
        return {"type": "file", "log_file_path": str(folder / f"{manifest.job}.jsonl"), "append": True}
    http: dict[str, Any] = {"type": "http", "url": target, "retry": _RETRY}
    key = os.environ.get("OPENLINEAGE_API_KEY")
    return http if key is None else {**http, "auth": {"type": "api_key", "apiKey": key}}


def _run_facets(manifest: Manifest, manifests: str) -> Iterator[tuple[str, RunFacet]]:
    day = datetime(manifest.run_date.year, manifest.run_date.month, manifest.run_date.day, tzinfo=UTC)
    yield (
        "nominalTime",
        nominal_time_run.NominalTimeRunFacet(
            nominalStartTime=day.isoformat(), nominalEndTime=(day + timedelta(days=1)).isoformat()
        ),
    )
    parent = _parent(os.environ)
    if parent is not None:
        yield "parent", parent
    if manifest.error is not None:
        # Its text may quote a landed line; the class says what kind of failure it was.
        said = f"{manifest.error.partition(':')[0]}; its text is in the manifest below {manifests}"
        yield "errorMessage", error_message_run.ErrorMessageRunFacet(message=said, programmingLanguage="python")


def _parent(environment: Mapping[str, str]) -> parent_run.ParentRunFacet | None:
    """The run that began this one: `OPENLINEAGE_PARENT_ID` (namespace/job/run), else the DAG run that Airflow names to tasks."""
    stated = environment.get("OPENLINEAGE_PARENT_ID", "")
    if stated.count("/") >= 2:
        namespace, job, run = stated.rsplit("/", 2)
    elif environment.get("AIRFLOW_CTX_DAG_ID") and environment.get("AIRFLOW_CTX_DAG_RUN_ID"):
        namespace, job = _namespace(), environment["AIRFLOW_CTX_DAG_ID"]
        # One identity for all jobs of a DAG run, whichever machine they run on.
        run = str(uuid5(NAMESPACE_URL, f"airflow:{namespace}/{job}/{environment['AIRFLOW_CTX_DAG_RUN_ID']}"))
    else:
        return None
    return parent_run.ParentRunFacet(run=parent_run.Run(runId=run), job=parent_run.Job(namespace=namespace, name=job))


def _inputs(manifest: Manifest, warehouse: str) -> list[InputDataset]:
    return [
        InputDataset(*_address(warehouse, table), facets={"version": _version(version)})
        for table, version in sorted(manifest.inputs.items())
    ]


def _outputs(manifest: Manifest, warehouse: str) -> list[OutputDataset]:
    """One dataset a table: the newest of its versions, and what all commits added."""
    versions: dict[str, int] = {}
    for partition, version in manifest.outputs.items():
        table = partition.partition("/")[0]
        versions[table] = max(version, versions.get(table, version))
    added = manifest.added()
    return [
        OutputDataset(
            *_address(warehouse, table),
            facets={"version": _version(version)},
            outputFacets={} if table not in added else {"outputStatistics": _statistics(added[table])},
        )
        for table, version in sorted(versions.items())
    ]


def _statistics(added: Added) -> output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet:
    return output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=added.rows, size=added.bytes, fileCount=added.files
    )


def _version(version: int) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(version))


def _address(warehouse: str, table: str) -> tuple[str, str]:
    """Namespace and name of a table, as OpenLineage names files: `file` and a path, or a store's URL and what is below it."""
    url = urlsplit(f"{warehouse.rstrip('/')}/{table}")
    if url.scheme in ("", "file"):
        return "file", url.path
    return f"{url.scheme}://{url.netloc}", url.path.lstrip("/")
