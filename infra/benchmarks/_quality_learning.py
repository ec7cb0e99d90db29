"""Settings and a blend chosen on a cut of the training part, then measured once on the test part: one procedure for any set."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.benchmarks._quality_sources import FAMILIES, Fitted, Setting, wider
from infra.benchmarks._quality_tasks import Task, Withhold, batch_of
from shortlist.blending.blended import block_features
from shortlist.blending.blends import Blend
from shortlist.blending.choice import Choice, choose_blend
from shortlist.blending.examples import Examples, examples_of, halves, pooled
from shortlist.config.blends import LearnedBlendConfig
from shortlist.kernels.ranking import cut_lists
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.common_set import ScoredBlock, score_given, score_together

# Subjects that settings are compared on, and that a blend is learned from.
TUNED_ON: Final = 3000
LEARNED_FROM: Final = 12_000
PROPOSALS: Final = 100
HALVES_SEED: Final = 11


@dataclass(frozen=True)
class Chosen:
    """What the training part decided.

    Attributes:
        settings: source -> its settings.
        alone: source -> objective of its own lists on the cut.
        choice: of the blend.
    """

    settings: Mapping[str, Setting]
    alone: Mapping[str, float]
    choice: Choice


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def choose(task: Task, withhold: Withhold, config: LearnedBlendConfig) -> Chosen:
    """Settings of every source, then the blend, on a cut of the training part; nothing of the test part is looked at."""
    inner = withhold(task)
    fitted = Fitted(inner)
    settings, alone = choose_settings(fitted, inner.some(TUNED_ON, 1), config)
    learned = inner.some(LEARNED_FROM, 2)
    found = examples(fitted, settings, learned, config)
    first, second = halves(found, HALVES_SEED)
    choice = choose_blend([first], second, config)
    say(f"  {choice.reason}; {choice.judged}")
    return Chosen(settings, alone, choice)


def choose_settings(
    fitted: Fitted, judged: Task, config: LearnedBlendConfig
) -> tuple[dict[str, Setting], dict[str, float]]:
    """For each source that makes sense on the set the settings whose own lists are best."""
    settings: dict[str, Setting] = {}
    alone: dict[str, float] = {}
    for name, family in FAMILIES.items():
        if (family.needs == "order" and not judged.train.ordered) or (family.needs == "repeats" and judged.masked):
            continue
        grid = wider(settings["als"]) if name == "als_wide" else family.grid
        for setting in grid:
            started = time.perf_counter()
            value = own_value(fitted, name, setting, judged, config)
            say(f"  {name:20} {setting!s:40} {value:.4f}  {time.perf_counter() - started:.0f} s")
            if name not in alone or value > alone[name]:
                alone[name], settings[name] = value, setting
    return settings, alone


def own_value(fitted: Fitted, name: str, setting: Setting, judged: Task, config: LearnedBlendConfig) -> float:
    """The objective of a source's own lists, given or proposed."""
    lists = top_lists(list(blocks(fitted, {name: setting}, judged, config.k)), None, judged, config.k)
    found = figures(lists, judged, config.k)
    parts = {"recall": ("recall_capped",), "ndcg": ("ndcg",), "both": ("recall_capped", "ndcg")}[config.objective]
    return float(np.mean([found[part].mean() for part in parts]))


def blocks(
    fitted: Fitted, settings: Mapping[str, Setting], task: Task, count: int, batch: SubjectBatch | None = None
) -> Iterator[ScoredBlock]:
    """The pass over all subjects of a task. Sources with samples of their own are given where each subject is in theirs."""
    scorers = scorers_of(fitted, settings, task)
    subjects = batch_of(task) if batch is None else batch
    passed = (
        score_together(scorers, subjects, count, task.eligible)
        if task.given is None
        else score_given(scorers, subjects, task.given)
    )
    # What scorers prepared holds a row of all items per subject, and nothing is explained here.
    return (replace(block, prepared={}) for block in passed)


