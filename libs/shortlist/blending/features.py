"""What a blend knows of a candidate: standard scores and ranks of each source, how the sources agree, item and subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import finite, require_shape
from shortlist.kernels.ranking import standard_scores, tied_ranks

BEST_RANK: Final = "best_log_rank"
# Ranks beyond it are as good as equal. A table, so that a logarithm does not depend on where its number lies in an array.
_LOGS: Final = np.log1p(np.arange(1 << 16)).astype(np.float32)
_SMOOTHING: Final = 60


@dataclass(frozen=True)
class Features:
    """Features of the candidates of n subjects.

    Attributes:
        sources: names of the sources; row s of `values` is the standard score of source s.
        names: one per row of `values`.
        starts: (n + 1,) int64, where the candidates of each subject begin.
        values: (features, candidates) float32, finite.
    """

    sources: tuple[str, ...]
    names: tuple[str, ...]
    starts: NDArray[np.int64]
    values: NDArray[np.float32]

    @property
    def standard(self) -> NDArray[np.float32]:
        """(sources, candidates) standard scores."""
        return self.values[: len(self.sources)]

    def row(self, name: str) -> NDArray[np.float32]:
        """One feature of all candidates."""
        values: NDArray[np.float32] = self.values[self.names.index(name)]
        return values


def features_of(
    sources: Sequence[str],
    starts: NDArray[np.int64],
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    of_items: Mapping[str, NDArray[np.float32]],
    of_subjects: Mapping[str, NDArray[np.float32]],
    *,
    with_ranks: bool = True,
) -> Features:
    """Features of candidates; nothing depends on their order, nor on how subjects are cut into blocks.

    A source's standard score is 0 where it cannot say, its rank the last one. Equal scores share the best rank.

    Args:
        sources: one name per row of scores.
        starts: (n + 1,) where the candidates of each subject begin.
        items: (candidates,) item indices.
        scores: (sources, candidates), NaN where a source cannot say.
        of_items: name -> (items,), such as log popularity; finite.
        of_subjects: name -> (n,), such as log activity; finite.
        with_ranks: False leaves out all but the standard scores, which is all that a `z_sum` reads.

    Raises:
        ValueError: values that are not finite, or shapes that do not fit.
    """
    require_shape(scores, (len(sources), len(items)), "scores")
    standard = standard_scores(starts, scores)
    if not with_ranks:
        return Features(tuple(sources), _standard_names(sources), starts, standard)
    ranks = np.minimum(tied_ranks(starts, scores), len(_LOGS) - 1)
    lengths = np.diff(starts)
    rows = [
        *standard,
        *_LOGS[ranks],
        _LOGS[ranks.min(axis=0)],
        (ranks < 20).sum(axis=0),
        (ranks < 100).sum(axis=0),
        (1.0 / (_SMOOTHING + ranks)).sum(axis=0),
    ]
    for name, of_item in of_items.items():
        rows.append(finite(of_item, f"item feature {name}")[items])
    for name, of_subject in of_subjects.items():
        known = finite(of_subject, f"subject feature {name}")
        require_shape(known, lengths.shape, f"subject feature {name}")
        rows.append(np.repeat(known, lengths))
    values = np.empty((len(rows), len(items)), np.float32)
    for position, row in enumerate(rows):
        values[position] = row
    return Features(tuple(sources), feature_names(sources, of_items, of_subjects), starts, values)


def feature_names(
    sources: Sequence[str],
    of_items: Sequence[str] | Mapping[str, object],
    of_subjects: Sequence[str] | Mapping[str, object],
) -> tuple[str, ...]:
    """The names of all features, in their order."""
    return (
        *_standard_names(sources),
        *(f"log_rank_{name}" for name in sources),
        BEST_RANK,
        "sources_in_top_20",
        "sources_in_top_100",
        "reciprocal_ranks",
        *of_items,
        *of_subjects,
    )


def _standard_names(sources: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"z_{name}" for name in sources)


def joined(parts: Sequence[Features]) -> Features:
    """Features of several blocks or cuts, one after the other.

    Raises:
        ValueError: parts with other features.
    """
    if not parts:
        raise ValueError("no features to join; next: pass at least one block")
    first = parts[0]
    for part in parts:
        if (part.sources, part.names) != (first.sources, first.names):
            raise ValueError(
                f"features {', '.join(part.names)} cannot follow {', '.join(first.names)}; "
                "next: make all blocks from the same sources"
            )
    ends = np.cumsum([0, *(part.starts[-1] for part in parts)])
    starts = [part.starts[1:] + end for part, end in zip(parts, ends, strict=False)]
    return Features(
        first.sources,
        first.names,
        np.concatenate([np.zeros(1, np.int64), *starts]),
        np.concatenate([part.values for part in parts], axis=1),
    )
