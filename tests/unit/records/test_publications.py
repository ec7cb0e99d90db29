"""What `latest` means, answered by hand on a few rows of publications."""

from datetime import UTC, date, datetime

import pytest

from shortlist.records.publications import Publication, SurfaceHistory

D1, D2 = date(2017, 11, 23), date(2017, 11, 30)

Row = tuple[str, date, int | None, str]


def history_of(rows: list[Row], surface: str) -> SurfaceHistory:
    """Decisions in the order of the rows, a minute apart."""
    return SurfaceHistory.of(
        Publication(name, datetime(2017, 12, 1, 2, minute, tzinfo=UTC), day, version, "r", 1, 1, "d", status, None)
        for minute, (name, day, version, status) in enumerate(rows)
        if name == surface
    )


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
def test_what_readers_are_served(rows: list[Row], standing: set[tuple[str, date, int]]) -> None:
    found = {(each.surface, each.run_date, each.table_version) for each in history_of(rows, "s").current}
    assert found == standing


def test_questions_to_a_history() -> None:
    rows: list[Row] = [
        ("s", D1, 1, "published"),
        ("s", D1, 2, "published"),
        ("s", D2, None, "held"),
        ("s", D2, 3, "published"),
        ("s", D2, None, "held"),
    ]
    history = history_of(rows, "s")
    first, again, _, published, held = history.decisions
    assert (history.latest, history.current, history.superseded) == (published, (again, published), (first,))
    assert (history.current_of(D1), history.current_of(date(2017, 11, 24))) == (again, None)
    assert (history.before(D2), history.before(D1)) == (again, None)
    assert (history.newest_decision(D2), history.newest_decision(date(2017, 11, 24))) == (held, None)
    assert history.until(D1).decisions == (first, again)
    nothing = SurfaceHistory()
    assert (nothing.latest, nothing.current, nothing.superseded) == (None, (), ())
