"""Models are held against what their training wrote: another training's half, changed numbers, what nobody trained."""

from pathlib import Path

import pytest
from deltalake import DeltaTable

from tests.unit.cli.conftest import D2, D3, Shortlist
from tests.unit.cli.damage import MODELS
from tests.unit.cli.harms import train


@pytest.mark.parametrize("name", MODELS)
def test_what_is_wrong_with_a_model_is_all_that_is_found(warehouse: Path, shortlist: Shortlist, name: str) -> None:
    MODELS[name].harm(warehouse)
    findings = shortlist("verify", "--json").facts["findings"]
    assert {(each["table"], each["kind"], each["wrong"]) for each in findings} == {
        (table, MODELS[name].kind, MODELS[name].wrong) for table in MODELS[name].tables
    }
    assert shortlist("verify", "homefeed", "--json").facts["models"] == 0


def test_older_models_are_read_when_all_are_asked_for(warehouse: Path, shortlist: Shortlist) -> None:
    for each in (D2, D3):
        train(warehouse, each)
    train(warehouse, D2, "m2", ("user_factors",))
    assert (shortlist("verify").code, shortlist("verify", "--json").facts["models"]) == (0, 1)
    answer = shortlist("verify", "--json", "--all")
    assert (answer.code, answer.facts["models"], {each["kind"] for each in answer.facts["findings"]}) == (
        3,
        2,
        {"other_training"},
    )


def test_rows_that_were_taken_away_since_are_a_note_of_that_day_only(warehouse: Path, shortlist: Shortlist) -> None:
    """Retention takes other days; an erasure takes rows of this one."""
    for each in (D2, D3):
        train(warehouse, each)
    table = DeltaTable(str(warehouse / "item_factors"))
    table.delete(f"run_date = DATE '{D2}'")
    assert shortlist("verify", "--json").facts["findings"] == []
    table.delete("id = 'u1'")
    answer = shortlist("verify", "--json")
    (note,) = answer.facts["findings"]
    assert (answer.code, note["table"], note["kind"], note["wrong"]) == (0, "item_factors", "no_digest", False)
    assert "rows were taken away since it was trained, so its digest is not looked at" in note["says"]
