"""The blend's benchmark: how sets are cut, by hand, and the whole procedure on a small planted set given as files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.benchmarks import quality
from infra.benchmarks._quality_blends import among_negatives, prefixes, split_task
from infra.benchmarks._quality_learning import figures
from infra.benchmarks._quality_reporting import mean_of
from infra.benchmarks._quality_sources import distinct_in_order
from infra.benchmarks._quality_tasks import (
    Sequences,
    Task,
    batch_of,
    cut_like,
    read_rows,
    sequences_of,
    task_of,
    task_of_files,
    withhold_drawn,
    withhold_last,
)
from shortlist.kernels.arrays import Rows

# Subject 0: items 3, 1, 3, 2 at times 1, 1, 2, 5; subject 1: item 0; subject 2: nothing.
EVENTS = sequences_of(np.array([0, 1, 0, 0, 0]), np.array([2, 0, 3, 1, 3]), np.array([5.0, 9.0, 2.0, 1.0, 1.0]), 3)


def task(events: Sequences, relevant: Rows, items: int = 4, masked: bool = True) -> Task:
    return Task(items, events, events, np.arange(events.size, dtype=np.int32), relevant, masked)


def lists(rows: Rows) -> list[list[int]]:
    return [rows.indices[low:high].tolist() for low, high in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)]


NOTHING = Rows(np.zeros(4, np.int64), np.empty(0, np.int32))


def test_sequences__oldest_first_and_of_one_time_by_item() -> None:
    assert EVENTS.items.tolist() == [1, 3, 3, 2, 0]
    assert lists(EVENTS.pairs()) == [[1, 2, 3], [0], []]
    assert lists(EVENTS.of(np.array([1, 0])).pairs()) == [[0], [1, 2, 3]]
    assert distinct_in_order(EVENTS).items.tolist() == [1, 3, 2, 0]
    assert EVENTS.ordered
    assert not sequences_of(np.array([0]), np.array([0]), None, 1).ordered


def test_batch_of__positions_ages_and_frequencies() -> None:
    batch = batch_of(task(EVENTS, NOTHING), frequency_decay=0.5)
    assert batch.history_items.tolist() == [1, 2, 3, 0]
    assert batch.history["position"].tolist() == [2, 0, 1, 0]
    # Three different times: 1, 2 and 5 are 2, 1 and 0 steps ago.
    assert batch.history["age_days"].tolist() == [2, 0, 1, 0]
    assert batch.history["frequency"].tolist() == [0.25, 1.0, 0.25 + 0.5, 1.0]
    assert batch.masked_items.tolist() == batch.history_items.tolist()
    assert not len(batch_of(task(EVENTS, NOTHING, masked=False)).masked_items)


def test_withhold_last__the_newest_time_or_a_share_of_the_events() -> None:
    inner = withhold_last(task(EVENTS, NOTHING))
    assert lists(inner.relevant) == [[2], [], []]
    assert inner.train.items.tolist() == [1, 3, 3, 0]
    half = withhold_last(task(EVENTS, NOTHING), 0.5)
    # 3 was had before: it is masked, so it is not looked for.
    assert lists(half.relevant) == [[2], [], []]
    assert lists(withhold_last(task(EVENTS, NOTHING, masked=False), 0.5).relevant) == [[2, 3], [], []]


def test_withhold_drawn__some_is_left_and_the_draw_is_seeded() -> None:
    pairs = sequences_of(np.repeat(np.arange(50), 10), np.tile(np.arange(10), 50), None, 50)
    relevant = Rows(np.zeros(51, np.int64), np.empty(0, np.int32))
    inner = withhold_drawn(task(pairs, relevant, 10), 0.2)
    assert (np.diff(inner.relevant.indptr) == 2).all()
    assert (np.diff(inner.train.starts) == 8).all()
    assert np.array_equal(inner.relevant.indices, withhold_drawn(task(pairs, relevant, 10), 0.2).relevant.indices)
    assert len(np.unique(np.bincount(inner.relevant.indices, minlength=10))) > 1
    one = withhold_drawn(task(EVENTS, NOTHING), None)
    assert np.diff(one.relevant.indptr).tolist()[1:] == [0, 0]


def test_cut_like__as_the_test_part_is() -> None:
    single = Rows(np.array([0, 1, 1, 1]), np.array([0], np.int32))
    assert lists(cut_like(task(EVENTS, single))(task(EVENTS, single)).relevant) == [[2], [], []]
    several = Rows(np.array([0, 2, 2, 2]), np.array([0, 2], np.int32))
    baskets = sequences_of(np.zeros(6, np.int64), np.arange(6), np.array([0.0, 0, 0, 1, 1, 1]), 3)
    inner = cut_like(task(baskets, several, 6))(task(baskets, several, 6))
    assert lists(inner.relevant) == [[3, 4, 5], [], []]


def test_task_of__lists_may_repeat_where_the_test_does() -> None:
    again = Rows(np.array([0, 2, 3, 3]), np.array([1, 2, 0], np.int32))
    assert not task_of(EVENTS, again, 4).masked
    new = Rows(np.array([0, 1, 2, 2]), np.array([0, 3], np.int32))
    assert task_of(EVENTS, new, 4).masked
    # What was had before is not looked for in a list that may not hold it.
    assert lists(task_of(EVENTS, again, 4, may_repeat=False).relevant) == [[], [], []]


def test_prefixes__every_next_event_from_what_came_before() -> None:
    train = sequences_of(np.array([0, 0, 0]), np.array([1, 2, 3]), None, 1)
    made = prefixes(EVENTS, train, 4)
    # Item 0 is not known to train, so session 1 is empty.
    assert lists(Rows(made.subjects.starts, made.subjects.items)) == [[1], [1, 3], [1, 3, 3]]
    assert lists(made.relevant) == [[3], [3], [2]]


def test_among_negatives__neither_had_nor_wanted() -> None:
    train = pd.DataFrame({"user": np.repeat(np.arange(5), 3), "item": np.tile(np.arange(3), 5)})
    catalog = pd.DataFrame({"user": np.full(300, 9), "item": np.arange(300)})
    test = pd.DataFrame({"user": np.arange(5), "item": np.arange(5) + 3})
    asked = among_negatives(split_task(pd.concat([train, catalog]), test, may_repeat=False))
    assert asked.given is not None
    for subject in range(5):
        items = asked.given.items[asked.given.starts[subject] : asked.given.starts[subject + 1]].tolist()
        assert len(set(items)) == 100
        assert subject + 3 in items
        assert not set(items) & {0, 1, 2}


def test_figures__by_hand() -> None:
    relevant = Rows(np.array([0, 2, 2, 3]), np.array([1, 3, 0], np.int32))
    found = figures(np.array([[0, 3, 1], [0, 1, 2], [1, -1, -1]], np.int32), task(EVENTS, relevant), 3)
    ndcg = (1 / np.log2(3) + 1 / 2) / (1 + 1 / np.log2(3))
    expected = {"recall": [1, 0], "recall_capped": [1, 0], "ndcg": [ndcg, 0], "hit_rate": [1, 0], "mrr": [0.5, 0]}
    # The first subject had both items that it wants, the other one had nothing.
    expected |= {"recall_had": [1, np.nan], "recall_new": [np.nan, 0]}
    assert {name: values.tolist() for name, values in found.items()} == {
        name: pytest.approx(values, nan_ok=True) for name, values in expected.items()
    }


def test_figures__what_was_had_and_what_is_new_apart() -> None:
    # The first subject had 1, 2 and 3; of 0, 1, 3 its list has 0 and 3. The second one had 0.
    relevant = Rows(np.array([0, 3, 5, 5]), np.array([0, 1, 3, 0, 2], np.int32))
    found = figures(np.array([[0, 3, 2], [2, 1, 3], [1, -1, -1]], np.int32), task(EVENTS, relevant, masked=False), 3)
    assert found["recall"].tolist() == pytest.approx([2 / 3, 1 / 2])
    assert found["recall_had"].tolist() == pytest.approx([1 / 2, 0])
    assert found["recall_new"].tolist() == pytest.approx([1, 1])
    assert mean_of(np.array([np.nan, 1.0, 0.5])) == (0.75, 2)
    assert np.isnan(mean_of(np.array([np.nan]))[0])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Users of four tastes with ten items each; each misses one of its own, which is the test."""
    random = np.random.default_rng(3)
    rows = []
    for user in range(160):
        own = random.permutation(10)[:7] + user % 4 * 10
        rows += [(f"u{user}", f"i{item:02}", when) for when, item in enumerate(own)]
    frame = pd.DataFrame(rows, columns=["user", "item", "when"])
    last = frame["when"] == 6
    train, test = tmp_path / "train.csv", tmp_path / "test.parquet"
    frame[~last].to_csv(train, index=False)
    frame[last][["user", "item"]].to_parquet(test)
    return train, test


