"""Settings of one run, given as Airflow params: their JSON schema, and the task that refuses bad ones."""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from shortlist.config import Settings, load_settings, settings_file
from shortlist.errors import SettingsError

SETTINGS = "settings"
# Keywords of JSON schema: those that an override is not held to, and those whose keys are names.
_OPTIONAL = frozenset({"required", "title", "description", "default", "examples"})
_BY_NAME = frozenset({"properties", "$defs"})
# The draft by which a schema is itself checked whenever it is used: in 1 ms; by the newest draft, the default, in 200 ms.
DRAFT = "http://json-schema.org/draft-07/schema#"


def settings_param(of_a_day: bool = True) -> Param:
    """Overrides of the settings file for one run: any part of it, nothing else.

    The trigger form and the REST API refuse what the schema refuses; what a schema cannot say is refused by
    `check_settings`.

    Args:
        of_a_day: whether a run of the DAG is for the day of its logical date. The form proposes the present moment.
    """
    day = "; the Logical Date is the day that the run is for, and has ended: today is refused" if of_a_day else ""
    return Param(
        {},
        description=f'Overrides of the settings file, such as {{"als": {{"factors": 32}}}}; {{}} changes nothing{day}',
        schema=overrides_schema(),
    )


def overrides_schema() -> dict[str, Any]:
    """JSON schema of a partial settings file, made from the settings' own models.

    Every field is optional: an override names only what it changes. What refuses nothing is left out: Airflow checks and copies
    the schema for every task whenever it reads the DAGs, and cannot read back one with a description beside the param's.
    """
    return {"$schema": DRAFT, **_only_what_refuses(Settings.model_json_schema())}


def _only_what_refuses(schema: Any, *, by_name: bool = False) -> Any:
    """The schema without the keywords of `_OPTIONAL`.

    Args:
        schema: a part of a schema.
        by_name: whether its keys are names of fields or of definitions, and no keywords.
    """
    if isinstance(schema, list):
        return [_only_what_refuses(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _only_what_refuses(part, by_name=not by_name and key in _BY_NAME)
        for key, part in schema.items()
        if by_name or key not in _OPTIONAL
    }


def refuse_unknown(conf: dict[str, Any], known: Collection[str] = (SETTINGS,)) -> None:
    """Refuse conf keys that no param has: Airflow itself lets them pass without a word.

    Args:
        conf: of the run.
        known: the params of its DAG.

    Raises:
        SettingsError: naming the first of them.
    """
    for key in conf:
        if key not in known:
            raise SettingsError.unknown_field(f"conf.{key}", known)


def resolve_settings(overrides: dict[str, Any]) -> Settings:
    """The settings of a run: the file in force and the run's overrides.

    Raises:
        SettingsError: as `load_settings`.
    """
    return load_settings(settings_file(), [json.dumps(overrides)])


def refuse_day(ds: str | None, today: date) -> None:
    """Refuse a run whose day is unknown or has not ended: a job would read half a day, or nothing.

    Args:
        ds: the run's logical date, as Airflow gives it; None where the run has none.
        today: the current day (UTC).

    Raises:
        SettingsError: saying how to give a day.
    """
    if ds is None:
        problem = 'is missing, so the run has no day; next: trigger it with one, "logical_date": "2017-11-30T00:00:00Z"'
        raise SettingsError.bad_argument("logical_date", None, problem)
    if date.fromisoformat(ds) >= today:
        problem = (
            f"has not ended (it is {today} UTC); next: trigger a day before {today}, or wait for the scheduled run"
        )
        raise SettingsError.bad_argument("logical_date", ds, problem)


@task
def check_settings() -> str:
    """Refuse unknown conf keys, wrong settings and a wrong day before a JVM starts; returns the settings' fingerprint."""
    context = get_current_context()
    try:
        refuse_day(context.get("ds"), datetime.now(UTC).date())
        refuse_unknown(dict(context["dag_run"].conf or {}))
        return resolve_settings(context["params"][SETTINGS]).fingerprint()
    except SettingsError as error:
        raise AirflowFailException(str(error)) from None
