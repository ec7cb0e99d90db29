"""A method's figures on a cell: fitted, ranked and scored by the project's own models and metrics; and methods in pairs."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from infra.benchmarks._quality_cells import Cell
from infra.benchmarks._quality_methods import Settings, fitted, rank_candidates, top_lists
from infra.benchmarks._quality_protocols import SEEN, Split, draw_negatives
from shortlist.columns import CI_HIGH, CI_LOW, ITEM_ID, METRIC, SUBJECT_ID, SUBJECTS, USER_ID, VALUE
from shortlist.config import AlsConfig, CooccurrenceConfig
from shortlist.metrics.intervals import paired_difference, summarize
from shortlist.metrics.ranking import score_lists, subjects_without_list

# Of the bootstrap.
DRAW_SEED: Final = 7


@dataclass(frozen=True)
class Measured:
    """A method's mean of one metric on one cell.

    Attributes:
        cell: name.
        method: name.
        settings: in the words of the papers.
        seed: of the first vectors and of the negatives.
        metric: name and cut-off.
        value: mean over subjects.
        low: of the 95 % interval.
        high: likewise.
        subjects: with something withheld.
        without_list: of them, those that the model could not serve; they count 0.
        published: as the papers or earlier runs have it.
        wanted: what ours must reach.
        seconds: to fit, rank and score, one for all metrics.
    """

    cell: str
    method: str
    settings: str
    seed: int
    metric: str
    value: float
    low: float
    high: float
    subjects: int
    without_list: int
    published: float | None
    wanted: float | None
    seconds: float


@dataclass(frozen=True)
class Paired:
    """The mean difference of two methods, or of two settings, on the same subjects.

    Attributes:
        cell: name.
        left: what is compared.
        right: what it is compared with.
        metric: name and cut-off.
        value: mean of left - right.
        low: of the 95 % interval.
        high: likewise.
    """

    cell: str
    left: str
    right: str
    metric: str
    value: float
    low: float
    high: float


def scored(
    cell: Cell, split: Split, methods: Mapping[str, Settings], seed: int
) -> Iterator[tuple[list[Measured], DataFrame]]:
    """Fit, rank and score.

    Args:
        cell: protocol, cut-off, metrics.
        split: what is learned from and looked for.
        methods: name -> settings.
        seed: of the negatives.

    Yields:
        For each method its figures, one for each metric, and its values [subject_id, k, metric, value], persisted.
    """
    asked = tasks(cell, split, seed)
    for name, settings in methods.items():
        started = time.perf_counter()
        with fitted(split.train, settings) as model:
            ranked = rank_candidates(model, asked) if cell.negatives else top_lists(model, asked, cell.k)
            lists = ranked.persist()
            values = score_lists(lists, split.relevant, [cell.k]).where(F.col(METRIC).isin(*cell.metrics)).persist()
            means = {row[METRIC]: row for row in summarize(values, DRAW_SEED).collect()}
            without = subjects_without_list(lists, split.relevant).count()
            lists.unpersist()
        seconds = time.perf_counter() - started
        figures = [
            Measured(
                cell=cell.name,
                method=name,
                settings=describe_settings(settings),
                seed=seed,
                metric=f"{metric}@{cell.k}",
                value=means[metric][VALUE],
                low=means[metric][CI_LOW],
                high=means[metric][CI_HIGH],
                subjects=means[metric][SUBJECTS],
                without_list=without,
                published=cell.published[name][index] if name in cell.published else None,
                wanted=cell.wanted[name][index] if name in cell.wanted else None,
                seconds=seconds,
            )
            for index, metric in enumerate(cell.metrics)
        ]
        yield figures, values
    asked.unpersist()


def compared(cell: Cell, left: str, right: str, values: Mapping[str, DataFrame]) -> list[Paired]:
    """Two of the `values` that `scored` gave, subject by subject; one row for each metric."""
    rows = {row[METRIC]: row for row in paired_difference(values[left], values[right], DRAW_SEED).collect()}
    return [
        Paired(
            cell.name,
            left,
            right,
            f"{metric}@{cell.k}",
            rows[metric][VALUE],
            rows[metric][CI_LOW],
            rows[metric][CI_HIGH],
        )
        for metric in cell.metrics
    ]


def tasks(cell: Cell, split: Split, seed: int) -> DataFrame:
    """Who is ranked for, persisted: subject_id, item_id, negatives for a cell with negatives, else subject_id, seen."""
    held = split.train.select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID)
    if cell.negatives:
        history = held.unionByName(split.relevant).withColumnRenamed(SUBJECT_ID, USER_ID)
        catalogue = history if cell.catalogue is None else cell.catalogue(held.sparkSession)
        return draw_negatives(split.relevant, history, catalogue, cell.negatives, seed).persist()
    wanted = split.relevant.select(SUBJECT_ID).distinct()
    seen = held.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(ITEM_ID)).alias(SEEN))
    return wanted.join(seen, SUBJECT_ID, how="left").persist()


def with_seed(settings: Settings, seed: int, engine: str) -> Settings:
    """ALS with a seed and an engine; the others have neither."""
    if isinstance(settings, AlsConfig):
        return AlsConfig.model_validate(settings.model_dump() | {"seed": seed, "engine": engine})
    return settings


def describe_settings(settings: Settings) -> str:
    """Settings in the words of the papers."""
    match settings:
        case AlsConfig():
            return (
                f"d {settings.factors}, reg {settings.regularization:g}, a0 {1 / settings.alpha:.4g}, "
                f"nu {settings.nu:g}, {settings.epochs} epochs"
            )
        case CooccurrenceConfig(measures=(measure, *_)):
            power = f", alpha {settings.alpha:g}, beta {settings.beta:g}" if measure == "rp3beta" else ""
            return f"{measure}, {settings.neighbours} neighbours{power}"
        case _:
            return "nothing to set"
