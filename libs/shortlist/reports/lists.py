"""What a day's published lists are made of: Polars frames in, plain records out; nothing is read here.

`lists` is always the rows of one surface and one day: [subject_id, rank, item_id, score, source, reason, ...].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

import polars as pl

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, RANK, SCORE, SOURCE, SUBJECT_ID
from shortlist.metrics.definitions import overlap

TEN = 10
"""The most named items of reasons are counted together."""

BARS = 50
"""Most columns of a chart over ranks; longer lists put several ranks into one column."""


@dataclass(frozen=True)
class SourceShare:
    """Rows of the lists that one source won."""

    source: str
    rows: int
    share: float


@dataclass(frozen=True)
class RankBand:
    """Neighbouring ranks: who fills them, and what scores they have.

    Attributes:
        first: First rank of the band.
        last: Last rank of the band.
        shares: Share of the band's rows by source.
        low: 10 % quantile of the scores.
        median: Their median.
        high: 90 % quantile.
    """

    first: int
    last: int
    shares: dict[str, float]
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class ListFacts:
    """One surface's lists of one day.

    Attributes:
        rows: Candidates.
        subjects: Lists.
        short: Lists with fewer than k candidates.
        shortest: Length of the shortest list.
        distinct_items: Different items shown.
        top_item: The item that most lists hold.
        top_item_lists: Share of the lists in which it stands.
        top_ten_lists: The same of the ten items that most lists hold, in the mean.
        shares: Sources by rows won, most first.
        bands: Along the ranks.
    """

    rows: int
    subjects: int
    short: int
    shortest: int
    distinct_items: int
    top_item: str
    top_item_lists: float
    top_ten_lists: float
    shares: tuple[SourceShare, ...]
    bands: tuple[RankBand, ...]


@dataclass(frozen=True)
class ReasonFacts:
    """What the reasons of a surface name; a reason that names what everybody takes says nothing about its subject.

    Attributes:
        named: Share of the candidates whose reason names an item of the subject's history.
        commonest: Share of the candidates whose reason names one of the ten items that are named most.
    """

    named: float
    commonest: float


@dataclass(frozen=True)
class Change:
    """How the lists differ from those of an earlier day.

    Attributes:
        since: The earlier day.
        subjects: Subjects with a list on both days.
        arrived: Subjects with a list only now.
        left: Subjects with a list only then.
        overlap: Mean over `subjects` of the items that both lists have, divided by the length of the longer one.
        tenths: How many of `subjects` have an overlap in each tenth, from [0, 0.1) to [0.9, 1].
    """

    since: date
    subjects: int
    arrived: int
    left: int
    overlap: float
    tenths: tuple[int, ...]


def describe_lists(lists: pl.DataFrame, k: int) -> ListFacts | None:
    """Counts, sources and scores of the lists, None when there is no row.

    Args:
        lists: [subject_id, rank, item_id, score, source].
        k: Length that a list should have.
    """
    if lists.is_empty():
        return None
    lengths = lists.group_by(SUBJECT_ID).len("length")["length"]
    shown = lists.group_by(ITEM_ID).agg(pl.col(SUBJECT_ID).n_unique().alias("lists"))
    top = shown.sort(["lists", ITEM_ID], descending=[True, False]).row(0)
    most = shown["lists"].sort(descending=True).head(TEN).to_list()
    by_source = lists.group_by(SOURCE).len("rows").sort(["rows", SOURCE], descending=[True, False])
    return ListFacts(
        rows=lists.height,
        subjects=len(lengths),
        short=int((lengths < k).sum()),
        shortest=int(lengths.sort()[0]),
        distinct_items=shown.height,
        top_item=str(top[0]),
        top_item_lists=top[1] / len(lengths),
        top_ten_lists=sum(most) / len(most) / len(lengths),
        shares=tuple(SourceShare(source, rows, rows / lists.height) for source, rows in by_source.rows()),
        bands=_bands(lists),
    )


def describe_reasons(counted: pl.DataFrame) -> ReasonFacts | None:
    """Shares of the items that reasons name, None when there is no row.

    Args:
        counted: [because_item_id (null for a reason without an item), rows], each id once.
    """
    rows = sum(counted["rows"].to_list())
    if not rows:
        return None
    named = counted.drop_nulls(BECAUSE_ITEM_ID)["rows"].sort(descending=True).to_list()
    return ReasonFacts(sum(named) / rows, sum(named[:TEN]) / rows)


def compare_lists(now: pl.DataFrame, then: pl.DataFrame, since: date) -> Change | None:
    """How today's lists differ from those of an earlier day, None when no subject has a list on both.

    Args:
        now: [subject_id, item_id].
        then: The same of the earlier day.
        since: The earlier day.
    """
    lengths = (
        now.group_by(SUBJECT_ID).len("now").join(then.group_by(SUBJECT_ID).len("then"), on=SUBJECT_ID, how="inner")
    )
    if lengths.is_empty():
        return None
    both = now.select(SUBJECT_ID, ITEM_ID).join(then.select(SUBJECT_ID, ITEM_ID), on=[SUBJECT_ID, ITEM_ID], how="inner")
    common = both.group_by(SUBJECT_ID).len("common")
    overlaps = lengths.join(common, on=SUBJECT_ID, how="left").select(
        overlap(pl.col("common").fill_null(0), pl.max_horizontal("now", "then")).alias("overlap")
    )["overlap"]
    counted = dict((overlaps * 10).floor().clip(0, 9).cast(pl.Int32).value_counts().rows())
    return Change(
        since=since,
        subjects=lengths.height,
        arrived=now[SUBJECT_ID].n_unique() - lengths.height,
        left=then[SUBJECT_ID].n_unique() - lengths.height,
        # Sorted first: the order of groups, and with it the last digits of a sum, is not fixed.
        overlap=float(overlaps.sort().sum()) / lengths.height,
        tenths=tuple(int(counted.get(tenth, 0)) for tenth in range(10)),
    )


def draw_subjects(subjects: Sequence[str], day: date, how_many: int) -> list[str]:
    """Subjects drawn by lot; the lot is seeded by the day, so that a page made again shows the same ones."""
    ordered = sorted(set(subjects))
    return sorted(Random(day.toordinal()).sample(ordered, min(how_many, len(ordered))))


def _bands(lists: pl.DataFrame) -> tuple[RankBand, ...]:
    longest = max(lists[RANK])
    step = -(-longest // BARS)
    banded = lists.with_columns(((pl.col(RANK) - 1) // step).alias("band"))
    scores = banded.group_by("band").agg(
        pl.col(SCORE).quantile(0.1).alias("low"),
        pl.col(SCORE).median().alias("median"),
        pl.col(SCORE).quantile(0.9).alias("high"),
        pl.len().alias("all_rows"),
    )
    won: dict[int, dict[str, int]] = {}
    for band, source, rows in banded.group_by("band", SOURCE).len("rows").sort("band", SOURCE).rows():
        won.setdefault(band, {})[source] = rows
    return tuple(
        RankBand(
            first=row["band"] * step + 1,
            last=min((row["band"] + 1) * step, longest),
            shares={source: rows / row["all_rows"] for source, rows in won[row["band"]].items()},
            low=row["low"],
            median=row["median"],
            high=row["high"],
        )
        for row in scores.sort("band").to_dicts()
    )
