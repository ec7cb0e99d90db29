"""The one digest of rows: what changes it, and what must not."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from shortlist.store.digests import DIGESTED, NOTHING, digest_rows
from shortlist.store.published_days import read_day
from tests.published import frame_of, lists

COLUMNS = ["id", "factors", "run_date"]
IDS, FACTORS = ["a", "b", "c"], [[1.0, 2.0], [0.0, -0.5], [3.0, 4.0]]


def factors(ids: list[str], rows: list[list[float]], day: date = date(2017, 11, 30), large: bool = False) -> pa.Table:
    lists = pa.array(rows, pa.large_list(pa.float32()) if large else pa.list_(pa.float32()))
    text = pa.large_string() if large else pa.string()
    return pa.table({"id": pa.array(ids, text), "factors": lists, "run_date": pa.array([day] * len(ids), pa.date32())})


def test_neither_order_nor_parts_nor_the_reader_s_types_matter() -> None:
    whole = digest_rows(factors(IDS, FACTORS), COLUMNS)
    assert digest_rows(factors(IDS[::-1], FACTORS[::-1]), COLUMNS) == whole
    assert (
        digest_rows(factors(IDS[:1], FACTORS[:1]), COLUMNS) + digest_rows(factors(IDS[1:], FACTORS[1:]), COLUMNS)
        == whole
    )
    assert digest_rows(factors(IDS, FACTORS, large=True), COLUMNS) == whole
    assert digest_rows(factors(["x", *IDS], [[9.0], *FACTORS]).slice(1), COLUMNS) == whole


@pytest.mark.parametrize(
    "other",
    [
        factors(IDS, [[2.0, 1.0], *FACTORS[1:]]),
        factors(IDS, [[1.0, 2.0000002], *FACTORS[1:]]),
        factors(IDS, [FACTORS[1], FACTORS[0], FACTORS[2]]),
        factors(IDS, [[1.0], [2.0, 0.0, -0.5], FACTORS[2]]),
        factors(IDS, [[1.0, 2.0, 0.0], *FACTORS[1:]]),
        factors(["a", "b", "d"], FACTORS),
        factors(IDS, FACTORS, date(2017, 12, 1)),
    ],
    ids=["order of numbers", "one bit", "swapped rows", "moved number", "longer", "id", "day"],
)
def test_what_a_reader_would_see_changes_the_digest(other: pa.Table) -> None:
    assert digest_rows(other, COLUMNS) != digest_rows(factors(IDS, FACTORS), COLUMNS)


def test_no_rows_have_the_digest_of_nothing() -> None:
    assert digest_rows(factors([], []), COLUMNS) == NOTHING
    assert digest_rows(factors(["a"], [[]]), COLUMNS).rows == 1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("campaign", ("x", "y")),
        ("slot", ("ranked", "fresh")),
        ("propensity", (1.0, 0.5)),
        ("condition", ("x", "y")),
        ("relation", ("substitute", "complement")),
    ],
)
def test_rows_without_a_gained_value_have_the_digest_from_before_there_was_one(
    tmp_path: Path, column: str, values: tuple[object, object]
) -> None:
    """Days that were published then are still what publications says of them."""
    (row, other) = lists({"u": "ab"}, date(2017, 11, 30))
    now = frame_of("candidates", [row, other])
    before = now.drop(column)
    expected = digest_rows(before.drop("run_date").to_arrow(), [name for name in DIGESTED if name != column])
    assert digest_rows(now.to_arrow()) == digest_rows(before.to_arrow()) == expected
    before.write_delta(tmp_path / "table", delta_write_options={"partition_by": ["run_date"]})
    assert read_day(str(tmp_path / "table"), None, date(2017, 11, 30)).digest == expected
    one, two = values
    given = [
        frame_of("candidates", [{**row, column: first}, {**other, column: second}])
        for first, second in [(one, None), (None, one), (two, None), (one, one)]
    ]
    assert len({str(digest_rows(frame.to_arrow())) for frame in (now, *given)}) == 5
