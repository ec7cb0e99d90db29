"""A job as a task: what is passed to spark-submit, and what Airflow does with its exit code."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context, XComArg
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from shortlist.config import job_program, settings_file
from shortlist_airflow.callbacks import explain_failure
from shortlist_airflow.docs import job_doc
from shortlist_airflow.exits import describe_exit, may_be_tried_again

# Retries are for infrastructure only: SubmitJob fails for good on every other exit code (see `may_be_tried_again`).
DEFAULT_ARGS: Final[dict[str, Any]] = {
    "owner": "shortlist",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": True,
    "execution_timeout": timedelta(hours=6),
    "on_failure_callback": explain_failure,
}

# Spark jobs that may run at once; infra/airflow makes the pool.
SPARK_POOL: Final = "spark"

# Milliseconds at which this attempt started: grows with every attempt and every run, also after a task was cleared.
FENCE: Final = "{{ (ti.start_date.timestamp() * 1000) | int }}"


def submit_each_day(job: str, days: XComArg, arguments: Sequence[str] = ()) -> MappedOperator:
    """A task for each of some days, which are known when the run is: a day that fails, fails alone.

    Args:
        job: the job's name.
        days: days in ISO form, as a task returns them.
        arguments: as of `SubmitJob`.
    """
    # What Airflow asks before it knows the days, it does not ask SubmitJob.
    mapped = SubmitJob.partial(**_task_of(job), job=job, arguments=arguments, map_index_template="{{ task.run_date }}")
    return mapped.expand(run_date=days)


def _task_of(job: str) -> dict[str, Any]:
    """What a task of a job is, unless it is said."""
    return {"task_id": job, "pool": SPARK_POOL, "doc_md": job_doc(job)}


class SubmitJob(SparkSubmitOperator):
    """Run the job `shortlist.jobs.<job>` for a day through spark-submit.

    The day is the run's, unless one is given; the fence number the attempt's start, and the run's `settings` parameter one
    `--set`.

    Jobs of all runs share the pool `spark`, because each asks for a driver's memory and `max_active_runs` does not hold back a
    back-fill beside a scheduled run. infra/airflow makes the pool, as large as SHORTLIST_SPARK_SLOTS says.

    Args:
        job: the job's name; also the task's id, unless one is given.
        run_date: the job's day, in ISO form.
        arguments: what the job takes beside what every job does; templates, as `run_date`.
        kwargs: everything that SparkSubmitOperator takes; `pool_slots` for a job that needs more than one slot.

    Raises:
        AirflowFailException: trying again would not help: exit codes 2, 3, 4, 70, and such as no job has.
        AirflowException: infrastructure, or a signal ended it; tried again as `retries` says.
    """

    template_fields = (*SparkSubmitOperator.template_fields, "run_date")

    def __init__(self, *, job: str, run_date: str = "{{ ds }}", arguments: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(
            application=str(job_program(job)),
            name=job,
            application_args=[
                *("--config", str(settings_file())),
                *("--run-date", run_date),
                *("--attempt", FENCE),
                *("--set", "{{ params.settings | tojson }}"),
                *arguments,
            ],
            # Must be a bare name: found on PATH, where infra/airflow puts the jobs environment's.
            spark_binary="spark-submit",
            # Jobs run in client mode: the task lives as long as its job, there is nothing to reconnect to.
            durable=False,
            **{**_task_of(job), **kwargs},
        )
        self.run_date = run_date

    def execute(self, context: Context) -> None:
        """Submit, wait, and translate the exit code."""
        try:
            super().execute(context)
        except AirflowException as error:
            # The provider puts both into the text of its exception only; read where it keeps them.
            process = getattr(self._hook, "_submit_sp", None)
            if process is None or process.poll() is None:
                raise
            lines = list(getattr(self._hook, "_last_submit_log_lines", ()))
            text = describe_exit(process.returncode, lines)
            again = may_be_tried_again(process.returncode)
            raise (AirflowException if again else AirflowFailException)(text) from error
