"""Settings given as Airflow params: the schema that the trigger form uses, and what the first task refuses."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from jsonschema import Draft7Validator
from jsonschema.validators import validator_for

from shortlist.config import Settings
from shortlist.errors import SettingsError
from shortlist_airflow import params
from shortlist_airflow.params import overrides_schema, refuse_day, refuse_unknown, resolve_settings, settings_param

SURFACES = "surfaces: {homefeed: {subject: user, sources: [als], fallback: popularity, k: 4}}\n"


def accepted(overrides: object) -> object:
    """The overrides, as the param accepts them."""
    return settings_param().resolve(overrides)


def test_the_param_of_the_dag_is_made_from_the_settings(candidates_daily: DAG) -> None:
    param = candidates_daily.params.get_param("settings")
    assert (param.value, param.schema) == ({}, overrides_schema())


def test_part_of_the_settings_is_enough() -> None:
    # `surfaces` is required in a file, not in an override.
    assert accepted({"als": {"factors": 32}}) == {"als": {"factors": 32}}


def test_the_schema_has_every_field_and_no_word_that_refuses_nothing() -> None:
    whole, lean = Settings.model_json_schema(), overrides_schema()
    assert lean["$defs"].keys() == whole["$defs"].keys()
    for name, definition in {"": whole, **whole["$defs"]}.items():
        kept = lean["$defs"][name] if name else lean
        assert kept.get("properties", {}).keys() == definition.get("properties", {}).keys()
        assert kept.keys() - {"$schema"} <= definition.keys() - {"required", "title", "description", "default"}
        for field in kept.get("properties", {}).values():
            assert not field.keys() & {"title", "description", "default"}


def test_the_schema_has_only_words_of_its_draft() -> None:
    """A word that the draft does not know would refuse nothing, and say nothing of it."""
    schema = overrides_schema()
    known = set(Draft7Validator.VALIDATORS) | {"$schema", "$defs"}

    def unknown(part: Any, by_name: bool = False) -> set[str]:
        if isinstance(part, list):
            return set().union(*map(unknown, part))
        if not isinstance(part, dict):
            return set()
        inside = (unknown(value, not by_name and key in ("properties", "$defs")) for key, value in part.items())
        # Draft 7 does not look at what stands beside a reference.
        here = set() if by_name else {*part.keys() - known, *(part.keys() - {"$ref"} if "$ref" in part else ())}
        return here.union(*inside)

    assert validator_for(schema, default=None) is Draft7Validator
    assert unknown(schema) == set()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"als": {"factorz": 32}}, "factorz"),
        ({"unknown": {}}, "unknown"),
        ({"als": {"factors": 0}}, "0"),
        ({"als": {"factors": "many"}}, "many"),
        (["als"], "als"),
    ],
)
def test_the_schema_refuses_by_name(overrides: object, named: str) -> None:
    with pytest.raises(ParamValidationError, match=named):
        accepted(overrides)


def test_an_unknown_conf_key_is_refused_with_the_known_one() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'conf\.setings'; did you mean settings\?"):
        refuse_unknown({"settings": {}, "setings": {}})


def test_what_a_schema_cannot_say_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shortlist.yaml").write_text(SURFACES)
    monkeypatch.setenv("SHORTLIST_CONFIG", str(tmp_path / "shortlist.yaml"))
    contradiction = {"cooccurrence": {"basket_kind": "order"}}
    assert accepted(contradiction) == contradiction
    with pytest.raises(SettingsError, match="'order' is not among baskets"):
        resolve_settings(contradiction)


def test_the_overrides_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shortlist.yaml").write_text(SURFACES + "als: {factors: 16}\n")
    monkeypatch.setenv("SHORTLIST_CONFIG", str(tmp_path / "shortlist.yaml"))
    assert resolve_settings({}).als.factors == 16
    assert resolve_settings({"als": {"factors": 24}}).als.factors == 24


@pytest.mark.parametrize(
    ("ds", "problem"),
    [
        (None, "logical_date None: is missing, so the run has no day; next: trigger it with one"),
        (
            "2017-11-30",
            r"logical_date '2017-11-30': has not ended \(it is 2017-11-30 UTC\); next: trigger a day before",
        ),
        ("2017-12-01", "logical_date '2017-12-01': has not ended"),
    ],
)
def test_a_run_without_a_day_that_has_ended_is_refused(ds: str | None, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        refuse_day(ds, date(2017, 11, 30))


def test_the_day_that_ended_is_taken_however_long_ago() -> None:
    refuse_day("2017-11-29", date(2017, 11, 30))
    refuse_day("0001-01-01", date(2017, 11, 30))
    with pytest.raises(SettingsError):
        refuse_day("2017-11-30", date(2017, 11, 30))


@pytest.mark.parametrize("day", [None, "today", "9999-12-31"])
def test_the_first_task_refuses_the_day(
    candidates_daily: DAG, monkeypatch: pytest.MonkeyPatch, day: str | None
) -> None:
    # Asked when the test runs: collection may lie on the other side of midnight.
    ds = datetime.now(UTC).date().isoformat() if day == "today" else day
    context: Any = {**({"ds": ds} if ds else {}), "dag_run": SimpleNamespace(conf={}), "params": {"settings": {}}}
    monkeypatch.setattr(params, "get_current_context", lambda: context)
    python_callable: Any = getattr(candidates_daily.get_task("check_settings"), "python_callable")  # noqa: B009
    with pytest.raises(AirflowFailException, match="logical_date"):
        python_callable()
