"""The sources of the blend on a set: how each is fitted on a training part, and which settings are compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infra.benchmarks._quality_tasks import Sequences, Task
from shortlist.config import AlsConfig
from shortlist.config.sources import (
    AlsSourceConfig,
    NeighbourListsSourceConfig,
    RepeatSourceConfig,
    SessionNeighboursSourceConfig,
    SessionNextSourceConfig,
    SpectralSourceConfig,
    UserNeighboursSourceConfig,
)
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import cooccur
from shortlist.kernels.ials import fit_ials
from shortlist.kernels.observations import observe
from shortlist.kernels.starting import chances
from shortlist.sources.batch import Scorer
from shortlist.sources.fold_in import FoldInScorer
from shortlist.sources.inputs import FoldIn
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer
from shortlist.sources.repeat import repeat_scorer
from shortlist.sources.session_neighbours import SessionNeighboursScorer, session_sample
from shortlist.sources.session_next import SessionNextScorer, fit_followers
from shortlist.sources.spectral import SpectralScorer, fit_spectral, spectral_arrays
from shortlist.sources.user_neighbours import UserNeighboursScorer, user_sample

SEED: Final = 7
EPOCHS: Final = 12
Setting = tuple[Any, ...]


@dataclass(frozen=True)
class Sampled:
    """A scorer over a sample of training subjects, and where each of them is in it.

    Attributes:
        scorer: fitted.
        rows: (training subjects,) int32, -1 for those that are not in the sample; None: there is no sample.
    """

    scorer: Scorer[Any]
    rows: NDArray[np.int32] | None = None


class Fitted:
    """Sources fitted on one training part, each once."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.pairs: Rows = task.train.pairs()
        self.degrees: NDArray[np.int64] = np.bincount(self.pairs.indices, minlength=task.items)
        self._spectral = cache(self._fit_spectral)
        self._lists = cache(self._fit_lists)
        self.of: Callable[[str, Setting], Sampled] = cache(self._fit)

    def _fit(self, name: str, setting: Setting) -> Sampled:
        return FAMILIES[name].fit(self, *setting)

    def _fit_spectral(self, factors: int) -> NDArray[np.float32]:
        return fit_spectral(self.pairs, self.task.items, SpectralSourceConfig(factors=factors))

    def _fit_lists(self, measure: str, neighbours: int, alpha: float, beta: float) -> NeighbourLists:
        found = cooccur(self.pairs, self.task.items, [measure], neighbours, alpha=alpha, beta=beta)
        return NeighbourLists.padded(found.items[0], found.scores[0])


def als(fitted: Fitted, factors: int, regularization: float, unobserved_weight: float) -> Sampled:
    """iALS, folded in."""
    model = fit_ials(
        observe(fitted.pairs, np.ones(len(fitted.pairs.indices)), fitted.task.items),
        fitted.task.items,
        factors=factors,
        regularization=regularization,
        unobserved_weight=unobserved_weight,
        epochs=EPOCHS,
        seed=SEED,
        threads=1,
    )
    settings = AlsConfig(factors=factors, regularization=regularization, alpha=1.0 / unobserved_weight, epochs=EPOCHS)
    return Sampled(FoldInScorer(FoldIn.of(model.item_factors, settings).arrays, settings, AlsSourceConfig()))


def walk(fitted: Fitted, measure: str, neighbours: int, alpha: float, beta: float) -> Sampled:
    """Neighbours by a random walk or cosine, all of a history voting."""
    lists = fitted._lists(measure, neighbours, alpha, beta)
    return Sampled(NeighbourListsScorer(lists, NeighbourListsSourceConfig(seeds=10**6)))


def spectral(fitted: Fitted, factors: int, kept: int, popularity: float) -> Sampled:
    """The first vectors of one basis."""
    settings = SpectralSourceConfig(factors=factors, popularity=popularity)
    basis = np.ascontiguousarray(fitted._spectral(factors)[:, :kept])
    return Sampled(SpectralScorer(spectral_arrays(basis, fitted.degrees, settings), settings))


def users(fitted: Fitted, sample: int, nearest: int, discount: float) -> Sampled:
    """User neighbours over a seeded sample."""
    settings = UserNeighboursSourceConfig(sample_users=sample, nearest=nearest, discount=discount)
    train = Sequences(*fitted.pairs, np.zeros(len(fitted.pairs.indices)))
    drawn = np.sort(np.argsort(chances(np.arange(train.size), SEED), kind="stable")[:sample])
    chosen = train.of(drawn)
    rows = np.full(train.size, -1, np.int32)
    rows[drawn] = np.arange(len(drawn))
    return Sampled(UserNeighboursScorer(user_sample((chosen.starts, chosen.items), fitted.task.items), settings), rows)


