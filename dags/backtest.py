"""Backtest: how good the lists of past days would have been with other settings, beside those that were served.

For people, when they want to know before they change a setting. Trigger it with a `name`, the `days` to judge on and the
`settings` to try; it needs no logical date. Each day is a task of its own, named by its day: it makes the lists of
`evaluation.horizons` days earlier once more in a scratch warehouse, and judges them by what was delivered up to the day. A day
that fails, fails alone. Nothing that is served is touched. `infra/shortlist backtest NAME` prints what was found.
"""

from airflow.sdk import DAG

from shortlist_airflow.backtests import DAYS, NAME, check_backtest, days_param, name_param
from shortlist_airflow.operators import DEFAULT_ARGS, submit_each_day
from shortlist_airflow.params import SETTINGS, settings_param

with DAG(
    dag_id="backtest",
    description=__doc__.splitlines()[0],
    doc_md=__doc__,
    tags=["shortlist", "quality"],
    schedule=None,
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={NAME: name_param(), DAYS: days_param(), SETTINGS: settings_param(of_a_day=False)},
):
    submit_each_day("backtest_settings", check_backtest(), ["--name", "{{ params.name }}"])
