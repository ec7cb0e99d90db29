"""A YARN cluster on this machine, for tests: Hadoop's own, with containers in processes of their own."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyspark

from shortlist.config import state_home
from tests.jobs.conftest import CHECKOUT
from tests.slow.java import JAVA, class_path, compile_program
from tests.slow.nights import make_state, submitted

EXECUTOR: Final = "YarnCoarseGrainedExecutorBackend"
# Seconds that an executor may take to start, and the cluster to stop.
_PATIENCE: Final = 120


@dataclass(frozen=True)
class YarnCluster:
    """One that runs.

    Attributes:
        home: its folder; containers work below it.
        settings: Spark's settings file, as infra/spark/yarn/settings wrote it.
    """

    home: Path
    settings: Path

    def submit(self, *arguments: str) -> "subprocess.Popen[str]":
        """A program on this cluster, its driver in a process group of its own, its output in one stream."""
        return submitted({"SHORTLIST_SPARK_CONF": str(self.settings), "HADOOP_CONF_DIR": str(self.home)}, *arguments)

    def processes(self, word: str = "") -> list[int]:
        """The processes of containers with a word in their command: of executors, and of whoever asks for them."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                below = (process / "cwd").readlink().is_relative_to(self.home / "target")
                if below and word in (process / "cmdline").read_text(errors="replace"):
                    found.append(int(process.name))
        return sorted(found)

    def lose_executor(self) -> None:
        """SIGKILL to one of the executors; YARN starts another."""
        before = set(self.processes(EXECUTOR))
        os.kill(min(before), signal.SIGKILL)
        until = time.monotonic() + _PATIENCE
        while not set(self.processes(EXECUTOR)) - before:
            assert time.monotonic() < until, "no other executor was started"
            time.sleep(0.2)


@contextmanager
def yarn_cluster(home: Path) -> Iterator[YarnCluster]:
    """A resource manager and two node managers, and the settings by which Spark finds them; ended at the end.

    Args:
        home: an empty folder.
    """
    classes = class_path(*sorted((state_home() / "envs" / "yarn-jars").glob("*.jar")))
    compile_program("YarnCluster", classes, home)
    # Locked packages and not the project, as on a node.
    subprocess.run([os.environ["SHORTLIST_PYTHON"], "-m", "venv", "--without-pip", str(home / "python")], check=True)
    packages = Path(pyspark.__file__).parents[1]
    (home / "python/lib/python3.11/site-packages/locked.pth").write_text(f"{packages}\n")
    started = YarnCluster(home, _settings(home))
    command = [JAVA, "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"]
    with (
        (home / "cluster.log").open("w") as log,
        subprocess.Popen(
            [*command, "-cp", f"{home}:{classes}", "YarnCluster", str(home)],
            env={"PATH": os.defpath, "JAVA_HOME": os.environ["JAVA_HOME"]},
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as cluster,
    ):
        assert cluster.stdout is not None
        assert cluster.stdout.readline() == "started\n", (home / "cluster.log").read_text()[-3000:]
        try:
            yield started
        finally:
            assert cluster.stdin is not None
            cluster.stdin.close()
            try:
                cluster.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                cluster.kill()
            for process in started.processes():
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _settings(home: Path) -> Path:
    """What infra/spark/yarn/settings writes for it."""
    make_state(home / "state")
    jars = Path(pyspark.__file__).parent / "jars"
    more = {"spark.yarn.jars": f"local:{jars}/*", "spark.yarn.stagingDir": (home / "staging").as_uri()}
    written = subprocess.run(
        [
            str(CHECKOUT / "infra/spark/yarn/settings"),
            *("--python", str(home / "python/bin/python"), "--executors", "2"),
            *("--memory", "1g", "--overhead", "512m", "--driver-host", "127.0.0.1"),
            *(part for name, value in more.items() for part in ("--conf", f"{name}={value}")),
        ],
        env={**os.environ, "SHORTLIST_HOME": str(home / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert written.returncode == 0, written.stderr
    settings = home / "state" / "yarn" / "spark-defaults.conf"
    assert f"SHORTLIST_SPARK_CONF={settings} infra/submit jobs/check_cluster.py --executors 2" in written.stdout
    return settings
