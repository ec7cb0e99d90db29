"""The 100 best items for every user, written to Parquet: ours on Spark, the implicit library, MLlib.

Sets as in `infra/bench engines`: `pinterest` (boards) and seeded power-law sets; all engines of a set run in one process and
one Spark session, with as many threads as Spark has tasks and one BLAS thread each. Ours and implicit rank with the same
factors (two epochs of engine `local`), never give a user what it took, and write the same rows: ids as strings, score, rank.
MLlib ranks with a model of its own, gives what was taken too and writes lists of numbers; it is the baseline.

    stored    user factors are stored: read, joined with what each user took, ranked
    half      the same for a surface that shows every second item
    folded    they are not stored: users are folded in from their interactions and ranked in the same task

Seconds are, for ours, from factors in Parquet to a list for everybody in Parquet; implicit and MLlib have their factors in
memory. What users took is ready before: persisted, as generate_candidates does it for all sources, or implicit's matrix.
`first` is the first time in the session, `warm` the one after, with the peaks of resident memory; implicit works in the driver's
Python.
"""

import argparse
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from implicit.cpu.als import AlternatingLeastSquares
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from infra.benchmarks._measuring import Memory, bench_session, twice
from infra.benchmarks._sets import SETS, SMALL, stored
from shortlist.config import AlsConfig
from shortlist.kernels.arrays import Floats
from shortlist.models.als.fit import fit
from shortlist.models.als.folding import fold_in_top_items
from shortlist.models.arrays.matrix import Matrix, collect_matrix
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.ranking.item_factors import SharedItems, list_matrix
from shortlist.models.ranking.scoring import top_items

K: Final = 100
# implicit is given so many users at a time; one batch of all of them has crashed it.
USERS_AT_ONCE: Final = 10_000
ENGINES: Final = ("stored", "half", "folded", "implicit", "mllib")


@dataclass(frozen=True)
class Measured:
    """One engine on one set.

    Attributes:
        set: name of the set.
        engine: see the top of this file.
        factors: d.
        users: who got a list.
        first: seconds, the first time in the session.
        warm: seconds, the second time.
        memory: peaks of the second time.
        rows: rows written; MLlib's are lists.
    """

    set: str
    engine: str
    factors: int
    users: int
    first: float
    warm: float
    memory: Memory
    rows: int


@dataclass(frozen=True)
class World:
    """What all engines of a set and size start from.

    Attributes:
        spark: the session.
        pairs: user_id, item_id, weight; persisted.
        subjects: subject_id, seen; persisted.
        folder: `users` and `items`, factors in Parquet, and what the engines write.
        config: how they were fitted.
    """

    spark: SparkSession
    pairs: DataFrame
    subjects: DataFrame
    folder: Path
    config: AlsConfig

    def factors(self, side: str) -> DataFrame:
        """id, factors."""
        return self.spark.read.parquet(str(self.folder / side))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table and the ratios, write the figures."""
    parser = argparse.ArgumentParser(
        prog="infra/bench top_k", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SMALL, help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES, help="default: all")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128], help="default: %(default)s")
    given = parser.parse_args(argv)
    logging.getLogger("shortlist").setLevel(logging.WARNING)
    done: list[Measured] = []
    with bench_session("top_k") as (spark, folder):
        for name in given.sets:
            pairs = spark.read.parquet(str(stored(name, folder))).persist()
            subjects = pairs.groupBy(F.col("user_id").alias("subject_id")).agg(F.collect_set("item_id").alias("seen"))
            subjects = subjects.persist()
            users = subjects.count()
            for factors in given.factors:
                world = fitted(spark, pairs, subjects, folder / f"top_k-{name}-{factors}", factors)
                for engine in given.engines:
                    done.append(measure(world, name, engine, users))
                    print(line(done[-1]), flush=True)
                    (folder / "top_k.json").write_text(json.dumps([asdict(one) for one in done], indent=1))
                if {"stored", "implicit"} <= set(given.engines):
                    print(
                        f"{name} d={factors}: {agreement(world.folder):.4%} of implicit's rows are also ours",
                        flush=True,
                    )
                shutil.rmtree(world.folder)
            subjects.unpersist()
            pairs.unpersist()
    print()
    for text in ratios(done):
        print(text)
    print(f"figures: {folder / 'top_k.json'}")


def fitted(spark: SparkSession, pairs: DataFrame, subjects: DataFrame, folder: Path, factors: int) -> World:
    """Factors of two epochs: what they are worth does not matter here."""
    config = AlsConfig(engine="local", factors=factors, regularization=0.01, alpha=100.0, epochs=2)
    shutil.rmtree(folder, ignore_errors=True)
    with fit(pairs, config) as model:
        model.user_factors.write.parquet(str(folder / "users"))
        model.item_factors.write.parquet(str(folder / "items"))
    return World(spark, pairs, subjects, folder, config)


def measure(world: World, name: str, engine: str, users: int) -> Measured:
    """Twice."""
    task: Callable[[Path], None]
    if engine == "mllib":
        task = partial(rank_by_mllib, mllib_model(world))
    elif engine == "implicit":
        task = implicit_ready(world)
    else:
        task = partial(rank_on_spark, world, engine)
    folder = world.folder / engine
    first, warm, memory = twice(partial(task, folder))
    rows = pq.ParquetDataset(folder).read(columns=[]).num_rows
    return Measured(name, engine, world.config.factors, users, first, warm, memory, rows)


def rank_on_spark(world: World, how: str, output: Path) -> None:
    """As generate_candidates does it, item factors shared anew."""
    with scratch_folder(world.spark, None) as folder:
        items = SharedItems(world.factors("items"), folder)
        if how != "folded":
            eligible = np.arange(0, len(items.ids), 2, dtype=np.int32) if how == "half" else None
            asked = world.factors("users").withColumnRenamed("id", "subject_id").join(world.subjects, "subject_id")
            best = top_items(asked, items, K, eligible)
        else:
            best = fold_in_top_items(world.pairs, items, world.subjects, K, world.config)
        best.write.mode("overwrite").parquet(str(output))


def implicit_ready(world: World) -> Callable[[Path], None]:
    """implicit with our factors and its own matrix of what users took; as many threads as Spark has tasks."""
    matrix = collect_matrix(world.pairs, "user_id", "item_id")
    model = AlternatingLeastSquares(
        factors=world.config.factors, num_threads=world.spark.sparkContext.defaultParallelism
    )
    model.user_factors = ordered_factors(world.folder / "users", matrix.rows)
    model.item_factors = ordered_factors(world.folder / "items", matrix.columns)
    return partial(rank_by_implicit, model, matrix)


def ordered_factors(path: Path, ids: pa.Array) -> Floats:
    """Stored factors in the order of ids."""
    table = pq.read_table(path)
    order = pc.index_in(ids, value_set=table["id"].combine_chunks()).to_numpy()
    ordered: Floats = list_matrix(table["factors"].combine_chunks())[order]
    return ordered


def rank_by_implicit(model: AlternatingLeastSquares, matrix: Matrix, folder: Path) -> None:
    """In this process."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for first in range(0, len(matrix.rows), USERS_AT_ONCE):
        users = np.arange(first, min(first + USERS_AT_ONCE, len(matrix.rows)))
        items, scores = model.recommend(users, matrix.values[users], N=K, filter_already_liked_items=True)
        # What is left of a list that is too short it fills up with scores of -FLT_MAX.
        row, rank = np.nonzero(scores > np.finfo(np.float32).min)
        table = pa.table(
            {
                "subject_id": matrix.rows.take(pa.array(row + first)),
                "item_id": matrix.columns.take(pa.array(items[row, rank])),
                "score": scores[row, rank],
                "rank": (rank + 1).astype(np.int32),
            }
        )
        pq.write_table(table, folder / f"part-{first:09d}.parquet")


