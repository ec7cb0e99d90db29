"""Which publications become asset events, and by which outlet."""

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.context import OutletEventAccessors

from shortlist.config import load_settings
from shortlist_airflow.assets import (
    CONF_SURFACES,
    announce,
    candidates_asset,
    candidates_outlets,
    published,
)

DAY = date(2017, 11, 30)
PUBLISHED = {
    "surface": "homefeed",
    "published_at": "2017-12-01 02:00:00+00:00",
    "run_date": "2017-11-30",
    "table_version": 3,
    "run_id": "r",
    "rows": 9,
    "subjects": 2,
    "digest": "0a",
    "status": "published",
    "why": None,
}
HELD = {"table_version": None, "digest": None, "status": "held"}
SURFACES = """\
surfaces:
  homefeed: {subject: user, sources: [als]}
  related: {subject: item, sources: [cooccurrence]}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file in force: two surfaces."""
    path = tmp_path / "shortlist.yaml"
    path.write_text(f"paths: {{manifests: {tmp_path}/manifests}}\n{SURFACES}")
    monkeypatch.setenv("SHORTLIST_CONFIG", str(path))
    return path


def context_of(state: str, **more: object) -> Any:
    """What the announcing task knows of its run, whose publisher has ended so."""
    ti = SimpleNamespace(dag_id="d", run_id="r", get_task_states=lambda **_: {"r": {"publish_candidates": state}})
    return {"ds": "2017-11-30", "params": {"settings": {}}, "ti": ti, **more}


def announced(
    home: Path, *surfaces: str, held: tuple[str, ...] = (), state: str = "success"
) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """What a run that published these surfaces announces: by asset, by alias; and the outlets that it is left with."""
    manifest = home / "manifests" / "run_date=2017-11-30" / "publish_candidates.json"
    manifest.parent.mkdir(parents=True)
    publications = [{**PUBLISHED, "surface": surface} for surface in surfaces]
    publications += [{**PUBLISHED, "surface": surface, **HELD} for surface in held]
    content = {"job": "publish_candidates", "run_date": str(DAY), "publications": publications}
    manifest.write_text(json.dumps(content))
    task, events = SimpleNamespace(outlets=candidates_outlets()), OutletEventAccessors()
    announce(context_of(state, task=task, outlet_events=events))
    outlets = [candidates_asset(surface) for surface in ("homefeed", "related")]
    by_alias = [event.dest_asset_key.name for event in events[CONF_SURFACES].asset_alias_events]
    return {asset.name: events[asset].extra for asset in outlets if events[asset].extra}, by_alias, task.outlets


def test_surfaces_of_the_settings_file_are_announced_by_their_own_outlets(settings: Path) -> None:
    """Not by the alias: two runs that tie an asset to it at once fail a day that is published."""
    extras, by_alias, outlets = announced(settings.parent, "homefeed", "related")
    assert set(extras) == {"candidates_homefeed", "candidates_related"}
    extra = extras["candidates_homefeed"]
    assert (extra["run_date"], extra["table_version"], extra["digest"]) == ("2017-11-30", 3, "0a")
    assert by_alias == []
    assert outlets == [candidates_asset("homefeed"), candidates_asset("related"), CONF_SURFACES]


def test_a_surface_of_the_conf_goes_by_the_alias_and_one_not_published_is_not_announced(settings: Path) -> None:
    extras, by_alias, outlets = announced(settings.parent, "homefeed", "growth")
    assert set(extras) == {"candidates_homefeed"}
    assert by_alias == ["candidates_growth"]
    # Airflow emits an event for each outlet that is left.
    assert outlets == [candidates_asset("homefeed"), CONF_SURFACES]


def test_a_held_surface_does_not_keep_the_others_from_being_announced(settings: Path) -> None:
    extras, by_alias, outlets = announced(settings.parent, "homefeed", held=("related",), state="failed")
    assert set(extras) == {"candidates_homefeed"}
    assert by_alias == []
    assert outlets == [candidates_asset("homefeed"), CONF_SURFACES]


def test_where_nothing_was_published_nothing_is_announced(settings: Path) -> None:
    with pytest.raises(AirflowSkipException, match="every surface of 2017-11-30 is held"):
        announced(settings.parent, held=("homefeed", "related"), state="failed")


def test_a_publisher_that_left_no_manifest_is_skipped_if_it_failed_and_refused_if_not(settings: Path) -> None:
    task = SimpleNamespace(outlets=candidates_outlets())
    with pytest.raises(
        AirflowSkipException, match=r"publish_candidates failed and published nothing: manifest .*FileNotFound"
    ):
        announce(context_of("failed", task=task))
    with pytest.raises(AirflowFailException, match=r"publish_candidates\.json does not say what was published"):
        announce(context_of("success", task=task))


def test_the_announcing_task_declares_the_assets(candidates_daily: DAG) -> None:
    assert candidates_daily.get_task("publish_candidates").outlets == []
    names = {getattr(outlet, "name", None) for outlet in candidates_daily.get_task("announce_publications").outlets}
    assert names == {"candidates", *(f"candidates_{surface}" for surface in load_settings().surfaces)}
    assert len(names) > 2


def test_settings_that_cannot_be_read_leave_a_dag_that_can_refuse_them(settings: Path) -> None:
    settings.write_text("surfaces: {homefeed: {subject: nobody}}\n")
    assert candidates_outlets() == [CONF_SURFACES]


def test_a_surface_has_one_asset() -> None:
    asset = candidates_asset("homefeed")
    assert (asset.name, asset.uri) == ("candidates_homefeed", "shortlist://candidates/homefeed")


def write(root: Path, content: str) -> None:
    path = root / "run_date=2017-11-30" / "publish_candidates.json"
    path.parent.mkdir()
    path.write_text(content)


def test_only_what_is_served_is_announced(tmp_path: Path) -> None:
    held = {**PUBLISHED, "surface": "related", **HELD}
    content = {"job": "publish_candidates", "run_date": str(DAY), "publications": [PUBLISHED, held]}
    write(tmp_path, json.dumps(content))
    (found,) = published(f"file://{tmp_path}", DAY)
    assert (found.surface, found.table_version, found.digest) == ("homefeed", 3, "0a")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "FileNotFoundError"),
        ("{}", "KeyError"),
        ("[", "JSONDecodeError"),
        ('{"job": "publish_candidates", "run_date": "2017-11-30"}', "it names no publication"),
    ],
)
def test_a_manifest_that_says_nothing_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    if content is not None:
        write(tmp_path, content)
    with pytest.raises(AirflowFailException, match=rf"publish_candidates\.json does not say .*{problem}"):
        published(str(tmp_path), DAY)
