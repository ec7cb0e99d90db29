"""Scale: the formulas of costs beside measured times of growing sets, and what a night would take at a size that is not at hand.

Seeded power-law sets of interactions. On one thread each, the kernels and the whole pass over subjects are timed, by the seconds
that a processor spent on them, so that what else runs on the machine counts less. The time of the next larger set is foretold by
the formula from that of the smaller one:

    train_als            an epoch in one process, the median of those after the first; floating point operations
    train_cooccurrence   cosine of all items, users' histories as baskets, of at most 200 items; pairs
    spectral             the basis of source spectral, one iteration and the last pass; pairs, as LAPACK does the other
                         operations several times as fast
    generate_candidates  lists of some users, by eight sources, blended, with reasons; floating point operations

A formula is off where seconds grow to less than half, or more than twice, of what it foretells: the program says which, and exits
with 1. Of one set alone nothing is judged.

Then a simulation says how many machines, hours and bytes a night takes, with the rates of the largest set. Its assumptions are
printed; its formulas are those by which jobs are held beyond a budget.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
import scipy.sparse as sp

from infra.benchmarks._measuring import timed
from infra.benchmarks._scale_simulation import JobEstimate, Machine, Size, machines_for, simulate, stored_bytes
from infra.benchmarks._sets import power_law
from infra.benchmarks.candidates import NEIGHBOURS, Sizes, batch_of, make_world, whole_pass
from infra.benchmarks.cooccurrence import by_kernel
from shortlist.config import AlsConfig, CooccurrenceConfig, Settings, state_home
from shortlist.config.sources import SpectralSourceConfig
from shortlist.generation.costs import Counts, surface_cost
from shortlist.kernels.ials import fit_ials
from shortlist.models.als.observations import observed
from shortlist.models.arrays.blocks import GIGABYTE
from shortlist.models.costs import als_cost, cooccurrence_cost, spectral_cost
from shortlist.sources.spectral import fit_spectral

SOURCES: Final = ("als", "cooccurrence", "user_neighbours", "category_affinity", "spectral", "rp3beta", "trending")
# Users and items of a set of so many interactions.
SHAPES: Final = {1_000_000: (40_000, 20_000), 10_000_000: (200_000, 50_000), 100_000_000: (2_000_000, 200_000)}
LONGEST_BASKET: Final = 200
EPOCHS: Final = 4
# Measured seconds by those that a formula foretells.
LEAST, MOST = 0.5, 2.0


@dataclass(frozen=True)
class Measured:
    """One job on one set.

    Attributes:
        job: what was measured.
        interactions: of the set.
        work: what the formula counts.
        seconds: of a processor, on one thread.
    """

    job: str
    interactions: int
    work: float
    seconds: float

    @property
    def rate(self) -> float:
        """Work a second."""
        return self.work / self.seconds


@dataclass(frozen=True)
class Slope:
    """How one job grew from one set to the next larger one.

    Attributes:
        small: on the smaller set.
        large: on the larger one.
    """

    small: Measured
    large: Measured

    @property
    def ratio(self) -> float:
        """Seconds by those that the formula foretells from the smaller set."""
        return (self.large.seconds / self.small.seconds) / (self.large.work / self.small.work)

    def __str__(self) -> str:
        """For a line of the output."""
        small, large = self.small, self.large
        return (
            f"{small.job}: {small.interactions:,} to {large.interactions:,} rows, {large.work / small.work:.2f} times the work, "
            f"{large.seconds / small.seconds:.2f} times the seconds; measured / foretold {self.ratio:.2f} "
            f"(to be within {LEAST:g} and {MOST:g})"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print tables and the simulation, write the figures; 1 where a formula is off."""
    parser = argparse.ArgumentParser(
        prog="infra/bench scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, nargs="+", choices=list(SHAPES), help="sizes of sets; default: 1 and 10 million"
    )
    parser.add_argument("--full", action="store_true", help="100 million rows too (12 GB of memory, half an hour)")
    parser.add_argument("--subjects", type=int, default=512, help="users who get a list (default: %(default)s)")
    parser.add_argument("--users", type=int, default=500_000_000, help="of the simulation (default: %(default)s)")
    parser.add_argument("--items", type=int, default=10_000_000, help="of the simulation (default: %(default)s)")
    parser.add_argument(
        "--interactions", type=int, default=50_000_000_000, help="of the simulation (default: %(default)s)"
    )
    parser.add_argument(
        "--basket", type=float, default=20.0, help="of the simulation: items in a row's basket (default: %(default)s)"
    )
    parser.add_argument("--hours", type=float, default=6.0, help="of the simulated night (default: %(default)s)")
    parser.add_argument(
        "--machine", type=json.loads, default={}, help='of the simulation, e.g. \'{"cores": 64, "gigabytes": 512}\''
    )
    given = parser.parse_args(argv)
    sizes = given.rows or [rows for rows in SHAPES if given.full or rows < 100_000_000]
    settings = simulated_settings()
    done: list[Measured] = []
    for rows in sorted(sizes):
        for one in measure(rows, given.subjects):
            done.append(one)
            print(
                f"{one.job:20} {one.interactions:>11,} rows  {one.seconds:9.3f} s  {one.rate:9.3g} a second and core",
                flush=True,
            )
    grown = slopes(done)
    for slope in grown:
        print(slope)
    rates = {one.job: one.rate for one in done}
    size, machine = Size(given.users, given.items, given.interactions, given.basket), Machine(**given.machine)
    jobs = simulate(size, settings, rates, machine)
    for line in describe(size, settings, machine, jobs, given.hours):
        print(line)
    folder = state_home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "measured": [asdict(one) for one in done],
        "simulated": [asdict(job) for job in jobs],
        "machine": asdict(machine),
    }
    (folder / "scale.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    if not grown:
        print(f"one set of {sizes[0]:,} rows has no slope: no formula is judged; next: give --rows two sizes")
    off = formulas_off(grown)
    for line in off:
        print(line, file=sys.stderr)
    return 1 if off else 0


def simulated_settings() -> Settings:
    """The models by their defaults, and one surface for users with eight sources; what is measured has the same."""
    surface = {"subject": "user", "sources": SOURCES, "fallback": "popularity", "k": 50, "depth": 100}
    related = {"subject": "item", "sources": ["cooccurrence"], "k": 50, "depth": 100}
    return Settings.model_validate(
        {
            "surfaces": {"homefeed": surface, "related": related},
            "als": {"factors": 64, "engine": "spark", "store_user_factors": False},
            "cooccurrence": {"measures": ["cosine", "rp3beta"], "neighbours": NEIGHBOURS, "placement": "shuffled"},
            # Each block sends a matrix of all items in every pass: few large ones.
            "sources": {"spectral": {"factors": 64, "block_pairs": 500_000_000}},
        }
    )


def measure(rows: int, subjects: int) -> Iterator[Measured]:
    """Everything on one set, on one core each."""
    users, items = SHAPES[rows]
    settings = simulated_settings()
    owners, taken = power_law(users, items, rows)
    matrix = sp.csr_matrix((np.ones(len(taken), np.float32), (owners, taken)), (users, items))
    matrix.sort_indices()
    yield measure_als(matrix, settings.als)
    yield measure_cooccurrence(matrix)
    yield measure_spectral(matrix, settings.sources.spectral)
    del matrix, owners, taken
    factors = settings.als.factors
    world = make_world(Sizes(users, items, rows, factors, subjects, 100))
    surface = settings.surfaces["homefeed"].model_copy(update={"k": 100})
    # The sample's users have stored vectors, as those of the measured pass.
    stored = settings.model_copy(update={"als": settings.als.model_copy(update={"store_user_factors": True})})
    batch = batch_of(world, subjects)
    seconds, _ = whole_pass(world.scorers, batch, 100, items, time.process_time)
    cost = surface_cost(Counts(len(batch.history_items), subjects, items), surface, stored)
    yield Measured("generate_candidates", rows, cost.flops, seconds)


def measure_als(matrix: sp.csr_matrix, config: AlsConfig) -> Measured:
    """An epoch on one thread."""
    users, items = matrix.shape
    seen, ended = observed(matrix.indptr.astype(np.int64), matrix.indices, matrix.data), []
    fit_ials(
        seen,
        items,
        factors=config.factors,
        regularization=config.regularization,
        unobserved_weight=1 / config.alpha,
        epochs=EPOCHS,
        seed=config.seed,
        nu=config.nu,
        cg_steps=config.cg_steps,
        threads=1,
        on_epoch=lambda *_: ended.append(time.process_time()),
    )
    one = config.model_copy(update={"epochs": 1, "engine": "local"})
    work = als_cost(matrix.nnz, users, items, one).flops
    return Measured("train_als", matrix.nnz, work, float(statistics.median(np.diff(ended))))


def measure_cooccurrence(matrix: sp.csr_matrix) -> Measured:
    """Cosine of all items on one thread."""
    lengths = np.diff(matrix.indptr)
    within = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], lengths)
    kept = within < LONGEST_BASKET
    baskets = sp.csr_matrix(
        (matrix.data[kept], matrix.indices[kept], np.append(0, np.cumsum(np.minimum(lengths, LONGEST_BASKET)))),
        matrix.shape,
    )
    squared = int((np.minimum(lengths, LONGEST_BASKET).astype(np.int64) ** 2).sum())
    config = CooccurrenceConfig(measures=("cosine",))
    cost = cooccurrence_cost(baskets.nnz, matrix.shape[0], matrix.shape[1], squared, config)
    run = partial(by_kernel, baskets, ["cosine"], 1)
    if matrix.nnz <= 1_000_000:
        run()
    return Measured("train_cooccurrence", matrix.nnz, cost.pairs, timed(run, time.process_time))


