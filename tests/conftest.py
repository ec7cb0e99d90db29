"""One Spark session per test process, and a warehouse of its own per test."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

# Before numpy is imported anywhere: one BLAS thread per task, as in production.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
# Workers run what this process runs, as in production, not whatever python comes first on PATH.
os.environ["SHORTLIST_PYTHON"] = sys.executable
os.environ["PYSPARK_PYTHON"] = str(Path(__file__).parents[1] / "infra" / "spark" / "local" / "bin" / "spark-python")

import pytest
from pyspark.sql import SparkSession

from shortlist.warehouse.session import spark_session
from tests.local import LOCAL


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """A job in this process logs to the test's standard error, which is closed when the next test logs."""
    log = logging.getLogger("shortlist")
    kept = (log.handlers, log.level, log.propagate)
    yield
    log.handlers, log.level, log.propagate = kept


@pytest.fixture(scope="session")
def _spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    scratch = tmp_path_factory.mktemp("spark")
    places = {"spark.local.dir": str(scratch), "spark.sql.warehouse.dir": str(scratch / "warehouse")}
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            # This session outlives hundreds of tests. Java's optimizing compiler, which infra/test switches off for the small
            # programs that tests start, makes it twice as fast from its third minute on.
            options = os.environ.get("SPARK_SUBMIT_OPTS", "")
            patch.setenv("SPARK_SUBMIT_OPTS", options.replace("-XX:TieredStopAtLevel=1", ""))
            spark = stack.enter_context(spark_session("tests", {**LOCAL, **places}))
        spark.sparkContext.setLogLevel("ERROR")
        yield spark


@pytest.fixture
def spark(_spark: SparkSession) -> Iterator[SparkSession]:
    """The session, left without cached frames."""
    yield _spark
    _spark.catalog.clearCache()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own: landing, warehouse, reports, manifests."""
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path))
    return tmp_path
