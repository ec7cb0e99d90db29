"""Airflow's own state in a folder of these tests; nothing here imports pyspark (tests/conftest.py is not loaded).

Run with `infra/test tests/dags`, which sets what infra/airflow would set.
"""

import os
import tempfile
from pathlib import Path

import pytest

# Before airflow is imported anywhere: it reads its home once, and makes its configuration there.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="shortlist-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bag() -> DagBag:
    """The DAGs of this checkout, parsed as a scheduler parses them."""
    return DagBag(CHECKOUT / "dags")


@pytest.fixture(scope="session")
def candidates_daily(bag: DagBag) -> DAG:
    """The nightly DAG."""
    return bag.dags["candidates_daily"]
