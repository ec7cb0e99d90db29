"""One set of candidates for all sources: each proposes, then each scores what any of them proposed.

Sources that multiply matrices take some hundred subjects at once, those that count some dozens, whose dense rows then stay in
cache from proposing to scoring. The sizes change the time only: every answer depends on its subject alone.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.candidates import union_of
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch

# What a matrix product checks and measures of all items, it does once for so many.
WIDE_SUBJECTS: Final = 1024
NARROW_SUBJECTS: Final = 32


@dataclass(frozen=True)
class ScoredBlock:
    """Some consecutive subjects with their candidates.

    Attributes:
        first: index of the first one in the batch.
        batch: these subjects.
        candidates: what is scored.
        scores: (sources, candidates) float32, one row per source in the order of the scorers, NaN where it cannot say.
        prepared: what each scorer made of the block, for its `explain`.
        proposals: (proposing sources, subjects, count) int32, -1 behind the last; empty where candidates were given.
    """

    first: int
    batch: SubjectBatch
    candidates: CandidateSet
    scores: NDArray[np.float32]
    prepared: Mapping[str, Any]
    proposals: NDArray[np.int32]


def score_together(
    scorers: Mapping[str, Scorer[Any]],
    batch: SubjectBatch,
    count: int,
    eligible: NDArray[np.uint8],
    proposing: Collection[str] | None = None,
    wide_subjects: int = WIDE_SUBJECTS,
    narrow_subjects: int = NARROW_SUBJECTS,
) -> Iterator[ScoredBlock]:
    """Propose, unite, score: the subjects of a batch block by block, in their order.

    Args:
        scorers: by name.
        batch: subjects.
        count: longest list that a source proposes.
        eligible: (items,) uint8, 1 where an item may be proposed.
        proposing: names of those that propose; None: all. The others only score.
        wide_subjects: subjects that wide scorers take at once.
        narrow_subjects: subjects that the others take at once.

    Raises:
        ValueError: no scorer, or a proposing one that is not among the scorers.
    """
    chosen = list(scorers) if proposing is None else [name for name in scorers if name in proposing]
    unknown = sorted(set(proposing or ()) - set(scorers))
    if not chosen or unknown:
        raise ValueError(
            f"sources {', '.join(unknown) or 'none'} should propose, there are {', '.join(scorers) or 'none'}; "
            "next: name sources that there are"
        )
    for start in range(0, batch.size, wide_subjects):
        some = batch.slice(start, min(start + wide_subjects, batch.size))
        ready = {name: scorer.prepare(some) for name, scorer in scorers.items() if scorer.wide}
        proposed = {name: scorers[name].propose(some, ready[name], count, eligible) for name in chosen if name in ready}
        for first in range(0, some.size, narrow_subjects):
            last = min(first + narrow_subjects, some.size)
            few = some.slice(first, last)
            prepared = {
                name: ready[name][first:last] if scorer.wide else scorer.prepare(few)
                for name, scorer in scorers.items()
            }
            proposals = np.stack(
                [
                    proposed[name][first:last]
                    if name in proposed
                    else scorers[name].propose(few, prepared[name], count, eligible)
                    for name in chosen
                ]
            )
            candidates = CandidateSet(*union_of(proposals))
            scores = _scores(scorers, few, prepared, candidates)
            yield ScoredBlock(start + first, few, candidates, scores, prepared, proposals)


def score_given(
    scorers: Mapping[str, Scorer[Any]],
    batch: SubjectBatch,
    candidates: CandidateSet,
    subjects: int = NARROW_SUBJECTS,
) -> Iterator[ScoredBlock]:
    """As `score_together`, for candidates that somebody else chose."""
    for first in range(0, batch.size, subjects):
        last = min(first + subjects, batch.size)
        few, asked = batch.slice(first, last), candidates.slice(first, last)
        prepared = {name: scorer.prepare(few) for name, scorer in scorers.items()}
        nothing = np.empty((0, few.size, 0), np.int32)
        yield ScoredBlock(first, few, asked, _scores(scorers, few, prepared, asked), prepared, nothing)


def _scores(
    scorers: Mapping[str, Scorer[Any]], batch: SubjectBatch, prepared: Mapping[str, Any], candidates: CandidateSet
) -> NDArray[np.float32]:
    scores = np.empty((len(scorers), len(candidates.items)), np.float32)
    for row, (name, scorer) in enumerate(scorers.items()):
        scores[row] = scorer.score(batch, prepared[name], candidates)
    return scores
