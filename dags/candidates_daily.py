"""The nightly run: from what was known when a day ended to checked candidates, one published table per surface.

- `check_settings` refuses wrong settings or a wrong day; `prepare` makes interactions and baskets of landed files.
- `train` makes models and blends of these; `generate_candidates` makes the lists of every surface.
- `publish` publishes each surface whose checks pass, holds each other one, and tells readers.
- `evaluate_candidates` judges earlier days; `write_report` runs whatever happened; `complete` fails with any job before it.

**The day.** The logical date is the day that ended; the run starts two hours later (UTC), when its landing is complete. Pages
name a run by when it was due: `2017-12-01 02:00` is the run for 2017-11-30. `settings` in its conf overrides the settings file.

**When a job fails.** Every surface keeps serving its last published day, and the report says what happened. A job that a check
holds (exit 3), that was set up wrongly (2), that a newer attempt has fenced off (4) or whose program is wrong (70) fails for
good; where infrastructure failed it is tried again twice. The page of its task says what its failure means.

**When it is late.** A scheduled run that has not succeeded at 08:00 UTC of the day after is late: Airflow shows, counts
(`deadline_alerts.deadline_missed`) and logs it. A day run later, by a back-fill, is listed as missed too, but nobody is told.
"""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, TaskGroup

from shortlist_airflow.assets import announcing
from shortlist_airflow.deadlines import deadline_of_a_night
from shortlist_airflow.operators import DEFAULT_ARGS, SubmitJob
from shortlist_airflow.params import SETTINGS, check_settings, settings_param

with DAG(
    dag_id="candidates_daily",
    description=__doc__.splitlines()[0],
    doc_md=__doc__,
    tags=["shortlist", "nightly"],
    # Not a cron string: Airflow 3 would make the logical date the moment of the run, a day that has not ended.
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={SETTINGS: settings_param()},
    deadline=deadline_of_a_night(),
):
    checked = check_settings().as_setup()
    # Groups are drawn, not named: a task's id is its job's.
    with TaskGroup("prepare", prefix_group_id=False, tooltip="Landed files to engagements, interactions and baskets"):
        extract, build = SubmitJob(job="extract_engagements"), SubmitJob(job="build_interactions")
    with TaskGroup("train", prefix_group_id=False, tooltip="Models and blends, each from the same interactions"):
        train = [SubmitJob(job="train_als"), SubmitJob(job="train_cooccurrence"), SubmitJob(job="learn_blend")]
    generate = SubmitJob(job="generate_candidates")
    with TaskGroup("publish", prefix_group_id=False, tooltip="Lists are checked, published, and announced to readers"):
        publish = SubmitJob(job="publish_candidates", priority_weight=2)
        announce = announcing()
    # It judges earlier days, so a surface that is held tonight does not keep it from running. Publishing goes first.
    evaluate = SubmitJob(job="evaluate_candidates")
    # As a teardown it runs whatever happened after the settings were found good; `complete`, the other leaf, keeps a
    # report that was written from making a failed run look well.
    report = SubmitJob(job="write_report").as_teardown(on_failure_fail_dagrun=True)
    complete = EmptyOperator(task_id="complete", doc_md="It only fails with any job before it, and the run with it.")

    checked >> extract >> build >> train >> generate >> [publish, evaluate] >> complete
    publish >> announce >> complete
    [checked, publish, evaluate] >> report
