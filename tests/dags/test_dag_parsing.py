"""What holds for every DAG file. A new DAG is added to EXPECTED_DAGS."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import TaskGroup
from airflow.serialization.serialized_objects import DagSerialization

from shortlist.config import job_program
from shortlist.pipeline import JOBS
from shortlist_airflow.callbacks import explain_failure
from shortlist_airflow.operators import DEFAULT_ARGS
from tests.dags.submitted import jobs_of, unmapped

CHECKOUT = Path(__file__).resolve().parents[2]
EXPECTED_DAGS = {"backtest", "candidates_daily", "erasure", "maintenance"}


def test_the_dags_are_the_expected_ones(bag: DagBag) -> None:
    # An empty folder parses without an error, so the names are compared, not the errors alone.
    assert bag.import_errors == {}
    assert set(bag.dags) == EXPECTED_DAGS


def test_every_file_makes_the_dag_of_its_name(bag: DagBag) -> None:
    made = {dag_id: Path(dag.fileloc).stem for dag_id, dag in bag.dags.items()}
    assert made == {path.stem: path.stem for path in (CHECKOUT / "dags").glob("[!_]*.py")}


@pytest.mark.parametrize("dag_id", sorted(EXPECTED_DAGS))
class TestEveryDag:
    def test_its_docstring_is_its_page(self, bag: DagBag, dag_id: str) -> None:
        dag = bag.dags[dag_id]
        assert dag.doc_md == ast.get_docstring(ast.parse(Path(dag.fileloc).read_text()), clean=False)

    def test_a_list_of_dags_says_what_it_is(self, bag: DagBag, dag_id: str) -> None:
        dag = bag.dags[dag_id]
        assert dag.doc_md is not None
        assert dag.description == dag.doc_md.splitlines()[0]
        assert "shortlist" in dag.tags
        assert len(dag.tags) == 2

    def test_every_task_has_a_page_and_an_owner(self, bag: DagBag, dag_id: str) -> None:
        for task in bag.dags[dag_id].tasks:
            assert (task.task_id, bool(task.doc_md), task.owner) == (task.task_id, True, "shortlist")

    def test_no_sentence_of_a_page_is_shown_as_code(self, bag: DagBag, dag_id: str) -> None:
        pages = {dag_id: bag.dags[dag_id].doc_md, **{task.task_id: task.doc_md for task in bag.dags[dag_id].tasks}}
        indented = [name for name, page in pages.items() if "\n    " in str(page)]
        assert indented == [], "next: give it as doc_md with inspect.getdoc"

    def test_its_page_names_what_its_graph_shows_first(self, bag: DagBag, dag_id: str) -> None:
        """One DAG has groups: whoever sees it first reads there what they are for."""
        dag = bag.dags[dag_id]
        shown = (
            list(dag.task_group.children)
            if any(isinstance(each, TaskGroup) for each in dag.task_group.children.values())
            else []
        )
        assert [name for name in shown if f"`{name}`" not in str(dag.doc_md)] == []
        assert bool(shown) == (dag_id == "candidates_daily")

    def test_the_page_of_a_job_is_what_the_registry_says(self, bag: DagBag, dag_id: str) -> None:
        for task in jobs_of(bag.dags[dag_id]):
            page, job = str(task.doc_md), JOBS[task.task_id]
            assert [table for table in (*job.reads, *job.writes, *job.after) if f"`{table}`" not in page] == []
            assert job.on_failure.format(day="the day", job=task.task_id) in page
            program = job_program(task.task_id).read_text()
            assert page.startswith(program.removeprefix('"""').splitlines()[0].rstrip('"'))

    def test_it_survives_being_stored(self, bag: DagBag, dag_id: str) -> None:
        stored = json.loads(json.dumps(DagSerialization.to_dict(bag.dags[dag_id])))
        assert set(DagSerialization.from_dict(stored).task_dict) == set(bag.dags[dag_id].task_dict)

    def test_every_task_retries_and_reports_as_the_house_does(self, bag: DagBag, dag_id: str) -> None:
        for task in bag.dags[dag_id].tasks:
            assert (task.task_id, task.retries) == (task.task_id, DEFAULT_ARGS["retries"])
            assert (task.task_id, task.on_failure_callback) == (task.task_id, [explain_failure])

    def test_nothing_runs_before_somebody_asks(self, bag: DagBag, dag_id: str) -> None:
        """A scheduler that meets a DAG for the first time would start a night, an erasure or upkeep for yesterday."""
        assert bag.dags[dag_id].is_paused_upon_creation is True

    def test_a_day_of_any_year_has_its_tasks(self, bag: DagBag, dag_id: str) -> None:
        """Airflow makes no task for a day before a start date, and calls the run a success."""
        dates = [bag.dags[dag_id].start_date, *(task.start_date for task in bag.dags[dag_id].tasks)]
        assert set(dates) == {None}

    def test_spark_jobs_share_one_pool(self, bag: DagBag, dag_id: str) -> None:
        pools = {task.task_id: task.pool for task in bag.dags[dag_id].tasks}
        jobs = {task.task_id for task in jobs_of(bag.dags[dag_id])}
        assert {task_id for task_id, pool in pools.items() if pool == "spark"} == jobs

    def test_every_job_is_a_file(self, bag: DagBag, dag_id: str) -> None:
        jobs = jobs_of(bag.dags[dag_id])
        assert jobs
        assert [task.task_id for task in jobs if not Path(unmapped(task).application).is_file()] == []


def test_parsing_loads_no_spark() -> None:
    # In a process of its own: another test may have loaded anything.
    program = (
        "import sys; from airflow.dag_processing.dagbag import DagBag; bag = DagBag(sys.argv[1]); "
        "print(sorted(bag.dags), sorted({m.partition('.')[0] for m in sys.modules} & {'pyspark', 'delta', 'pandas', 'polars'}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(CHECKOUT / "dags")],
        capture_output=True,
        text=True,
        env={**os.environ, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"},
        check=True,
    )
    assert run.stdout.splitlines()[-1] == f"{sorted(EXPECTED_DAGS)} []"
