"""Columns that come, go, are renamed or change their type: in the table, and in what is landed.

The contract's own directions, against a table, are in tests/unit/store/test_schema_differences.py.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.cli.program import main as shortlist_main
from shortlist.errors import ContractError, HeldError
from tests import tiny
from tests.faults.publisher import TABLE, publish
from tests.faults.test_crashes import served
from tests.jobs.conftest import deploy

YESTERDAY, TODAY = date(2017, 11, 29), date(2017, 11, 30)
Rows = Callable[[pl.DataFrame], pl.DataFrame]
DRIFTS: dict[str, tuple[Rows, str]] = {
    "added": (lambda rows: rows.with_columns(price=pl.lit(1.0)), "column price is not in the contract"),
    "removed": (lambda rows: rows.drop("reason"), "column reason is missing"),
    "renamed": (lambda rows: rows.rename({"reason": "because"}), "column because is not in the contract"),
    "another type": (lambda rows: rows.with_columns(pl.col("rank").cast(pl.Int64)), "column rank is long, not integer"),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_table_that_drifted_is_not_written_to(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str], drift: str
) -> None:
    publish(spark, tmp_path, YESTERDAY, 1, "a")
    change, said = DRIFTS[drift]
    path = str(tmp_path / "warehouse" / TABLE.name)
    options = {"schema_mode": "overwrite", "partition_by": ["run_date"]}
    change(pl.read_delta(path)).write_delta(path, mode="overwrite", delta_write_options=options)
    before = pl.read_delta(path)
    with pytest.raises(
        ContractError, match=r"candidates_homefeed differs from schemas/candidates\.odcs\.yaml"
    ) as error:
        publish(spark, tmp_path, TODAY, 1, "b")
    assert said in str(error.value)
    assert pl.read_delta(path).equals(before)
    assert served(tmp_path).run_date == YESTERDAY
    (tmp_path / "settings.yaml").write_text(tiny.settings(tmp_path))
    assert shortlist_main(["verify", "--config", str(tmp_path / "settings.yaml"), "--json"]) == 3
    assert said in capsys.readouterr().out


def changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
    return [change(event) for event in tiny.events_of(tiny.FIRST_DAY)]


def renamed(event: dict[str, Any]) -> dict[str, Any]:
    return {("uid" if name == "user_id" else name): value for name, value in event.items()}


def test_what_is_landed_in_another_shape_is_refused_by_name_or_the_same(spark: SparkSession, tmp_path: Path) -> None:
    deployment, day = deploy(tmp_path), tiny.FIRST_DAY
    for change, said in (
        (lambda event: {name: event[name] for name in event if name != "item_id"}, "item_id is missing"),
        (renamed, "user_id is missing"),
        (lambda event: {**event, "user_id": {"id": event["user_id"]}}, "user_id has the wrong type"),
        (lambda event: {**event, "value": "much"}, "value has the wrong type"),
        (lambda event: {**event, "event_ts": 1509523200}, "event_ts has the wrong type"),
    ):
        tiny.write_folder(deployment.landing, day, changed(change))
        with pytest.raises(HeldError, match=r"48 of 48 lines cannot be used") as error:
            deployment.run("extract_engagements", day)
        assert said in str(error.value)
        assert not deployment.exists("engagements")
    # A column that nobody states is passed over, and one that may be empty may be left out.
    tiny.write_folder(deployment.landing, day, changed(lambda event: {**event, "price": {"eur": [1]}}))
    deployment.run("extract_engagements", day)
    assert len(deployment.table("engagements")) == 48
    assert "price" not in deployment.table("engagements").columns
