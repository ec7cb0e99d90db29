"""The sets that the blend is measured on, as arrays: how each is cut, and what must be reached."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from infra.benchmarks._quality_tasks import (
    CHOICE_SEED,
    Longs,
    Sequences,
    Task,
    Withhold,
    cut_like,
    sequences_of,
    task_of,
    withhold_drawn,
    withhold_last,
)
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.arrays import Rows
from shortlist.sources.batch import CandidateSet

NEGATIVES: Final = 99
# Sessions of the training part's end that settings are chosen on.
LAST_SESSIONS: Final = 0.08


@dataclass(frozen=True)
class BlendCell:
    """One set with one protocol.

    Attributes:
        protocol: as printed.
        files: what must lie in the data folder.
        load: reads and cuts the set.
        withhold: how the training part is cut to choose settings and blend.
        config: what lists are chosen by.
        metrics: what is reported, in this order.
        wanted: what the blend must reach, metric by metric; empty: to be above every source by more than its interval.
    """

    protocol: str
    files: tuple[str, ...]
    load: Callable[[Path], Task]
    withhold: Callable[[Task], Withhold]
    config: LearnedBlendConfig
    metrics: tuple[str, ...]
    wanted: Mapping[str, float] = field(default_factory=dict)


def numbered(*columns: pd.Series) -> tuple[list[Longs], int]:
    """Indices of ids in their order, the same numbers for all columns, and how many there are."""
    known = np.unique(np.concatenate([column.to_numpy() for column in columns]))
    return [np.searchsorted(known, column.to_numpy()) for column in columns], len(known)


def split_task(train: pd.DataFrame, test: pd.DataFrame, *, may_repeat: bool, shown: pd.DataFrame | None = None) -> Task:
    """A task of frames [user, item] or [user, item, order].

    Args:
        train: what sources learn from.
        test: what is looked for.
        may_repeat: whether lists may hold what a subject had.
        shown: histories that lists are made from, where they are more than `train`.
    """
    history = train if shown is None else shown
    (train_user, test_user, shown_user), users = numbered(train["user"], test["user"], history["user"])
    (train_item, test_item, shown_item), items = numbered(train["item"], test["item"], history["item"])

    def events(frame: pd.DataFrame, user: Longs, item: Longs) -> Sequences:
        order = frame["order"].to_numpy(np.float64) if "order" in frame else None
        return sequences_of(user, item, order, users)

    wanted = sequences_of(test_user, test_item, None, users).pairs()
    task = task_of(events(train, train_user, train_item), wanted, items, may_repeat=may_repeat)
    if shown is None:
        return task
    whole = task_of(events(history, shown_user, shown_item), wanted, items, may_repeat=may_repeat)
    return Task(items, task.train, whole.subjects, task.own_rows, whole.relevant, task.masked)


def pairs(path: Path, user: str, item: str) -> pd.DataFrame:
    """Distinct pairs of a file."""
    frame = pd.read_parquet(path, columns=[user, item]).drop_duplicates()
    return frame.set_axis(["user", "item"], axis=1)


def pinterest_split(folder: Path) -> Task:
    """The published 80/20 files; test pairs that are also in train are dropped."""
    train = pairs(folder / "pinterest_hmgcn_train.parquet", "board", "pin")
    return split_task(train, pairs(folder / "pinterest_hmgcn_test.parquet", "board", "pin"), may_repeat=False)


def pinterest_ncf(folder: Path) -> Task:
    """Leave-one-out: the withheld pin of each board among 99 others, drawn (seeded) from what the board does not hold."""
    names = ("pinterest_hmgcn_train.parquet", "pinterest_hmgcn_test.parquet")
    history = pd.concat([pairs(folder / name, "board", "pin") for name in names]).drop_duplicates()
    withheld = pairs(folder / "pinterest20_ncf_test.parquet", "board", "pin").merge(history)
    rest = history.merge(withheld, how="left", indicator=True).query("_merge == 'left_only'")[["user", "item"]]
    return among_negatives(split_task(rest, withheld, may_repeat=False))


def among_negatives(task: Task) -> Task:
    """Each subject's only relevant item among items that it neither had nor wants, evenly drawn."""
    wanted = np.diff(task.relevant.indptr)
    judged = np.flatnonzero(wanted == 1)
    task = task.of(judged)
    held = task.subjects.pairs()
    given = np.empty((len(judged), NEGATIVES + 1), np.int32)
    for row in range(len(judged)):
        own = held.indices[held.indptr[row] : held.indptr[row + 1]]
        barred = np.append(own, task.relevant.indices[row])
        random = np.random.default_rng([CHOICE_SEED, int(judged[row])])
        drawn = random.choice(task.items, NEGATIVES + len(barred), replace=False)
        given[row, 0] = task.relevant.indices[row]
        given[row, 1:] = drawn[~np.isin(drawn, barred)][:NEGATIVES]
    starts = np.arange(len(judged) + 1, dtype=np.int64) * (NEGATIVES + 1)
    asked = CandidateSet(starts, np.sort(given, axis=1).ravel())
    return Task(task.items, task.train, task.subjects, task.own_rows, task.relevant, task.masked, asked)


