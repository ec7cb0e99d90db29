"""What the soak makes of what it finds: a lost, a doubled and a half day are told; nothing is killed or published here."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from infra.benchmarks import chaos as bench
from infra.benchmarks._chaos_account import Account, Order, doubled_days, lost_days
from tests.faults.publisher import ROWS, STEPS, day_of
from tests.faults.reader import whole
from tests.published import announce, commit


def test_steps_are_the_publishers() -> None:
    assert list(bench.STEPS) == STEPS
    assert bench.LOCKED in bench.INSIDE
    assert bench.ANNOUNCED not in bench.INSIDE


def test_a_schedule_is_its_seeds() -> None:
    orders = bench.schedule(200, 7)
    assert orders == bench.schedule(200, 7) != bench.schedule(200, 8)
    assert [order.number for order in orders] == list(range(1, 201))
    assert len({order.day for order in orders}) > 100
    kills = [kill for order in orders for kill in order.kills]
    assert len(kills) > 80
    # Every named step is killed at, and every kind of victim is among the others.
    assert {kill.step for kill in kills if kill.step} == set(STEPS)
    assert {kill.victim for kill in kills if kill.step is None} == {"group", "python", "jvm"}


def lists(order: Order) -> dict[str, Any]:
    return {f"u{number}": [f"{order.variant}{number}", f"{order.variant}{number + 1}"] for number in range(2)}


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, list[Order]]:
    """Two days; the first one was published again by the third order."""
    days = [bench.FIRST_DAY, bench.FIRST_DAY.replace(day=2), bench.FIRST_DAY]
    orders = [Order(number, day, ()) for number, day in enumerate(days, start=1)]
    for order in orders:
        publish(tmp_path, order)
    return tmp_path, orders


def publish(root: Path, order: Order, attempt: int | None = None) -> int:
    version = commit(root, "homefeed", order.day, lists(order), attempt or order.number)
    announce(root, "homefeed", order.day, lists(order), version)
    return version


def account(**codes: int) -> Account:
    return Account(ended={1: 0, 2: 0, 3: 0, **{int(name[1:]): code for name, code in codes.items()}}, hits=Counter())


def lost(root: Path, orders: list[Order], **codes: int) -> list[str]:
    return lost_days(str(root / "candidates_homefeed"), str(root / "publications"), orders, account(**codes))


def doubled(root: Path) -> list[str]:
    return doubled_days(str(root / "candidates_homefeed"), str(root / "publications"))


def test_what_was_published_is_neither_lost_nor_doubled(published: tuple[Path, list[Order]]) -> None:
    root, orders = published
    assert lost(root, orders) == []
    assert doubled(root) == []


def test_a_day_that_a_later_order_should_have_is_lost(published: tuple[Path, list[Order]]) -> None:
    root, orders = published
    later = Order(4, orders[1].day, ())
    assert lost(root, [*orders, later], o4=0) == ["2017-01-02: it has ['v2x'], not the lists of order 4"]
    assert "its newest order 4 ended with 4" in lost(root, [*orders, later], o4=4)[0]
    never = Order(5, bench.FIRST_DAY.replace(day=9), ())
    assert "2017-01-09 is not served" in lost(root, [*orders, never], o5=0)


def test_what_happened_twice_is_doubled(published: tuple[Path, list[Order]]) -> None:
    root, orders = published
    version = publish(root, orders[1], attempt=2)
    announce(root, "homefeed", orders[1].day, lists(orders[1]), version)
    assert doubled(root) == [
        "run_date=2017-01-02, attempt 2: committed 2 times",
        f"2017-01-02 at version {version}: announced 2 times",
    ]


def test_a_reader_knows_half_a_day() -> None:
    rows = [(row["subject_id"], row["rank"], row["item_id"]) for row in day_of("v3x", date(2017, 1, 1))]
    assert len(rows) == ROWS
    assert whole(rows)
    assert whole(rows[::-1])
    other = [(subject, rank, item.replace("v3x", "v4x")) for subject, rank, item in rows]
    for wrong in (rows[:-1], [*rows, rows[0]], rows[:60] + other[60:], [*rows[1:], rows[1]]):
        assert not whole(wrong)