def measure_spectral(matrix: sp.csr_matrix, config: SpectralSourceConfig) -> Measured:
    """The basis of source spectral in one process, with as few passes as there can be."""
    users, items = matrix.shape
    short = config.model_copy(update={"iterations": 1})
    fit = partial(fit_spectral, (matrix.indptr.astype(np.int64), matrix.indices), items, short)
    seconds = timed(fit, time.process_time)
    return Measured("spectral", matrix.nnz, spectral_cost(matrix.nnz, users, items, short).pairs, seconds)


def slopes(done: Sequence[Measured]) -> list[Slope]:
    """Each job on each larger set beside the next smaller one."""
    jobs = dict.fromkeys(one.job for one in done)
    return [Slope(*two) for job in jobs for two in pairwise(one for one in done if one.job == job)]


def formulas_off(grown: Sequence[Slope]) -> list[str]:
    """A sentence about each formula whose slope is not the measured one."""
    return [
        f"the formula of {slope.small.job} is off: from {slope.small.interactions:,} to {slope.large.interactions:,} rows "
        f"seconds grew to {slope.ratio:.2f} of what it foretells, {LEAST:g} to {MOST:g} are allowed; next: measure again on an "
        "idle machine, then correct it (shortlist/models/costs.py, shortlist/generation/costs.py)"
        for slope in grown
        if not LEAST <= slope.ratio <= MOST
    ]