def mllib_model(world: World) -> ALSModel:
    """One epoch over numbered ids; its time does not count."""
    numbers = (F.substring(name, 2, 9).cast("int").alias(name) for name in ("user_id", "item_id"))
    fitter = ALS(
        rank=world.config.factors,
        maxIter=1,
        implicitPrefs=True,
        userCol="user_id",
        itemCol="item_id",
        ratingCol="weight",
    )
    model: ALSModel = fitter.fit(world.pairs.select(*numbers, "weight"))
    return model


def rank_by_mllib(model: ALSModel, folder: Path) -> None:
    """A cross join in blocks; what users took is among it."""
    model.recommendForAllUsers(K).write.mode("overwrite").parquet(str(folder))


def agreement(folder: Path) -> float:
    """Share of implicit's pairs of user and item that are also ours; where scores are close, rounding decides."""
    ours, theirs = (
        pq.read_table(folder / engine, columns=["subject_id", "item_id"]) for engine in ("stored", "implicit")
    )
    both = theirs.join(ours, ["subject_id", "item_id"], join_type="left semi")
    share: float = both.num_rows / theirs.num_rows
    del ours, theirs, both
    # Or the next engine's driver would be charged with what was read here.
    pa.default_memory_pool().release_unused()
    return share


def line(one: Measured) -> str:
    """One row of the table."""
    return (
        f"{one.set:10} {one.engine:9} d={one.factors:<4} {one.users} users  first {one.first:7.2f} s  "
        f"warm {one.warm:7.2f} s  {one.memory}  {one.rows} rows"
    )


def ratios(done: Sequence[Measured]) -> Iterator[str]:
    """Each speed against a peer of the same run."""
    by_name = {(one.set, one.factors, one.engine): one.warm for one in done}
    for name, factors in dict.fromkeys((one.set, one.factors) for one in done):
        for slow, fast, want in (
            ("mllib", "stored", "MLlib, unmasked / ours, masked; to be >= 8"),
            ("stored", "implicit", "ours / implicit; to be <= 1.5"),
            ("half", "stored", "every second item eligible / all of them"),
            ("folded", "stored", "users folded in / users stored"),
        ):
            pair = by_name.get((name, factors, slow)), by_name.get((name, factors, fast))
            if pair[0] is not None and pair[1] is not None:
                yield f"{name} d={factors}: {pair[0] / pair[1]:.2f} ({want})"


if __name__ == "__main__":
    main()