def movielens(folder: Path, fold: int) -> Task:
    """Ratings of 4 and 5, 10-core, minus the fold's pairs."""
    rated = pd.read_parquet(folder / "ml1m_ratings_no_ts.parquet").query("rating >= 4")[["user", "item"]]
    while True:
        kept = rated[rated.groupby("user")["item"].transform("size") >= 10]
        kept = kept[kept.groupby("item")["user"].transform("size") >= 10]
        if len(kept) == len(rated):
            break
        rated = kept
    folds = pd.read_parquet(folder / "ml1m_topn_test_folds.parquet").query(f"fold == {fold}")[["user", "item"]]
    test = folds.merge(rated)
    train = rated.merge(test, how="left", indicator=True).query("_merge == 'left_only'")[["user", "item"]]
    return split_task(train, test, may_repeat=False)


def playlists(folder: Path) -> Task:
    """The last 20 % of each playlist of at least 10 songs; a song that a list names again counts once, where it is first."""
    rows = pd.read_parquet(folder / "aotm_user_list_item.parquet").sort_values(["list", "pos"])
    length = rows.groupby("list")["item"].transform("size")
    position = rows.groupby("list").cumcount()
    late = (length >= 10) & (position >= length - length // 5)
    frame = rows.set_axis(["creator", "user", "item", "order"], axis=1)[["user", "item", "order"]]
    return split_task(frame[~late], frame[late], may_repeat=False)


def amazon(folder: Path, name: str, *, refit: bool) -> Task:
    """Leave-one-out: the last item is looked for, the history holds all before it; sources learn from all but the last two."""
    rows = pd.read_parquet(folder / f"s3rec_{name}.parquet").rename(columns={"pos": "order"})
    from_end = rows.groupby("user")["order"].transform("max") - rows["order"]
    history = rows[from_end >= 1]
    train = history if refit else rows[from_end >= 2]
    return split_task(train, rows[from_end == 0], may_repeat=False, shown=history)


def grocery(folder: Path) -> Task:
    """Ta-Feng: each user's last basket from those before."""
    history = pd.read_parquet(folder / "tafeng_history.parquet").rename(columns={"basket": "order"})
    future = pd.read_parquet(folder / "tafeng_future.parquet")
    return split_task(history, future, may_repeat=True)


def prefixes(events: Sequences, train: Sequences, items: int) -> Task:
    """Every next event of each sequence from what came before it; items that `train` does not know are left out first."""
    known = np.bincount(train.items, minlength=items) > 0
    events = events.where(known[events.items])
    owners = events.owners
    positions = np.arange(len(owners)) - events.starts[owners]
    targets = np.flatnonzero(positions > 0)
    lengths = positions[targets]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    within = (
        np.arange(starts[-1]) - np.repeat(starts[:-1], lengths) + np.repeat(events.starts[owners[targets]], lengths)
    )
    subjects = Sequences(starts, events.items[within], events.orders[within])
    relevant = Rows(np.arange(len(targets) + 1), events.items[targets])
    nobody = np.full(len(targets), -1, np.int32)
    return Task(items, train, subjects, nobody, relevant, masked=False)


def clicks(folder: Path) -> Task:
    """Yoochoose 1/64: every next click of a test session; items of its prefix may be given again, unknown items are dropped."""
    train, test = (pd.read_parquet(folder / f"yoochoose64_{part}.parquet") for part in ("train", "test"))
    (train_item, test_item), items = numbered(train["ItemId"], test["ItemId"])
    parts = []
    for frame, item in ((train, train_item), (test, test_item)):
        (session,), sessions = numbered(frame["SessionId"])
        parts.append(sequences_of(session, item, frame["Time"].to_numpy(np.float64), sessions))
    return prefixes(parts[1], parts[0], items)


def withhold_sessions(task: Task) -> Task:
    """The newest sessions of the training part, as the test has them."""
    last = task.train.orders[task.train.starts[1:] - 1]
    newest = np.argsort(last, kind="stable")[-int(len(last) * LAST_SESSIONS) :]
    late = np.zeros(task.train.size, bool)
    late[newest] = True
    return prefixes(task.train.of(np.flatnonzero(late)), task.train.of(np.flatnonzero(~late)), task.items)


def _fifth(task: Task) -> Withhold:
    return partial(withhold_drawn, share=0.2)


def _one_among_negatives(task: Task) -> Withhold:
    return lambda outer: among_negatives(withhold_drawn(outer, None))


def _last_fifth(task: Task) -> Withhold:
    return partial(withhold_last, share=0.2)


def _sessions(task: Task) -> Withhold:
    return withhold_sessions


def _folds(fold: int, wanted: float) -> BlendCell:
    return BlendCell(
        f"MovieLens 1M, ratings >= 4, 10-core, fold {fold} of Anelli et al. (UMAP 2022), full ranking",
        ("ml1m_ratings_no_ts.parquet", "ml1m_topn_test_folds.parquet"),
        partial(movielens, fold=fold),
        _fifth,
        LearnedBlendConfig(k=10, objective="ndcg"),
        ("ndcg",),
        {"ndcg": wanted},
    )


def _reviews(name: str, recall: float, ndcg: float, *, refit: bool = False) -> BlendCell:
    learned = "train and the validation item" if refit else "train only"
    return BlendCell(
        f"Amazon {name} (S3-Rec), leave-one-out, full ranking, history masked, learned from {learned}",
        (f"s3rec_{name}.parquet",),
        partial(amazon, name=name, refit=refit),
        cut_like,
        LearnedBlendConfig(k=10),
        ("recall", "ndcg"),
        {"recall": recall, "ndcg": ndcg},
    )


_BOARDS: Final = ("pinterest_hmgcn_train.parquet", "pinterest_hmgcn_test.parquet")
BLEND_CELLS: Final[Mapping[str, BlendCell]] = {
    "pinterest-split-blend": BlendCell(
        "Pinterest, published 80/20 split without repeated pairs, full ranking",
        _BOARDS,
        pinterest_split,
        _fifth,
        LearnedBlendConfig(k=20),
        ("recall", "ndcg"),
        {"recall": 0.160, "ndcg": 0.114},
    ),
    "pinterest-ncf-blend": BlendCell(
        "Pinterest, NCF leave-one-out: the withheld pin among 99 others (seeded), a withheld pin loses every tie",
        (*_BOARDS, "pinterest20_ncf_test.parquet"),
        pinterest_ncf,
        _one_among_negatives,
        LearnedBlendConfig(k=10, easy_share=1.0),
        ("hit_rate", "ndcg"),
        {"hit_rate": 0.890, "ndcg": 0.579},
    ),
    "ml1m-fold0-blend": _folds(0, 0.347),
    "ml1m-fold1-blend": _folds(1, 0.346),
    "aotm-blend": BlendCell(
        "Art of the Mix, the last 20 % of each playlist of at least 10 songs, full ranking",
        ("aotm_user_list_item.parquet",),
        playlists,
        _last_fifth,
        LearnedBlendConfig(k=100, objective="recall"),
        ("recall",),
    ),
    "beauty-blend": _reviews("beauty", 0.090, 0.054),
    "toys-blend": _reviews("toys", 0.100, 0.063),
    "beauty-refit-blend": _reviews("beauty", 0.098, 0.061, refit=True),
    "toys-refit-blend": _reviews("toys", 0.115, 0.072, refit=True),
    "yoochoose-blend": BlendCell(
        "Yoochoose 1/64, every next click of a test session; items of the prefix may come again, unknown items are dropped",
        ("yoochoose64_train.parquet", "yoochoose64_test.parquet"),
        clicks,
        _sessions,
        LearnedBlendConfig(k=20),
        ("hit_rate", "mrr"),
        {"hit_rate": 0.630, "mrr": 0.290},
    ),
    "tafeng-blend": BlendCell(
        "Ta-Feng, the last basket of every user, full ranking, repeats allowed",
        ("tafeng_history.parquet", "tafeng_future.parquet"),
        grocery,
        cut_like,
        LearnedBlendConfig(k=10),
        ("recall", "ndcg"),
        {"recall": 0.145, "ndcg": 0.132},
    ),
}
