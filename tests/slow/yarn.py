"""A YARN cluster on this machine, for tests: Hadoop's own, with containers in processes of their own."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from shortlist.config import state_home
from tests.jobs.conftest import CHECKOUT
from tests.slow.java import JAVA, class_path, compile_program
from tests.slow.nights import submitted


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

    def executors(self) -> list[int]:
        """The process of each executor."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_text().split("\0")
                is_executor = words[0].endswith("java") and any(
                    "CoarseGrainedExecutorBackend" in word for word in words
                )
                if is_executor and (process / "cwd").readlink().is_relative_to(self.home):
                    found.append(int(process.name))
        return sorted(found)

    def kill_executor(self) -> None:
        """SIGKILL to one of the executors."""
        os.kill(self.executors()[0], signal.SIGKILL)


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
            yield YarnCluster(home, _settings(home))
        finally:
            assert cluster.stdin is not None
            cluster.stdin.close()


def _settings(home: Path) -> Path:
    """What infra/spark/yarn/settings writes for it."""
    made = state_home()
    (home / "state").mkdir()
    for name in ("envs", "numba"):
        (home / "state" / name).symlink_to(made / name)
    jars = Path(pyspark.__file__).parent / "jars"
    more = {"spark.yarn.jars": f"local:{jars}/*", "spark.yarn.stagingDir": (home / "staging").as_uri()}
    written = subprocess.run(
        [
            str(CHECKOUT / "infra/spark/yarn/settings"),
            *("--python", str(home / "python/bin/python"), "--executors", "2", "--memory", "1g"),
            *("--driver-host", "127.0.0.1"),
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
