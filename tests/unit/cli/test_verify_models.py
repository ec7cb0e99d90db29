"""Models are held against what their training wrote: another training's half, changed numbers, what nobody trained."""

import json
import shutil
import struct
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import CommitProperties, DeltaTable

from tests.published import write
from tests.unit.cli.conftest import D2, D3, Shortlist

# Digests of the rows of `train` by run date.
DIGESTS = {D2: "2-a9a5cb5662f5a705", D3: "2-e8912a6cec978705"}


def train(root: Path, day: date, model: str = "m1", tables: tuple[str, ...] = ("user_factors", "item_factors")) -> None:
    """A model as its job commits it: the same two rows in each table."""
    for table in tables:
        rows = [
            {"id": "u1", "factors": [1.0, -0.5], "run_date": day},
            {"id": "Zoë", "factors": [0.25, 2.0], "run_date": day},
        ]
        stamp = {"partition": f"run_date={day}", "model": model, "digest": DIGESTS[day]}
        properties = CommitProperties(custom_metadata={"userMetadata": json.dumps(stamp)})
        write(root, table, table, rows, commit_properties=properties)


def change_number(root: Path) -> None:
    """Behind the table's back: a file of the same length with other numbers."""
    (file,) = (root / "item_factors" / f"run_date={D3}").glob("*.parquet")
    content = file.read_bytes()
    number = struct.pack("<f", 0.25)  # neither the least nor the greatest, which stand in the footer too
    assert content.count(number) == 1
    file.write_bytes(content.replace(number, struct.pack("<f", 0.5)))


def write_without_a_training(root: Path) -> None:
    for table in ("user_factors", "item_factors"):
        write(root, table, table, [{"id": "u1", "factors": [1.0], "run_date": D3.replace(day=29)}])
        write(root, table, table, [{"id": "u1", "factors": [1.0], "run_date": D3 + timedelta(days=1)}])


@pytest.mark.parametrize(
    ("harm", "kind", "day", "said"),
    [
        (change_number, "other_rows", D3, "run_date=2017-11-30 is not what was trained: digest 2-"),
        (
            lambda root: write(
                root, "item_factors", "item_factors", [{"id": "x", "factors": [1.0, 2.0], "run_date": D3}]
            ),
            "other_rows",
            D3,
            f"digest 1-25c8b696ae98eea7 instead of {DIGESTS[D3]}",
        ),
        (
            lambda root: train(root, D3, "m2", ("item_factors",)),
            "other_training",
            D3,
            "the model of run_date=2017-11-30 is not of one training: user_factors is of m1, item_factors is of m2",
        ),
        (
            lambda root: shutil.rmtree(root / "item_factors"),
            "other_training",
            D3,
            "user_factors is of m1, item_factors is of none",
        ),
        (write_without_a_training, "other_training", D3 + timedelta(days=1), "user_factors is of none"),
    ],
    ids=["a number", "other rows", "two trainings", "a table is gone", "no training"],
)
def test_a_model_that_jobs_would_refuse_is_found(
    warehouse: Path, shortlist: Shortlist, harm: Callable[[Path], object], kind: str, day: date, said: str
) -> None:
    for each in (D2, D3):
        train(warehouse, each)
    assert shortlist("verify", "--json").facts["findings"] == []
    harm(warehouse)
    answer = shortlist("verify", "--json")
    assert answer.code == 3
    assert {each["kind"] for each in answer.facts["findings"]} == {kind}
    assert "item_factors" in {each["table"] for each in answer.facts["findings"]}
    for found in answer.facts["findings"]:
        assert said in found["says"]
        assert found["mend"] == f"train it again: infra/submit jobs/train_als.py --run-date {day}"
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


def test_a_training_that_the_log_does_not_reach_back_to_is_a_note(warehouse: Path, shortlist: Shortlist) -> None:
    """Delta takes old commits away that a checkpoint stands for, and with them what they say of themselves."""
    tables = ("user_factors", "item_factors")
    train(warehouse, D3)
    for table in tables:
        DeltaTable(str(warehouse / table)).create_checkpoint()
    train(warehouse, D2)
    for table in tables:
        for version in range(2):
            (warehouse / table / "_delta_log" / f"{version:020}.json").unlink()
    answer = shortlist("verify", "--json")
    assert answer.code == 0
    assert {(each["table"], each["kind"], each["wrong"]) for each in answer.facts["findings"]} == {
        (table, "no_digest", False) for table in tables
    }
    assert "the log does not reach back to the training" in answer.facts["findings"][0]["says"]
