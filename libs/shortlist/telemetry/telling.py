"""A run tells what begins and what ended. A sink that fails never fails a job: it is one warning, and the next is asked."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from shortlist.config import Settings
from shortlist.records.manifest import Manifest

log = logging.getLogger("shortlist")


@dataclass
class Telling:
    """What one run tells, to whom settings name.

    Attributes:
        settings: who is told, and where tables are.
        run: identity of the run among lineage events; None where none are made.
        failed: sinks that failed once; they are tried again, and not spoken of again.
    """

    settings: Settings
    run: str | None = None
    failed: set[str] = field(default_factory=set)

    def began(self, manifest: Manifest) -> None:
        """A run begins: nothing is known but what it is."""
        if self.settings.telemetry.lineage is not None:
            self._try("lineage", lambda: self._send(manifest, ended=False))

    def ended(self, manifest: Manifest) -> None:
        """A run ended, well or not; its manifest is filled."""
        if self.settings.telemetry.lineage is not None:
            self._try("lineage", lambda: self._send(manifest, ended=True))
        folder = self.settings.telemetry.metrics
        if folder is not None:
            self._try("metrics", lambda: _write_metrics(folder, manifest))
        if self.settings.telemetry.json_logs:
            if manifest.error is None:
                log.info("%s ended well after %s s", manifest.job, manifest.seconds)
            else:
                log.error("%s failed after %s s: %s", manifest.job, manifest.seconds, manifest.error)

    def _send(self, manifest: Manifest, ended: bool) -> None:
        # Seconds of imports, for those alone who asked for it; and Airflow's side, which reads manifests, has none of it.
        from shortlist.telemetry.lineage import new_run, send

        self.run = self.run or new_run()
        send(manifest, self.settings, self.run, ended)

    def _try(self, sink: str, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:
            if sink not in self.failed:
                self.failed.add(sink)
                log.warning(
                    "warning: telemetry.%s %s failed: %s: %s; the job goes on, its manifest has everything; next: see that it "
                    "can be reached or written, or set it to null",
                    sink,
                    getattr(self.settings.telemetry, sink),
                    type(error).__name__,
                    " ".join(str(error).split())[:500],
                )


def _write_metrics(folder: str, manifest: Manifest) -> None:
    from shortlist.telemetry.metrics import write_metrics

    write_metrics(folder, manifest)
