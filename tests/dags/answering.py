"""A program of a few lines that answers for Spark, so that whole runs through Airflow need none."""

import os
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import tiny


@contextmanager
def answered(home: Path, answer: type[socketserver.StreamRequestHandler]) -> Iterator[Path]:
    """A deployment below `home` whose jobs are answered, in place of infra/spark/local/resident.py.

    Args:
        home: where its settings are written.
        answer: what handles a job.
    """
    (home / "settings.yaml").write_text(tiny.settings(home))
    # Not tmp_path: a socket's path is at most 107 bytes long.
    with (
        tempfile.TemporaryDirectory(prefix="shortlist.", dir="/tmp") as folder,
        socketserver.UnixStreamServer(f"{folder}/spark", answer) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["SHORTLIST_RESIDENT_SPARK"] = f"{folder}/spark"
        yield home
        del os.environ["SHORTLIST_RESIDENT_SPARK"]
        server.shutdown()
