"""What generating lists costs, from counts alone, in the terms of `shortlist.models.costs`.

Left out is what no count tells beforehand, or what is small beside the rest: samples of users, queries and sessions and what is
counted in them, which the sources' settings bound; indexes of the catalog's text; counts and ages of items; rules, blends,
reasons; and writing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from shortlist.config import Settings, SurfaceConfig
from shortlist.config.base import OWN_MEASURES
from shortlist.generation.lists import needed_artefacts, sources_of
from shortlist.models.costs import Cost, spectral_cost
from shortlist.sources.common_set import NARROW_SUBJECTS
from shortlist.subjects import SUBJECTS

# An interaction in a user's history, as Arrow sends it: item and its numbers, and the item again among the masked ones.
_BYTES_OF_HISTORY: Final = 52
# What Arrow sends of a listed row, of a candidate, and of each source's word on a candidate: rank, score, contribution.
# Ids of 8 letters.
_BYTES_LISTED: Final = 100
_BYTES_SCORED: Final = 36
_BYTES_BY_SOURCE: Final = 12
# A neighbour in a list: its index and its similarity.
_BYTES_OF_NEIGHBOUR: Final = 8


@dataclass(frozen=True)
class Counts:
    """What generation is counted by.

    Attributes:
        interactions: pairs of user and item.
        users: subjects of surfaces for users.
        items: all items, also those that only the catalog knows.
        queries: subjects of surfaces for queries.
    """

    interactions: int
    users: int
    items: int
    queries: int = 0

    def subjects(self, surface: SurfaceConfig) -> int:
        """How many subjects a surface has at most."""
        return {"user": self.users, "item": self.items, "query": self.queries}[surface.subject]


def generation_cost(counts: Counts, settings: Settings) -> Cost:
    """Of the lists of all surfaces."""
    passes = (surface_cost(counts, surface, settings) for surface in settings.surfaces.values())
    return sum(passes, preparing_cost(counts, settings, settings.surfaces))


def preparing_cost(counts: Counts, settings: Settings, surfaces: Collection[str]) -> Cost:
    """Of what some surfaces share: histories, gathered once by user, and the basis of source `spectral`."""
    cost = Cost()
    if any(SUBJECTS[settings.surfaces[name].subject].history == "interactions" for name in surfaces):
        cost += Cost(shuffle_bytes=float(_BYTES_OF_HISTORY * counts.interactions))
    if "spectrum" in needed_artefacts(settings, surfaces):
        cost += spectral_cost(counts.interactions, counts.users, counts.items, settings.sources.spectral)
    return cost


def surface_cost(counts: Counts, surface: SurfaceConfig, settings: Settings) -> Cost:
    """Of the one pass over a surface's subjects: their candidates, and the lists that are sent back."""
    subjects, names = counts.subjects(surface), sources_of(surface)
    candidates = candidate_count(counts, surface)
    sent = _BYTES_LISTED * surface.longest_list + candidates * (_BYTES_SCORED + _BYTES_BY_SOURCE * len(names))
    return scoring_cost(subjects, counts, surface, settings) + Cost(shuffle_bytes=float(subjects) * sent)


def candidate_count(counts: Counts, surface: SurfaceConfig) -> int:
    """Candidates of a subject, at most."""
    return min(counts.items, surface.depth * len(sources_of(surface)))


def scoring_cost(subjects: int, counts: Counts, surface: SurfaceConfig, settings: Settings) -> Cost:
    """Of the candidates of so many of a surface's subjects, with their scores.

    A source that multiplies vectors of length d costs a subject 2 d for every item; one that counts looks at every item once,
    and at the neighbours of what the subject took. Then each source scores what any of them proposed. `interests` has a vector
    for each interest, and folds them all in.
    """
    names = sources_of(surface)
    lengths = [_vector_length(name, settings) for name in names]
    history = 1.0 if surface.subject == "item" else counts.interactions / max(1, counts.users)
    looked_at = counts.items + candidate_count(counts, surface)
    rows = {name: settings.sources.interests.most if name == "interests" else 1 for name in names}
    each = 0.0
    for name, length in zip(names, lengths, strict=True):
        each += 2.0 * length * rows[name] * looked_at if length else looked_at + history * _listed(name, settings)
    stored = settings.als.store_user_factors and settings.training.every_day
    if "als" in names and surface.subject == "user" and not stored:
        each += history * settings.als.factors**2 + settings.als.factors**3 / 3
    if "interests" in names:
        each += history * settings.als.factors**2 + rows["interests"] * settings.als.factors**3 / 3
    shared, task = surface_memory(counts, surface, settings)
    return Cost(
        pairs=float(subjects) * counts.items * sum(rows.values()),
        flops=subjects * each,
        shuffle_bytes=subjects * _BYTES_OF_HISTORY * history,
        memory_bytes=shared + task,
    )


def surface_memory(counts: Counts, surface: SurfaceConfig, settings: Settings) -> tuple[float, float]:
    """Bytes that all tasks of a machine share, and those that one adds: a row of all items by subject and counting source."""
    names = sources_of(surface)
    lengths = {name: _vector_length(name, settings) for name in names}
    shared = sum(4.0 * length * (2 if name in ("spectral", "interests") else 1) for name, length in lengths.items())
    shared += sum(_BYTES_OF_NEIGHBOUR * _listed(name, settings) for name in names)
    counting = sum(not length for length in lengths.values())
    return counts.items * shared, 4.0 * NARROW_SUBJECTS * counts.items * counting


def _vector_length(source: str, settings: Settings) -> int:
    """Numbers in the vectors that a source multiplies; 0 for one that counts."""
    factors = settings.als.factors
    return {"als": factors, "interests": factors, "spectral": settings.sources.spectral.factors}.get(source, 0)


def _listed(source: str, settings: Settings) -> int:
    """Neighbours of an item that a source adds up."""
    lists = dict.fromkeys(("cooccurrence", *OWN_MEASURES), settings.cooccurrence.neighbours)
    return (lists | {"session_next": settings.sources.session_next.neighbours}).get(source, 0)
