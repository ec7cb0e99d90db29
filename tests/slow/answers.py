"""In place of one Spark for all jobs (infra/spark/local/resident.py): they end as a test says, and what they were given is kept.

Everything before it is the real thing: Airflow's task, the provider's hook, and the wrapper of spark-submit that ends with
its task. So a test of the scheduler takes seconds a job, and can hold a job for as long as it looks at it.
"""

import json
import select
import socket
import socketserver
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from shortlist.records.manifest import Manifest
from shortlist.records.publications import HELD, PUBLISHED, Publication
from shortlist.store.manifests import write_manifest

SURFACES = ("homefeed", "related")
FIRST = date(2017, 1, 1)


@dataclass(frozen=True)
class Submission:
    """One job, as it was submitted: its name, day, fence number and overrides, and the process of Airflow's task."""

    job: str
    day: str
    attempt: int
    overrides: str
    task_process: int
    # Set once the submitter has left without waiting for the answer.
    abandoned: threading.Event = field(default_factory=threading.Event, compare=False)


class Answers:
    """What jobs are answered; without a word from the test each succeeds at once.

    Attributes:
        submitted: every job so far, in order.
        held: surfaces that the publisher of a day holds, by day.
        kept: jobs that are not answered for as long as they are in here.
    """

    def __init__(self, manifests: str) -> None:
        self.manifests = manifests
        self.submitted: list[Submission] = []
        self.held: dict[str, str] = {}
        self.kept: set[str] = set()

    def of(self, job: str, day: str | None = None) -> list[Submission]:
        """The submissions of a job, for one day where it is named."""
        return [each for each in self.submitted if each.job == job and day in (None, each.day)]

    def answer(self, job: str, day: str) -> tuple[str, int]:
        """What a job says, and its exit code."""
        if job != "publish_candidates":
            return f"{job} of {day}", 0
        held = self.held.get(day)
        write_manifest(
            self.manifests, Manifest(job, date.fromisoformat(day), "r", publications=publications(day, held))
        )
        if held is None:
            return "published", 0
        return f"error: surface {held} is held: 0 lists, at least 1 is needed\nnext: infra/shortlist status", 3


def publications(day: str, held: str | None) -> list[Publication]:
    """What a day's publisher decides: a version of its own for each day, so that a reader can be asked which it was given."""
    run_date, at = date.fromisoformat(day), datetime(2017, 12, 1, 2, tzinfo=UTC)
    version = (run_date - FIRST).days
    good = [
        Publication(name, at, run_date, version, "r", 2, 1, "d", PUBLISHED, None) for name in SURFACES if name != held
    ]
    bad = [Publication(name, at, run_date, None, "r", 0, 0, None, HELD, "0 lists") for name in SURFACES if name == held]
    return good + bad


class _Job(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        """One job: a line of JSON comes in, the job's output and its exit code go out."""
        program, *arguments = json.loads(self.rfile.readline())["arguments"]
        given = dict(zip(arguments[::2], arguments[1::2], strict=True))
        answers, job, day = self.server.answers, Path(program).stem, given["--run-date"]
        submission = Submission(job, day, int(given["--attempt"]), given["--set"], _parent(self._submitter()))
        answers.submitted.append(submission)
        while job in answers.kept:
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
                submission.abandoned.set()
                return
        text, code = answers.answer(job, day)
        self.wfile.write(f"{text}\n\0exit {code}\n".encode())

    def _submitter(self) -> int:
        """The process at the other end, which is spark-submit's wrapper: it replaces itself by what talks to a resident Spark."""
        credentials = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[0])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, answers: Answers) -> None:
        self.answers = answers
        super().__init__(path, _Job)


@contextmanager
def answering(answers: Answers) -> Iterator[str]:
    """Answer jobs at a socket; gives its path, the value of SHORTLIST_RESIDENT_SPARK."""
    # Not tmp_path: a socket's path is at most 107 bytes long.
    with (
        tempfile.TemporaryDirectory(prefix="shortlist.", dir="/tmp") as folder,
        _Server(f"{folder}/spark", answers) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{folder}/spark"
        server.shutdown()
