"""Machines, hours and bytes of one night at a size that nobody has at hand, from the formulas of costs and measured rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from shortlist.config import Settings
from shortlist.generation.costs import Counts, preparing_cost, surface_cost, surface_memory
from shortlist.models.arrays.blocks import GIGABYTE
from shortlist.models.costs import Cost, als_cost, cooccurrence_cost
from shortlist.models.spectral import placement as spectral_placement

# A stored interaction and a stored row of a list, in Parquet.
BYTES_OF_INTERACTION: Final = 20
BYTES_OF_ROW: Final = 8


@dataclass(frozen=True)
class Machine:
    """One machine of the cluster, and how well it is used.

    Attributes:
        cores: of the machine.
        gigabytes: memory for tasks.
        gigabits: network, a second.
        efficiency: share of the time in which cores are at work: the rest is skew, stragglers, starts and reading.
    """

    cores: int = 32
    gigabytes: float = 256.0
    gigabits: float = 10.0
    efficiency: float = 0.5


@dataclass(frozen=True)
class Size:
    """How much there is.

    Attributes:
        users: users.
        items: items.
        interactions: pairs of user and item.
        basket: items of the basket in which a row lies, in the mean over rows.
    """

    users: int
    items: int
    interactions: int
    basket: float

    @property
    def counts(self) -> Counts:
        """As generation is counted by."""
        return Counts(self.interactions, self.users, self.items)


@dataclass(frozen=True)
class JobEstimate:
    """One job of the night.

    Attributes:
        job: its name, and the surface of a generation.
        core_hours: of work, every core at the measured rate.
        cores: cores of a machine that its memory lets work; 0: not even one.
        moved: bytes between machines.
        memory: bytes on a machine with all of these cores at work.
    """

    job: str
    core_hours: float
    cores: int
    moved: float
    memory: float

    def machine_hours(self, machine: Machine) -> float:
        """Hours of one machine alone; those of n machines are an n-th of it."""
        working = self.core_hours / (self.cores * machine.efficiency)
        return working + self.moved * 8 / (machine.gigabits * 1e9) / 3600


def simulate(size: Size, settings: Settings, rates: Mapping[str, float], machine: Machine) -> list[JobEstimate]:
    """The jobs that grow.

    Args:
        size: how much there is.
        settings: models and surfaces.
        rates: operations a second and core of train_als and generate_candidates, pairs of train_cooccurrence and spectral.
        machine: one of the cluster.
    """
    als = als_cost(size.interactions, size.users, size.items, settings.als)
    squared = round(size.interactions * size.basket)
    baskets = round(size.interactions / size.basket)
    related = cooccurrence_cost(size.interactions, baskets, size.items, squared, settings.cooccurrence)
    found = [
        _estimate("train_als", als.flops / rates["train_als"], als, (als.memory_bytes, 0.0), machine),
        _estimate(
            "train_cooccurrence",
            related.pairs / rates["train_cooccurrence"],
            related,
            (related.memory_bytes, 0.0),
            machine,
        ),
    ]
    counts = size.counts
    shared, memory = preparing_cost(counts, settings, settings.surfaces), (0.0, 0.0)
    seconds = 0.0
    if shared.pairs:  # those of the spectral basis: to gather histories takes none
        sizes = spectral_placement.Sizes(size.interactions, size.users, size.items)
        spectral = settings.sources.spectral
        memory = spectral_placement.driver_bytes(sizes, spectral), spectral_placement.task_bytes(sizes, spectral)
        seconds = shared.pairs / rates["spectral"]
    found.append(_estimate("generate_candidates, shared", seconds, shared, memory, machine))
    for name, surface in settings.surfaces.items():
        cost = surface_cost(counts, surface, settings)
        memory = surface_memory(counts, surface, settings)
        seconds = cost.flops / rates["generate_candidates"]
        found.append(_estimate(f"generate_candidates {name}", seconds, cost, memory, machine))
    return found


def _estimate(job: str, seconds: float, cost: Cost, memory: tuple[float, float], machine: Machine) -> JobEstimate:
    shared, task = memory
    left = machine.gigabytes * GIGABYTE - shared
    cores = machine.cores if task == 0 else int(min(machine.cores, max(0.0, left) // task))
    if left < 0:
        cores = 0
    return JobEstimate(job, seconds / 3600, cores, cost.shuffle_bytes, shared + cores * task)


def machines_for(hours: float, jobs: Sequence[JobEstimate], machine: Machine) -> int | None:
    """The fewest machines that do the jobs one after the other in so many hours; None where one of them does not fit memory."""
    if any(job.cores == 0 for job in jobs):
        return None
    return max(1, ceil(sum(job.machine_hours(machine) for job in jobs) / hours))


def stored_bytes(size: Size, settings: Settings) -> dict[str, float]:
    """Bytes of a day's interactions and lists, as they lie in Parquet."""
    rows = sum(size.counts.subjects(surface) * surface.k for surface in settings.surfaces.values())
    return {"interactions": float(size.interactions) * BYTES_OF_INTERACTION, "lists": float(rows) * BYTES_OF_ROW}
