"""Upkeep of the tables: days beyond their retention go, small files are put together, files that nobody needs are removed.

Once a day, hours after the nightly run. Versions that publications names stay readable: those of the last 30 days (setting
`maintenance.lease_days`), and the newest of every day that a table still keeps.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from shortlist_airflow.operators import DEFAULT_ARGS, SubmitJob
from shortlist_airflow.params import SETTINGS, check_settings, settings_param

with DAG(
    dag_id="maintenance",
    description=__doc__.splitlines()[0],
    doc_md=__doc__,
    tags=["shortlist", "upkeep"],
    schedule=CronDataIntervalTimetable("0 12 * * *", timezone="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={SETTINGS: settings_param()},
):
    check_settings() >> SubmitJob(job="maintain_tables")
