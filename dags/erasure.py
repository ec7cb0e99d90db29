"""Erasure: everybody whom the landing asks to forget, from every table, before the next night reads them.

With `erasure: {approval: true}` in settings somebody must approve each day's erasure first, on Airflow's page Required Actions.

Requests are landed as files (`<landing>/erasures/<day>/*.json` and the marker), never given as a parameter: a parameter would
stay in Airflow's database and logs. A day without requests is a run that does nothing. It may run beside the nightly run: a
job that read a subject before its erasure is refused when it would write afterwards, and is tried again.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from shortlist_airflow.approval import ApproveErasure
from shortlist_airflow.operators import DEFAULT_ARGS, SubmitJob
from shortlist_airflow.params import SETTINGS, check_settings, settings_param

with DAG(
    dag_id="erasure",
    description=__doc__.splitlines()[0],
    doc_md=__doc__,
    tags=["shortlist", "privacy"],
    # An hour before the nightly run of the same day.
    schedule=CronDataIntervalTimetable("0 1 * * *", timezone="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={SETTINGS: settings_param()},
):
    check_settings() >> ApproveErasure() >> SubmitJob(job="erase_subject")