def describe(
    size: Size, settings: Settings, machine: Machine, jobs: Sequence[JobEstimate], hours: float
) -> Iterator[str]:
    """The simulation in lines, its assumptions first."""
    als, spectral = settings.als, settings.sources.spectral
    yield f"simulation: {size.users:,} users, {size.items:,} items, {size.interactions:,} interactions"
    for line in (
        f"machines of {machine.cores} cores, {machine.gigabytes:g} GB and {machine.gigabits:g} Gbit/s",
        f"cores at work {machine.efficiency:.0%} of the time, at the rates above; jobs one after the other",
        f"a row's basket has {size.basket:g} items in the mean",
        f"als d={als.factors}, {als.epochs} epochs, item factors from {als.sampled_users:,} sampled users at most",
        "no user factors are stored: everybody is folded in where lists are made",
        f"spectral basis of {spectral.factors} + {spectral.oversampling} directions in {spectral.iterations + 1} passes over "
        f"blocks of {spectral.block_pairs:,} interactions",
        f"homefeed by {len(SOURCES) + 1} sources, each against every item; related by one",
        "no surface learns its blend; extraction, interactions, what sources sample, checks and evaluation are not in it",
    ):
        yield f"  assumed: {line}"
    for job in jobs:
        named = f"  {job.job:30} {job.core_hours:12,.1f} core hours  {job.moved / GIGABYTE:10,.0f} GB moved  "
        yield named + f"{job.memory / GIGABYTE:6,.0f} GB on a machine with {job.cores} cores at work"
    machines = machines_for(hours, jobs, machine)
    if machines is None:
        lacking = ", ".join(job.job for job in jobs if job.cores == 0)
        yield f"  it does not fit: one task of {lacking} needs more memory than a machine has; next: larger ones, fewer sources"
        return
    total = sum(job.machine_hours(machine) for job in jobs)
    stored = stored_bytes(size, settings)
    moved = sum(job.moved for job in jobs)
    yield (
        f"  {machines:,} machines for {total / machines:.1f} hours (wanted {hours:g}); {moved / GIGABYTE:,.0f} GB moved; "
        + ", ".join(f"{name} {amount / GIGABYTE:,.0f} GB" for name, amount in stored.items())
        + " stored a day"
    )


if __name__ == "__main__":
    sys.exit(main())