def following(fitted: Fitted, decay: float, last: int, position_decay: float, beta: float) -> Sampled:
    """What follows: directed co-occurrence with distance decay, each sequence without repeats, frequent items held down."""
    settings = SessionNextSourceConfig(
        last=last, position_decay=position_decay, distance_decay=decay, discount=beta, neighbours=500
    )
    train = distinct_in_order(fitted.task.train)
    lists = fit_followers((train.starts, train.items), fitted.task.items, settings)
    return Sampled(SessionNextScorer(lists, settings))


def sessions(fitted: Fitted, nearest: int, position_decay: float, recency: float, distance_decay: float) -> Sampled:
    """Session neighbours: the training part is the sample, oldest first."""
    settings = SessionNeighboursSourceConfig(
        nearest=nearest, position_decay=position_decay, recency=recency, distance_decay=distance_decay
    )
    train = fitted.task.train
    filled = np.flatnonzero(np.diff(train.starts) > 0)
    # By their last event; where orders are positions and not times, recency says nothing and is 0 in the settings.
    order = filled[np.argsort(train.orders[train.starts[filled + 1] - 1], kind="stable")]
    chosen = train.of(order)
    rows = np.full(train.size, -1, np.int32)
    rows[order] = np.arange(len(order))
    return Sampled(
        SessionNeighboursScorer(session_sample((chosen.starts, chosen.items), fitted.task.items, settings), settings),
        rows,
    )


def popularity(fitted: Fitted) -> Sampled:
    """How many subjects had an item."""
    return Sampled(ItemValuesScorer(fitted.degrees.astype(np.float32)))


def repeat(fitted: Fitted) -> Sampled:
    """The subject's own decayed frequency."""
    return Sampled(repeat_scorer(fitted.task.items, RepeatSourceConfig(weight="frequency")))


def distinct_in_order(events: Sequences) -> Sequences:
    """Each item of a sequence once, where it was last."""
    reverse = np.arange(len(events.items))[::-1]
    width = int(events.items.max(initial=0)) + 1
    _, last = np.unique((events.owners * width + events.items)[reverse], return_index=True)
    kept = np.zeros(len(events.items), bool)
    kept[reverse[last]] = True
    return events.where(kept)


@dataclass(frozen=True)
class Family:
    """One source: how it is fitted, and the settings that are compared, the first one to begin with.

    Attributes:
        fit: on a training part.
        grid: settings.
        needs: "order" or "repeats", where it makes no sense otherwise.
    """

    fit: Callable[..., Sampled]
    grid: Sequence[Setting]
    needs: str = ""


_STRENGTHS: Final = ((0.01, 0.03), (0.003, 0.1), (0.01, 0.3), (0.02, 0.007), (0.03, 0.02), (0.003, 0.01))
_WALKS: Final = ((1.0, 0.2), (0.8, 0.4), (0.6, 0.45), (0.8, 0.7), (0.5, 0.2))
FAMILIES: Final[Mapping[str, Family]] = {
    "als": Family(als, [(64, *strengths) for strengths in _STRENGTHS]),
    # Around the best strengths of the narrow one; see `choose_settings`.
    "als_wide": Family(als, []),
    "rp3beta": Family(walk, [("rp3beta", 1000, *exponents) for exponents in _WALKS]),
    "cosine": Family(walk, [("cosine", neighbours, 1.0, 0.0) for neighbours in (200, 40)]),
    "spectral": Family(spectral, [(256, kept, power) for kept in (256, 128) for power in (0.5, 0.25, 0.0)]),
    "spectral_short": Family(spectral, [(256, 64, power) for power in (0.5, 0.25)]),
    "user_neighbours": Family(users, [(10_000, 400, 0.5), (10_000, 150, 0.5), (10_000, 400, 0.25)]),
    "session_next": Family(
        following,
        [(0.8, 5, 0.5, 0.0), (0.8, 50, 0.8, 0.0), (0.8, 50, 0.8, 0.3), (0.5, 5, 0.5, 0.3), (0.9, 50, 0.9, 0.3)],
        "order",
    ),
    "session_neighbours": Family(
        sessions, [(500, 0.55, 2.5, 0.74), (500, 0.8, 0.0, 0.9), (1500, 0.55, 0.0, 0.74)], "order"
    ),
    "repeat": Family(repeat, [()], "repeats"),
    "popularity": Family(popularity, [()]),
}


def wider(best: Setting) -> list[Setting]:
    """Settings of `als_wide` around the best ones of the narrow model: more factors want stronger regularisation, or less of it,
    or less weight on what nobody took."""
    _, regularization, unobserved_weight = best
    return [
        (192, regularization, unobserved_weight),
        (128, regularization * 2, unobserved_weight),
        (256, regularization / 2, unobserved_weight),
        (192, regularization * 2, unobserved_weight / 4),
    ]
