"""What `latest` means, answered by hand on a few rows of publications."""

from datetime import date

import polars as pl
import pytest

from shortlist.store.latest import is_current

D1, D2 = date(2017, 11, 23), date(2017, 11, 30)

Row = tuple[str, date, int | None, str]


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        pytest.param([("s", D1, 1, "published")], {("s", D1, 1)}, id="published"),
        pytest.param([("s", D1, 1, "published"), ("s", D1, 4, "published")], {("s", D1, 4)}, id="published again"),
        pytest.param(
            [("s", D1, 1, "published"), ("s", D2, 2, "published"), ("s", D2, 3, "rolled_back")],
            {("s", D1, 1)},
            id="rolled back",
        ),
        pytest.param(
            # A zombie announces what it committed before the rollback; the version, not the order of rows, decides.
            [("s", D2, 3, "rolled_back"), ("s", D2, 2, "published")],
            set(),
            id="announced after the rollback of its version",
        ),
        pytest.param(
            [("s", D2, 2, "published"), ("s", D2, 3, "rolled_back"), ("s", D2, 4, "published")],
            {("s", D2, 4)},
            id="published again after a rollback",
        ),
        pytest.param(
            [("s", D1, 1, "published"), ("s", D1, None, "held")], {("s", D1, 1)}, id="held takes nothing away"
        ),
        pytest.param([("s", D1, None, "held")], set(), id="held only"),
        pytest.param([("s", D1, 1, "published"), ("t", D1, 9, "rolled_back")], {("s", D1, 1)}, id="surfaces are apart"),
    ],
)
def test_stands(rows: list[Row], standing: set[tuple[str, date, int]]) -> None:
    frame = pl.DataFrame(rows, ["surface", "run_date", "table_version", "status"], orient="row")
    found = frame.filter(is_current()).select("surface", "run_date", "table_version")
    assert set(found.rows()) == standing