def test_quality__any_set_of_files(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path))
    train, test = files
    assert quality.main(["--train", str(train), "--test", str(test), "--k", "5"]) == 0
    kept = json.loads((tmp_path / "bench" / "quality-files.json").read_text())
    # Four of a taste's ten items are left to a user: a list of five holds the missing one if it knows the taste.
    assert kept["blend"]["hit_rate"] == 1.0
    assert kept["popularity"]["hit_rate"] < 0.5
    assert kept["subjects"] == 160
    assert json.loads(kept["blend_text"])["kind"] == kept["kind"]
    assert "history masked" in capsys.readouterr().out


def test_quality__files_that_are_not_there_or_have_no_items(files: tuple[Path, Path], tmp_path: Path) -> None:
    train, test = files
    assert quality.main(["--train", str(train), "--test", str(tmp_path / "none.csv")]) == 2
    with pytest.raises(SystemExit):
        quality.main(["--train", str(train)])
    one = tmp_path / "one.csv"
    one.write_text("user\nu1\n")
    with pytest.raises(ValueError, match=r"one\.csv has 1 columns; next: give user, item and perhaps time or order"):
        read_rows(one)
    words = tmp_path / "words.csv"
    words.write_text("user,item,when\nu1,i1,soon\n")
    with pytest.raises(ValueError, match="column when is string, a time or order is needed; next: give a number"):
        read_rows(words)
    assert task_of_files(train, test).masked
