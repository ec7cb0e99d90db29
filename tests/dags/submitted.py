"""The tasks of a DAG that submit a job, one each or one for each of some days."""

from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator

from shortlist_airflow.operators import SubmitJob


def jobs_of(dag: DAG) -> list[SubmitJob | MappedOperator]:
    """Those tasks."""
    found: list[SubmitJob | MappedOperator] = []
    for task in dag.tasks:
        if isinstance(task, SubmitJob) or (isinstance(task, MappedOperator) and task.operator_class is SubmitJob):
            found.append(task)
    return found


def unmapped(task: SubmitJob | MappedOperator, day: str = "2017-11-30") -> SubmitJob:
    """The task as it runs, for one day."""
    made = task.unmap({"run_date": day}) if isinstance(task, MappedOperator) else task
    assert isinstance(made, SubmitJob)
    return made
