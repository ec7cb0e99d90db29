"""Settings of what runs tell other systems."""

from pydantic import field_validator

from shortlist.config.base import Folder, Section


class TelemetryConfig(Section):
    """What a run tells other systems beside its manifest. All of it is off without a setting, and none of it fails a job.

    Keys are no settings: `OPENLINEAGE_API_KEY`, or the OpenLineage client's own `OPENLINEAGE__TRANSPORT__AUTH`.
    """

    lineage: Folder | None = None
    """Where OpenLineage events go: the http(s) URL of a server, or a folder, one file of JSON lines for each job and day;
    null: none are made. Their namespace is `OPENLINEAGE_NAMESPACE`, without it `shortlist`."""
    metrics: Folder | None = None
    """Folder of Prometheus text files, one a job, for the textfile collector of node_exporter; null: none are written."""
    json_logs: bool = False
    """Log lines of jobs are JSON objects with run_id, run_date, attempt, job and, where a table is written, table, partition
    and table_version. The last line of a failed job, `error: ...`, stays text."""

    @field_validator("lineage")
    @classmethod
    def _takes_events(cls, target: str | None) -> str | None:
        if target is not None and "://" in target and not target.startswith(("http://", "https://")):
            raise ValueError(
                f"events are not sent to {target.partition('://')[0]}://; next: name an http(s) URL or a local folder"
            )
        return target

    @field_validator("metrics")
    @classmethod
    def _is_a_folder(cls, target: str | None) -> str | None:
        if target is not None and "://" in target:
            raise ValueError("metrics are written to a local folder; next: name the one that node_exporter reads")
        return target
