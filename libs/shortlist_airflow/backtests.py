"""What a backtest is asked for, given as Airflow params, and the task that refuses what a schema cannot say."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from shortlist.config.arguments import BACKTEST_NAME, parse_backtest_name, parse_day
from shortlist.errors import SettingsError
from shortlist_airflow.params import DRAFT, SETTINGS, refuse_unknown, resolve_settings

NAME: Final = "name"
DAYS: Final = "days"


def name_param() -> Param:
    """What the backtest is called in the table `backtests`; there is no default, so that none is overwritten by chance."""
    return Param(
        description="Name of the backtest: 1 to 32 of a-z, 0-9, _ and -. Run again, it replaces its own days",
        schema={"$schema": DRAFT, "type": "string", "pattern": BACKTEST_NAME},
    )


def days_param() -> Param:
    """The days up to whose end lists are judged: at least one, each once."""
    day = {"type": "string", "format": "date"}
    return Param(
        description="Days to judge on, such as 2017-11-30: each judges the lists of evaluation.horizons days before it",
        schema={"$schema": DRAFT, "type": "array", "items": day, "minItems": 1, "uniqueItems": True},
    )


def refuse_days(days: Sequence[str], today: date) -> None:
    """Refuse days that are none, or have not ended.

    Args:
        days: in ISO form.
        today: the current day (UTC).

    Raises:
        SettingsError: naming the first of them.
    """
    for text in days:
        if parse_day(f"conf.{DAYS}", text) >= today:
            problem = f"has not ended (it is {today} UTC); next: name days before {today}"
            raise SettingsError.bad_argument(f"conf.{DAYS}", text, problem)


@task
def check_backtest() -> list[str]:
    """Refuse unknown conf keys, a wrong name, wrong settings and days that have not ended before a JVM starts; returns days."""
    context = get_current_context()
    given = context["params"]
    try:
        refuse_unknown(dict(context["dag_run"].conf or {}), (SETTINGS, NAME, DAYS))
        parse_backtest_name(f"conf.{NAME}", given[NAME])
        refuse_days(given[DAYS], datetime.now(UTC).date())
        resolve_settings(given[SETTINGS])
    except SettingsError as error:
        raise AirflowFailException(str(error)) from None
    return list(given[DAYS])
