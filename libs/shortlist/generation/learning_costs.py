"""What learning blends costs, from counts alone: training at earlier cuts, candidates of their subjects, fits.

Left out beside what `generation.costs` leaves out: interactions and baskets of the cuts, which are made before they are counted,
and who had something relevant afterwards, which is looked up in the events since.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from math import log2
from typing import Final

from shortlist.blending.blended import learned_features
from shortlist.blending.logistic import MOST_STEPS
from shortlist.blending.z_sum import STEPS
from shortlist.config import Settings, SurfaceConfig
from shortlist.config.blends import BlendKind, LearnedBlendConfig
from shortlist.generation.artefacts import trainers_of
from shortlist.generation.costs import Counts, candidate_count, preparing_cost, scoring_cost
from shortlist.generation.lists import needed_artefacts, sources_of
from shortlist.models.costs import BasketCounts, Cost, als_cost, cooccurrence_cost

# Copies of a surface's examples in the driver, beside those that were collected: the ones that teach, put together, and all of
# them; and what a fit makes of them.
_PUT_TOGETHER: Final = 2
_OF_A_FIT: Final[Mapping[BlendKind, int]] = {"logistic": 7, "trees": 2}


@dataclass(frozen=True)
class CutCounts:
    """What one cut is counted by.

    Attributes:
        counts: of its interactions, and of subjects.
        baskets: None where nothing that learns from the cut needs them.
    """

    counts: Counts
    baskets: BasketCounts | None = None


def _als(cut: CutCounts, settings: Settings) -> Cost:
    return als_cost(cut.counts.interactions, cut.counts.users, cut.counts.items, settings.als)


def _cooccurrence(cut: CutCounts, settings: Settings) -> Cost:
    return Cost() if cut.baskets is None else cooccurrence_cost(*cut.baskets, settings.cooccurrence)


# What each model's training costs, by the job that trains it every night.
TRAINING_COSTS: Final[Mapping[str, Callable[[CutCounts, Settings], Cost]]] = {
    "train_als": _als,
    "train_cooccurrence": _cooccurrence,
}


def learning_cost(
    cuts: Mapping[date, CutCounts], learning: Mapping[str, LearnedBlendConfig], settings: Settings, run_date: date
) -> Cost:
    """Of the blends of some surfaces.

    Args:
        cuts: the days on which anything was known, among them those that `learning` asks for.
        learning: how each surface learns.
        settings: all settings.
        run_date: logical date D.
    """
    total, examples = Cost(), dict.fromkeys(learning, 0)
    for day, cut in cuts.items():
        asking = [name for name, config in learning.items() if day in config.cut_days(run_date)]
        total += _prepared_cut(cut, asking, settings)
        for name in asking:
            surface, subjects = settings.surfaces[name], _subjects(cut, settings.surfaces[name], learning[name])
            candidates = subjects * candidate_count(cut.counts, surface)
            examples[name] += candidates
            sent = Cost(shuffle_bytes=float(candidates * _bytes_of_example(surface)))
            total += scoring_cost(subjects, cut.counts, surface, settings) + sent
    fits = {name: _fitting(examples[name], settings.surfaces[name], config) for name, config in learning.items()}
    # Examples of all surfaces are held until the last one's blend is chosen.
    held = sum(examples[name] * _bytes_of_example(settings.surfaces[name]) for name in learning)
    total += sum((Cost(flops=fit.flops) for fit in fits.values()), Cost())
    return total + Cost(memory_bytes=held + max((fit.memory_bytes for fit in fits.values()), default=0.0))


def _subjects(cut: CutCounts, surface: SurfaceConfig, config: LearnedBlendConfig) -> int:
    """Those that are drawn, at most."""
    return min(config.subjects, cut.counts.subjects(surface))


def _bytes_of_example(surface: SurfaceConfig) -> int:
    """A candidate's features and what it is worth, in single precision."""
    return 4 * (len(learned_features(sources_of(surface))) + 1)


def _prepared_cut(cut: CutCounts, asking: Collection[str], settings: Settings) -> Cost:
    """Models of a cut, and what its surfaces share."""
    trainers = sorted(trainers_of(needed_artefacts(settings, asking)))
    training = (TRAINING_COSTS[job](cut, settings) for job in trainers)
    return sum(training, preparing_cost(cut.counts, settings, asking))


def _fitting(candidates: int, surface: SurfaceConfig, config: LearnedBlendConfig) -> Cost:
    """Of fitting every kind, and the dearest of them a second time, as if each learned from all candidates.

    A weight of `z_sum` is changed from two starts in `rounds` rounds, to a few multiples each; each time all candidates are
    added up anew, 2 operations a source, and ranked. `logistic` takes 4 operations a feature in each of its steps. A tree of
    `trees` adds two numbers a feature in each of its levels; below it there is a `z_sum`.
    """
    sources, features = len(sources_of(surface)), len(learned_features(sources_of(surface)))
    sums = 2.0 * config.rounds * sources * len(STEPS) * (2 * sources + 1)
    operations = {
        "z_sum": sums,
        "logistic": 4.0 * features * MOST_STEPS,
        "trees": 2.0 * features * config.trees * log2(config.leaves) + sums,
    }
    each = [operations.get(kind, 2.0 * sources) for kind in config.kinds]
    copies = _PUT_TOGETHER + max(_OF_A_FIT.get(kind, 0) for kind in config.kinds)
    return Cost(
        flops=candidates * (sum(each) + max(each)), memory_bytes=float(copies * candidates * _bytes_of_example(surface))
    )
