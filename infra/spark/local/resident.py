"""One Spark for many jobs on one machine: a nightly run is nine jobs, and most of a small job is the start of its JVM.

    spark-submit resident.py serve SOCKET              keeps a session and runs the jobs that it is handed, one at a time
    python resident.py submit SOCKET SPARK-SUBMIT ARGS hands it one, prints what it says, and leaves with its exit code

Used where SHORTLIST_RESIDENT_SPARK names the socket (infra/demo does); otherwise every job has a JVM of its own. The
Spark options of a submission are left aside: the session is there already, with the settings of spark-defaults.conf.
"""

import json
import os
import runpy
import socket
import socketserver
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# What a job may read from its submitter's environment; everything else is the resident's own.
PASSED_ON = ("SHORTLIST_", "AIRFLOW_CTX_")
# The last line of an answer; no text of a job holds a zero byte.
EXIT = "\0exit "
# Seconds that a start may take.
PATIENCE = 60
# The exit code of failed infrastructure.
LOST = 5


class Job(socketserver.StreamRequestHandler):
    """One job: a line of JSON comes in, the job's output and its exit code go out."""

    def handle(self) -> None:
        """Run the job in this process, as its program would run."""
        request = json.loads(self.rfile.readline())
        own = dict(os.environ)
        self.running = True
        watch = threading.Thread(target=self._cancel_when_left, daemon=True)
        watch.start()
        output = TextIOWrapper(self.wfile, encoding="utf-8", line_buffering=True, write_through=True)  # type: ignore[type-var]
        try:
            for name in [name for name in os.environ if name.startswith(PASSED_ON)]:
                del os.environ[name]
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            sys.argv = request["arguments"]
            with redirect_stdout(output), redirect_stderr(output):
                code = run_program(request["arguments"][0])
            self.running = False  # before the answer: a submitter that has it leaves
            output.write(f"{EXIT}{code}\n")
            output.flush()
        except OSError as gone:
            print(f"resident: the submitter of {request['arguments'][0]} is gone ({gone})", file=sys.stderr)
        finally:
            self.running = False
            os.environ.clear()
            os.environ.update(own)
            with suppress(OSError, ValueError):
                output.detach()

    def _cancel_when_left(self) -> None:
        """A submitter that ends early (its task was killed) takes its Spark work with it."""
        from pyspark import SparkContext

        with suppress(OSError):
            # A submitter also leaves when it has its answer; by then the work is the next one's.
            if self.connection.recv(1, socket.MSG_PEEK) == b"":
                while self.running:  # again and again: between two Spark jobs there is none that could be cancelled
                    SparkContext.getOrCreate().cancelAllJobs()
                    time.sleep(0.1)


def run_program(path: str) -> int:
    """Run a file as `__main__`, and give the exit code that the interpreter would leave with."""
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.__excepthook__(type(error), error, error.__traceback__)
        return 1
    return 0


def serve(path: str) -> None:
    """Keep a session, and answer until killed."""
    import great_expectations  # noqa: F401  # seconds of imports, paid before the first job waits for them

    from shortlist.warehouse.session import spark_session

    with spark_session("resident") as spark, socketserver.UnixStreamServer(path, Job) as server:
        threading.Thread(target=load_ahead, args=(spark,), daemon=True).start()
        server.serve_forever()


def load_ahead(spark: "SparkSession") -> None:
    """Let Java load what every job uses, while Airflow starts and no job is there yet: a table is written and read."""
    from pyspark import SparkFiles
    from pyspark.sql import functions as F

    # Spark removes this folder when it ends, however early that is.
    path = f"{SparkFiles.getRootDirectory()}/loaded-ahead"
    for day in range(2):
        rows = spark.range(1000).selectExpr("cast(id as string) as id", f"{day} as day", "now() as at")
        rows = rows.mapInArrow(lambda batches: batches, rows.schema).persist()
        where = {"replaceWhere": f"day = {day}"} if day else {}
        rows.write.format("delta").partitionBy("day").options(**where).mode("overwrite").save(path)
        table = spark.read.format("delta").load(path)
        counted = table.groupBy("day", "at").agg(F.collect_list("id").alias("ids"), F.max("id").alias("id"))
        table.join(counted, ["id", "day"], how="left_anti").orderBy("id").limit(10).collect()
        rows.unpersist()


def connect(connection: socket.socket, path: str) -> None:
    """Connect; a resident that was begun a moment ago may need its time to start, one whose folder is gone has ended."""
    patience = PATIENCE if Path(path).parent.is_dir() else 0
    for _ in range(patience * 5):
        try:
            connection.connect(path)
            break
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.2)
    else:
        connection.connect(path)


def submit(path: str, arguments: list[str]) -> int:
    """Hand over a job and wait for its end."""
    program = next(number for number, argument in enumerate(arguments) if argument.endswith(".py"))
    request = {
        "arguments": [str(Path(arguments[program]).resolve()), *arguments[program + 1 :]],
        "folder": str(Path.cwd()),
        "environment": {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)},
    }
    reason = "it ended in the middle of the job"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connect(connection, path)
            connection.sendall((json.dumps(request) + "\n").encode())
            for line in connection.makefile(encoding="utf-8", newline="\n"):
                if line.startswith(EXIT):
                    return int(line.removeprefix(EXIT))
                sys.stdout.write(line)
                sys.stdout.flush()
    except OSError as error:
        reason = str(error)
    print(f"error: the resident Spark at {path} is lost: {reason}; next: look at its log, start it again", flush=True)
    return LOST


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", socket_path]:
            serve(socket_path)
        case ["submit", socket_path, *submitted]:
            sys.exit(submit(socket_path, submitted))
        case _:
            sys.exit(__doc__)
