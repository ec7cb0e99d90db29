"""The one pass over subjects: what it costs beside its sources alone, implicit and MLlib, and how it grows.

A seeded power-law set of users, items and pairs. Item-side arrays are made from it: neighbour lists by co-occurrence and rp3beta,
a sample of users, categories, counts; factors and the spectral basis are random, because quality does not change the time. Some
users are given lists on one thread, several times, and the fastest time counts:

    proposals   each source by itself prepares and proposes its best k to everybody; the sum over the sources
    pass        the whole pass: propose, unite, every source scores everything, weighted z-sum, cut to k, reasons
    implicit    recommend of one ALS model with the same factors, what users took left out, one thread
    mllib       recommendForUserSubset of one ALS model of as many factors, Spark on all cores; its seconds times the cores

Growth is the pass's time with twice the subjects, with half of the items and of the pairs, and with half of the sources.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from time import perf_counter
from typing import Any, Final

import numpy as np
import pyarrow as pa
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from pyspark.ml.recommendation import ALS
from pyspark.sql import functions as F
from scipy.sparse import csr_matrix

from infra.benchmarks._measuring import bench_session, timed
from infra.benchmarks._sets import power_law
from shortlist.blending.blended import Blended
from shortlist.blending.z_sum import ZSum
from shortlist.config import AlsConfig, state_home
from shortlist.config.sources import (
    AlsSourceConfig,
    CategoryAffinitySourceConfig,
    InterestsSourceConfig,
    NeighbourListsSourceConfig,
    SpectralSourceConfig,
    TrendingSourceConfig,
    UserNeighboursSourceConfig,
)
from shortlist.generation.batches import rarity_of
from shortlist.generation.one_pass import WIDE_SUBJECTS, OnePass
from shortlist.kernels.cooccurrence import cooccur
from shortlist.sources.als import STORED, FoldedUsers
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.category_affinity import CategoryAffinityScorer, category_shares
from shortlist.sources.common_set import NARROW_SUBJECTS
from shortlist.sources.inputs import FoldIn
from shortlist.sources.interests import InterestsScorer
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.sources.item_vectors import ItemVectors
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer
from shortlist.sources.popularity import PopularityScorer
from shortlist.sources.spectral import SpectralScorer, spectral_arrays
from shortlist.sources.trending import growth
from shortlist.sources.user_neighbours import UserNeighboursScorer, user_sample

NEIGHBOURS: Final = 100
CATEGORIES: Final = 300
PEERS: Final = ("implicit", "mllib")
REPEATS: Final = 3


@dataclass(frozen=True)
class Sizes:
    """How much there is of everything, and whether source `interests` is one of the sources."""

    users: int
    items: int
    pairs: int
    factors: int
    subjects: int
    k: int
    interests: bool = False


@dataclass(frozen=True)
class World:
    """Users who take items, and what sources make of it.

    Attributes:
        pairs: indptr and indices: what each user took, ascending.
        items: how many items there are.
        user_vectors: (users, d) float32.
        item_vectors: (items, d) float32.
        scorers: the sources by name, the fallback last.
    """

    pairs: tuple[NDArray[np.int64], NDArray[np.int32]]
    items: int
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    scorers: Mapping[str, Scorer[Any]]


class TimedScorer:
    """A scorer whose answers are timed: the seconds of each question are added to `stages`."""

    def __init__(self, scorer: Scorer[Any], stages: dict[str, float]) -> None:
        self._scorer, self._stages = scorer, stages
        self.wide = scorer.wide

    def prepare(self, batch: SubjectBatch) -> Any:
        """As the scorer."""
        with self._timed("prepare"):
            return self._scorer.prepare(batch)

    def propose(self, batch: SubjectBatch, prepared: Any, count: int, eligible: NDArray[np.uint8]) -> NDArray[np.int32]:
        """As the scorer."""
        with self._timed("propose"):
            return self._scorer.propose(batch, prepared, count, eligible)

    def score(self, batch: SubjectBatch, prepared: Any, candidates: CandidateSet) -> NDArray[np.float32]:
        """As the scorer."""
        with self._timed("score"):
            return self._scorer.score(batch, prepared, candidates)

    def explain(self, batch: SubjectBatch, prepared: Any, chosen: CandidateSet) -> NDArray[np.int32]:
        """As the scorer."""
        with self._timed("explain"):
            return self._scorer.explain(batch, prepared, chosen)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self._stages[name] = self._stages.get(name, 0.0) + perf_counter() - began


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table and the ratios, write the figures."""
    parser = argparse.ArgumentParser(
        prog="infra/bench candidates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--users", type=int, default=200_000, help="default: %(default)s")
    parser.add_argument("--items", type=int, default=50_000, help="default: %(default)s")
    parser.add_argument("--pairs", type=int, default=5_000_000, help="default: %(default)s")
    parser.add_argument("--factors", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--subjects", type=int, default=4000, help="users who get a list (default: %(default)s)")
    parser.add_argument("--k", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--interests", action="store_true", help="source interests too: a product for each interest")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="default: all")
    given = parser.parse_args(argv)
    sizes = Sizes(given.users, given.items, given.pairs, given.factors, given.subjects, given.k, given.interests)
    world = make_world(sizes)
    figures = measure(world, sizes)
    if "implicit" in given.peers:
        figures["implicit"] = rank_by_implicit(world, sizes)
    if "mllib" in given.peers:
        figures["mllib"] = rank_by_mllib(world, sizes)
    for line in lines(figures):
        print(line)
    folder = state_home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "candidates.json").write_text(json.dumps({**vars(given), **figures}, indent=1), encoding="utf-8")


def measure(world: World, sizes: Sizes) -> dict[str, float]:
    """Milliseconds a subject, by what was measured."""
    subjects, k = sizes.subjects, sizes.k
    batch = batch_of(world, subjects)
    found = {
        f"proposals of {name}": propose_alone(scorer, batch, k, world.items) for name, scorer in world.scorers.items()
    }
    found["proposals"] = sum(found.values())
    found["pass"], stages = whole_pass(world.scorers, batch, k, world.items)
    found |= {f"pass: {name}": seconds for name, seconds in stages.items()}
    found["pass: unite, blend, cut"] = found["pass"] - sum(stages.values())
    half = dict(list(world.scorers.items())[: len(world.scorers) // 2])
    found["pass, half of the sources"], _ = whole_pass(half, batch, k, world.items)
    smaller = make_world(replace(sizes, items=sizes.items // 2, pairs=sizes.pairs // 2))
    found["pass, half of the items and pairs"], _ = whole_pass(
        smaller.scorers, batch_of(smaller, subjects), k, smaller.items
    )
    twice, _ = whole_pass(world.scorers, batch_of(world, 2 * subjects), k, world.items)
    found["pass, twice the subjects"] = twice / 2
    return {name: 1000 * seconds / subjects for name, seconds in found.items()}


def make_world(sizes: Sizes) -> World:
    """A seeded set and eight sources over it, with `interests` nine."""
    users, items, factors = sizes.users, sizes.items, sizes.factors
    random = np.random.default_rng(7)
    owners, taken = power_law(users, items, sizes.pairs)
    matrix = csr_matrix((np.ones(len(taken), np.float32), (owners, taken)), (users, items))
    matrix.sort_indices()
    rows = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
    counts = np.bincount(rows[1], minlength=items).astype(np.float64)
    vectors = [random.standard_normal((size, factors)).astype(np.float32) for size in (users, items)]
    known = np.ones(items, np.uint8)
    related = cooccur(rows, items, ["cosine", "rp3beta"], NEIGHBOURS, beta=0.4)
    sampled = UserNeighboursSourceConfig().sample_users
    sample = user_sample((rows[0][: sampled + 1], rows[1][: rows[0][min(sampled, users)]]), items)
    spectral = SpectralSourceConfig(factors=factors)
    affinity = CategoryAffinitySourceConfig()
    shares = category_shares(random.integers(0, CATEGORIES, items), counts, affinity)
    lists = [NeighbourLists.padded(related.items[row], related.scores[row]) for row in range(2)]
    als = AlsConfig(factors=factors)
    fold_in = FoldIn.of(vectors[1], als)
    scorers: dict[str, Scorer[Any]] = {
        "als": FoldedUsers(fold_in, als, AlsSourceConfig()),
        "cooccurrence": NeighbourListsScorer(lists[0], NeighbourListsSourceConfig()),
        "user_neighbours": UserNeighboursScorer(sample, UserNeighboursSourceConfig()),
        "category_affinity": CategoryAffinityScorer(shares, affinity),
        "spectral": SpectralScorer(spectral_arrays(vectors[1] / 100, counts.astype(np.int64), spectral), spectral),
        "rp3beta": NeighbourListsScorer(lists[1], NeighbourListsSourceConfig()),
        "trending": ItemValuesScorer(growth(counts, random.permutation(counts) * 4, TrendingSourceConfig())),
        "popularity": PopularityScorer(counts.astype(np.float32)),
    }
    if sizes.interests:
        units = ItemVectors.of(vectors[1] / np.linalg.norm(vectors[1], axis=1, keepdims=True), known)
        scorers = {"interests": InterestsScorer(units, fold_in.arrays, als, InterestsSourceConfig()), **scorers}
    return World(rows, items, vectors[0], vectors[1], scorers)


def batch_of(world: World, subjects: int) -> SubjectBatch:
    """The last users of the world, who are not in the sample where it is smaller than the world."""
    starts, items = world.pairs
    first = max(0, len(starts) - 1 - subjects)
    chosen = items[starts[first] :]
    random = np.random.default_rng(3)
    cut = starts[first:] - starts[first]
    positions = np.arange(len(chosen), dtype=np.float32) - np.repeat(cut[:-1], np.diff(cut)).astype(np.float32)
    columns = {
        "weight": random.integers(1, 9, len(chosen)).astype(np.float32),
        "frequency": np.ones(len(chosen), np.float32),
        "age_days": random.integers(0, 300, len(chosen)).astype(np.float32),
        "position": positions,
        "rarity": rarity_of(np.log1p(np.bincount(items)).astype(np.float32))[chosen],
    }
    nobody = np.full(len(cut) - 1, -1, np.int32)
    return SubjectBatch(cut, chosen, columns, cut, chosen, nobody, {STORED: world.user_vectors[first:]})


def propose_alone(scorer: Scorer[Any], batch: SubjectBatch, k: int, items: int) -> float:
    """Seconds of one source's lists for everybody."""
    eligible, step = np.ones(items, np.uint8), WIDE_SUBJECTS if scorer.wide else NARROW_SUBJECTS

    def run() -> None:
        for first in range(0, batch.size, step):
            some = batch.slice(first, min(first + step, batch.size))
            scorer.propose(some, scorer.prepare(some), k, eligible)

    return fastest(run)


def whole_pass(
    scorers: Mapping[str, Scorer[Any]],
    batch: SubjectBatch,
    k: int,
    items: int,
    clock: Callable[[], float] = perf_counter,
) -> tuple[float, dict[str, float]]:
    """Seconds of the pass, and of what its scorers were asked, in the fastest round; the last scorer is the fallback."""
    names = list(scorers)
    blend = ZSum({name: 1.0 / (1 + number) for number, name in enumerate(names)})
    ranking = Blended(blend, names, names[-1], np.zeros(items, np.float32))
    rounds: list[tuple[float, dict[str, float]]] = []
    for _ in range(REPEATS):
        stages: dict[str, float] = {}
        timing = {name: TimedScorer(scorer, stages) for name, scorer in scorers.items()}
        one_pass = OnePass(timing, ranking, np.ones(items, np.uint8), k, k)
        rounds.append((timed(partial(consume, one_pass, batch), clock), stages))
    return min(rounds, key=itemgetter(0))


def consume(one_pass: OnePass, batch: SubjectBatch) -> None:
    """Make all lists."""
    for _ in one_pass.lists(batch):
        pass


def fastest(task: Callable[[], None]) -> float:
    """Seconds of the fastest of some rounds; the first may compile."""
    return min(timed(task) for _ in range(REPEATS))


def rank_by_implicit(world: World, sizes: Sizes) -> float:
    """Milliseconds a subject of one ALS model's lists."""
    starts, items = world.pairs
    users = len(starts) - 1
    matrix = csr_matrix((np.ones(len(items), np.float32), items, starts), (users, world.items))
    model = AlternatingLeastSquares(factors=world.item_vectors.shape[1], num_threads=1)
    model.user_factors, model.item_factors = world.user_vectors, world.item_vectors
    asked = np.arange(max(0, users - sizes.subjects), users)
    seconds = fastest(lambda: model.recommend(asked, matrix[asked], N=sizes.k, filter_already_liked_items=True))
    return 1000 * seconds / len(asked)


def rank_by_mllib(world: World, sizes: Sizes) -> float:
    """Milliseconds a subject and core of one ALS model's lists; one epoch, which is not counted."""
    starts, items = world.pairs
    owners = np.repeat(np.arange(sizes.users, dtype=np.int32), np.diff(starts))
    with bench_session("candidates") as (spark, _):
        pairs = spark.createDataFrame(
            pa.table({"user": owners, "item": items, "weight": np.ones(len(items), np.float32)})
        )
        fitter = ALS(
            rank=sizes.factors, maxIter=1, implicitPrefs=True, userCol="user", itemCol="item", ratingCol="weight"
        )
        model = fitter.fit(pairs)
        asked = spark.range(sizes.users - sizes.subjects, sizes.users).select(F.col("id").cast("int").alias("user"))
        lists = model.recommendForUserSubset(asked, sizes.k).write.format("noop").mode("overwrite")
        return 1000 * fastest(lists.save) * spark.sparkContext.defaultParallelism / sizes.subjects


def lines(figures: Mapping[str, float]) -> Iterator[str]:
    """A table, and each speed against a peer of the same run."""
    for name, milliseconds in figures.items():
        yield f"{name:36} {milliseconds:9.3f} ms a subject {1000 / max(milliseconds, 1e-9):10.0f} subjects/s a core"
    whole = figures["pass"]
    yield f"pass / sum of its sources' proposals: {whole / figures['proposals']:.2f} (to be <= 1.3)"
    yield f"a subject, twice the subjects / once: {figures['pass, twice the subjects'] / whole:.2f} (linear is 1)"
    if "implicit" in figures:
        yield f"one model of ours / implicit's: {figures['proposals of als'] / figures['implicit']:.2f}"
        yield f"pass of all sources / implicit's one model: {whole / figures['implicit']:.2f}"
    if "mllib" in figures:
        alone = figures["proposals of als"]
        yield f"MLlib's one model / one model of ours: {figures['mllib'] / alone:.2f} (to be >= 10)"
        yield f"MLlib's one model / pass of all sources: {figures['mllib'] / whole:.2f}"


if __name__ == "__main__":
    main()