class InSample:
    """A scorer that looks up its subjects in its own sample: two sources have two samples, a batch has one column."""

    def __init__(self, scorer: Scorer[object], rows: NDArray[np.int32]) -> None:
        self.wide = scorer.wide
        self._scorer = scorer
        self._rows = rows

    def _placed(self, batch: SubjectBatch) -> SubjectBatch:
        own = batch.sample_rows
        known = np.where(own >= 0, self._rows[np.maximum(own, 0)], -1).astype(np.int32)
        return replace(batch, sample_rows=known)

    def prepare(self, batch: SubjectBatch) -> object:
        """As the scorer does."""
        return self._scorer.prepare(self._placed(batch))

    def propose(
        self, batch: SubjectBatch, prepared: object, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """As the scorer does."""
        return self._scorer.propose(self._placed(batch), prepared, count, eligible)

    def score(self, batch: SubjectBatch, prepared: object, candidates: CandidateSet) -> NDArray[np.float32]:
        """As the scorer does."""
        return self._scorer.score(self._placed(batch), prepared, candidates)

    def explain(self, batch: SubjectBatch, prepared: object, chosen: CandidateSet) -> NDArray[np.int32]:
        """As the scorer does."""
        return self._scorer.explain(self._placed(batch), prepared, chosen)


def scorers_of(fitted: Fitted, settings: Mapping[str, Setting], task: Task) -> dict[str, Scorer[object]]:
    """Sources by name."""
    scorers: dict[str, Scorer[object]] = {}
    for name, setting in settings.items():
        sampled = fitted.of(name, setting)
        scorers[name] = sampled.scorer if sampled.rows is None else InSample(sampled.scorer, sampled.rows)
    return scorers


def log_popularity(fitted: Fitted) -> NDArray[np.float32]:
    """ln(1 + subjects) of each item."""
    values: NDArray[np.float32] = np.log1p(fitted.degrees).astype(np.float32)
    return values


def examples(fitted: Fitted, settings: Mapping[str, Setting], task: Task, config: LearnedBlendConfig) -> Examples:
    """Labelled candidates of all subjects of a task."""
    parts, popular = [], log_popularity(fitted)
    for block in blocks(fitted, settings, task, PROPOSALS):
        wanted = task.wanted(block.first, block.batch.size)
        features = block_features(block, tuple(settings), popular)
        parts.append(examples_of(features, block.candidates.items, wanted, fitted.degrees, config))
    return pooled(parts)


def top_lists(
    found: list[ScoredBlock], ranking: list[NDArray[np.float32]] | None, task: Task, k: int
) -> NDArray[np.int32]:
    """(n, k) items, -1 behind the last, by the scores of a blend or of the only source.

    Where candidates were given, a relevant one comes after others of the same score.
    """
    lists = np.full((task.subjects.size, k), -1, np.int32)
    for number, block in enumerate(found):
        scores = np.nan_to_num(block.scores[0], nan=-1e30) if ranking is None else ranking[number]
        starts, items = block.candidates.starts, block.candidates.items
        subjects = np.arange(block.first, block.first + block.batch.size)
        order = np.arange(len(items))
        if task.given is not None:
            owners = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
            wanted = task.wanted(block.first, block.batch.size)
            last = np.isin(owners * task.items + items, wanted_pairs(wanted, task.items))
            order = np.lexsort((items, last, owners))
        listed = cut_lists(starts, scores[order], k).listed
        lists[subjects] = np.where(listed >= 0, items[order][np.maximum(listed, 0)] if len(items) else -1, -1)
    return lists


def wanted_pairs(wanted: tuple[NDArray[np.int64], NDArray[np.int32]], width: int) -> NDArray[np.int64]:
    """One number for each (subject, relevant item)."""
    starts, items = wanted
    pairs: NDArray[np.int64] = np.repeat(np.arange(len(starts) - 1), np.diff(starts)) * width + items
    return pairs


def figures(lists: NDArray[np.int32], task: Task, k: int) -> dict[str, NDArray[np.float64]]:
    """Each metric for each subject with something relevant; definitions as in shortlist.metrics.

    `recall_had` counts only relevant items that the subject had before, `recall_new` only those that it had not; NaN for a
    subject that wants none of the kind.
    """
    pairs = np.arange(len(lists))[:, None] * task.items + lists
    asked, had = (wanted_pairs(rows, task.items) for rows in (task.relevant, task.subjects.pairs()))
    hits = (lists >= 0) & np.isin(pairs, asked)
    wanted = np.diff(task.relevant.indptr)
    judged = wanted > 0
    of_had = np.bincount(asked[np.isin(asked, had)] // task.items, minlength=len(lists))[judged]
    hits_had = (hits & np.isin(pairs, had))[judged][:, :k].sum(axis=1)
    hits, wanted = hits[judged][:, :k], wanted[judged]
    discounts = 1.0 / np.log2(np.arange(k) + 2.0)
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))[np.minimum(wanted, k)]
    first = np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)
    count = hits.sum(axis=1)
    return {
        "recall": count / wanted,
        "recall_capped": count / np.minimum(wanted, k),
        "ndcg": (hits * discounts).sum(axis=1) / ideal,
        "hit_rate": (count > 0).astype(np.float64),
        "mrr": first,
        "recall_had": _shares(hits_had, of_had),
        "recall_new": _shares(count - hits_had, wanted - of_had),
    }


def _shares(hits: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """hits / wanted, NaN where nothing is wanted."""
    shares: NDArray[np.float64] = np.divide(hits, wanted, out=np.full(len(hits), np.nan), where=wanted > 0)
    return shares


@dataclass(frozen=True)
class Result:
    """Figures of the test part.

    Attributes:
        values: method -> metric -> a value for each subject with something relevant.
        chosen: what the training part decided.
        seconds: of the pass over the test part, with the blend.
    """

    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    chosen: Chosen
    seconds: float


def measure(task: Task, withhold: Withhold, config: LearnedBlendConfig) -> Result:
    """Choose on the training part, fit again on all of it, look at the test part once."""
    chosen = choose(task, withhold, config)
    fitted = Fitted(task)
    scorers_of(fitted, chosen.settings, task)
    started = time.perf_counter()
    found = list(blocks(fitted, chosen.settings, task, PROPOSALS))
    blended = [predicted(block, chosen, fitted) for block in found]
    seconds = time.perf_counter() - started
    values = {"blend": figures(top_lists(found, blended, task, config.k), task, config.k)}
    for row, name in enumerate(chosen.settings):
        single = [np.nan_to_num(block.scores[row], nan=-1e30) for block in found]
        values[name] = figures(top_lists(found, single, task, config.k), task, config.k)
    return Result(values, chosen, seconds)


def predicted(block: ScoredBlock, chosen: Chosen, fitted: Fitted) -> NDArray[np.float32]:
    """The blend's scores of a block."""
    blend: Blend = chosen.choice.blend
    with_ranks = chosen.choice.kind in ("logistic", "trees")
    return blend.predict(block_features(block, tuple(chosen.settings), log_popularity(fitted), with_ranks=with_ranks))
