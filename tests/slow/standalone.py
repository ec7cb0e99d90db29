"""A Spark standalone cluster on this machine, for tests and benchmarks: its workers can be killed and started again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.jobs.conftest import CHECKOUT
from tests.slow.nights import make_state, submitted

DAEMONS: Final = ("master", "worker-1", "worker-2")
WORKERS: Final = DAEMONS[1:]
# Seconds that a worker may take to register again.
_PATIENCE: Final = 120


@dataclass(frozen=True)
class Cluster:
    """One that runs.

    Attributes:
        state: where `infra/spark/standalone/start` keeps what it starts.
    """

    state: Path

    def group(self, name: str) -> int:
        """The process group of a daemon, its executors among it."""
        return int((self.state / f"{name}.group").read_text())

    def submit(self, *arguments: str) -> "subprocess.Popen[str]":
        """A program on this cluster, in a process group of its own, its output in one stream."""
        return submitted({"SHORTLIST_SPARK_CONF": str(self.state / "spark-defaults.conf")}, *arguments)

    def replace(self, name: str, **changed: str) -> None:
        """Kill a worker with its executors, and start another one in its place, as whoever supervises a cluster would.

        Args:
            name: of the worker.
            changed: variables of its environment that the new one has otherwise.
        """
        killed, processes = self.group(name), Path("/proc")
        command = (processes / str(killed) / "cmdline").read_text().split("\0")[:-1]
        variables = (processes / str(killed) / "environ").read_text().split("\0")[:-1]
        registered = self._registered()
        kill(killed)
        with (self.state / f"{name}.log").open("a") as log:
            started = subprocess.Popen(
                command,
                env={**dict(each.split("=", 1) for each in variables), **changed},
                cwd=self.state / "workers",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.state / f"{name}.group").write_text(f"{started.pid}\n")
        until = time.monotonic() + _PATIENCE
        while self._registered() == registered:
            if started.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not register again; next: read {self.state / name}.log")
            time.sleep(0.2)

    def _registered(self) -> int:
        return (self.state / "master.log").read_text().count("Registering worker")


def kill(group: int) -> None:
    """SIGKILL to all of a process group; whom this process has started is waited for."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(group, 0)


def alive(group: int) -> bool:
    """Whether a process group has a process that has not ended."""
    # What this process has started stays in the list of processes after its end, until it is asked for.
    with suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def standalone_cluster(home: Path) -> Iterator[Cluster]:
    """A master and two workers, ended at the end with all that they started.

    Args:
        home: state of its own, with the environments of this process's: somebody's cluster may be running.
    """
    make_state(home)
    command = [str(CHECKOUT / "infra/spark/standalone/start"), "--port", "0", "--memory", "1g"]
    environment = {**os.environ, "SHORTLIST_HOME": str(home)}
    cluster = Cluster(home / "standalone")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as starting:
        assert starting.stdout is not None
        said = [starting.stdout.readline(), starting.stdout.readline()]
        assert "2 workers at spark://127.0.0.1:" in said[0], said
        try:
            yield cluster
        finally:
            # Those that were started in place of others are not the script's to end.
            for name in WORKERS:
                kill(cluster.group(name))
            starting.terminate()
