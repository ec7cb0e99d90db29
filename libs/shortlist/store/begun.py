"""Which runs began and have not ended: a small file beside a job's manifest, from the start of a run to its end.

A manifest is written when a run ends. The file has another suffix, so readers of manifests ignore it, and the manifest of an
earlier attempt stays until a newer one replaces it. A killed run leaves its file behind until the job runs again for that
day. So the file alone only shows that a run began; whether it still runs is found by looking for its process.
"""

import json
import logging
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from shortlist.store.filesystems import files_below, read_whole, remove_file, write_whole

log = logging.getLogger("shortlist")

_SUFFIX: Final = ".begun"


@dataclass(frozen=True)
class Begun:
    """A run that began.

    Attributes:
        job: name as in pipeline.JOBS.
        run_date: logical date D, in ISO form.
        at: when it began, UTC, in ISO form.
        host: name of the machine.
        pid: its process there.
        started: when that process was started, as the machine's kernel counts; None where it does not tell.
    """

    job: str
    run_date: str
    at: str
    host: str
    pid: int
    started: str | None

    @property
    def runs(self) -> bool:
        """Whether its very process is alive on this machine; False also where that cannot be seen from here."""
        return self.host == socket.gethostname() and self.started is not None and self.started == _started(self.pid)


def note_begin(root: str, job: str, run_date: date) -> Begun:
    """Note that this process begins a run; where that fails the run goes on."""
    now, pid = datetime.now(UTC).isoformat(timespec="seconds"), os.getpid()
    begun = Begun(job, run_date.isoformat(), now, socket.gethostname(), pid, _started(pid))
    try:
        write_whole(_path(root, begun), json.dumps(asdict(begun)).encode())
    except (OSError, ValueError) as error:
        log.warning("warning: %s goes on, but status cannot tell that it does: %s", job, error)
    return begun


def note_end(root: str, begun: Begun) -> None:
    """Take the note away, unless a newer run of the job and day has written its own."""
    path = _path(root, begun)
    try:
        if _read(path) == begun:
            remove_file(path)
    except FileNotFoundError:
        return  # a newer run has ended
    except (OSError, ValueError, TypeError) as error:
        log.warning(
            "warning: status will say that %s has not ended, as %s cannot be removed: %s", begun.job, path, error
        )


def unended(root: str) -> list[Begun]:
    """Runs of any day that began and have not ended, the newest first."""
    found = []
    for name in files_below(root):
        if name.endswith(_SUFFIX):
            try:
                found.append(_read(f"{root.rstrip('/')}/{name}"))
            except (OSError, ValueError, TypeError):
                continue  # it has ended meanwhile, or the file is not ours
    return sorted(found, key=lambda begun: (begun.at, begun.job), reverse=True)


def _path(root: str, begun: Begun) -> str:
    return f"{root.rstrip('/')}/run_date={begun.run_date}/{begun.job}{_SUFFIX}"


def _read(path: str) -> Begun:
    begun = Begun(**json.loads(read_whole(path)))
    if datetime.fromisoformat(begun.at).tzinfo is None:
        raise ValueError(f"{path} has a time without a zone")
    return begun


def _started(pid: int) -> str | None:
    """When a living process was started; None for one that is none, and where there is no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, *others = text.rpartition(")")[2].split()
    return None if state in ("Z", "X") else others[18]
