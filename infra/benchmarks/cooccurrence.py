"""Co-occurrence against peers: the kernel and implicit's CosineRecommender, Spark and the self-join that SQL would write.

Sets as in `engines`; a user, or a board, is a basket. Every item's 100 best neighbours by cosine. The kernel and the
implicit library are given the same matrix and as many threads as Spark has tasks, and the median of five runs is taken.
On Spark a time is from the call to lists in Parquet files, ids as strings; `first` in a session that has not done it yet,
`warm` the second time. The self-join (join on the basket, count the pairs, rank them by a window) is made once, and stopped
when its budget is over; then its time is a lower bound. Rows are compared one by one, all of them or, with a self-join that
was stopped or left out, those of a hundredth of the items.
"""

import argparse
import json
import logging
import os
import statistics
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import scipy.sparse as sp
from implicit.nearest_neighbours import CosineRecommender
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from infra.benchmarks._measuring import Memory, bench_session, timed, twice
from infra.benchmarks._sets import SETS, SMALL, stored
from shortlist.columns import BASKET_ID, ITEM_ID, RANK, RELATED_ITEM_ID, SCORE, SUPPORT, USER_ID
from shortlist.config import CooccurrenceConfig
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import MEASURES, cooccur, totals_of
from shortlist.models.arrays.blocks import cut_by
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.models.cooccurrence.blocks import work_of

PLACEMENTS: Final = ("local", "mapped", "shuffled")
NEIGHBOURS: Final = 100
RUNS: Final = 5
# One item in so many has its rows compared where the whole self-join was not made.
SAMPLE: Final = 100
GROUP: Final = "self-join"


@dataclass(frozen=True)
class Measured:
    """One way on one set.

    Attributes:
        set: name of the set.
        way: who computed it.
        pairs: rows of baskets.
        first: seconds of the first time; None where only one was made or for kernels.
        seconds: warm seconds; of the self-join its only run, or its budget where it was stopped.
        stopped: whether it was stopped at its budget.
        rows: lists' rows; None where they were not counted.
        equal: whether they are the self-join's; None where that was not looked at.
        compared: rows that were compared.
        memory: peaks during the warm run; of kernels none.
    """

    set: str
    way: str
    pairs: int
    first: float | None
    seconds: float
    stopped: bool = False
    rows: int | None = None
    equal: bool | None = None
    compared: int = 0
    memory: Memory | None = None


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table and the ratios, write the figures."""
    parser = argparse.ArgumentParser(
        prog="infra/bench cooccurrence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SMALL, help="default: %(default)s")
    parser.add_argument(
        "--budget", type=float, default=300.0, help="seconds for the self-join, 0: none (default: %(default)s)"
    )
    parser.add_argument("--without-kernels", action="store_true", help="Spark only")
    options = parser.parse_args(argv)
    logging.getLogger("shortlist").setLevel(logging.WARNING)
    done: list[Measured] = []
    with bench_session("cooccurrence") as (spark, folder):
        for name in options.sets:
            frame = spark.read.parquet(str(stored(name, folder))).select(F.col(USER_ID).alias(BASKET_ID), ITEM_ID)
            ways = [] if options.without_kernels else list(kernels(frame, name))
            for one in (*ways, *on_spark(spark, frame, name, folder, options.budget)):
                done.append(one)
                print(line(one), flush=True)
                (folder / "cooccurrence.json").write_text(json.dumps([asdict(each) for each in done], indent=1))
    print()
    for text in ratios(done):
        print(text)
    print(f"figures: {folder / 'cooccurrence.json'}")


def kernels(frame: DataFrame, name: str) -> Iterator[Measured]:
    """Our kernel and implicit's on one matrix of this process."""
    table = frame.toArrow()
    users, items = (table[column].combine_chunks().dictionary_encode() for column in (BASKET_ID, ITEM_ID))
    shape = (len(users.dictionary), len(items.dictionary))
    values = np.ones(len(table), np.float32)
    matrix = sp.csr_matrix((values, (users.indices.to_numpy(), items.indices.to_numpy())), shape=shape)
    matrix.sort_indices()
    threads = os.cpu_count() or 1
    one = partial(Measured, name, pairs=len(table), first=None)
    for way, task in (
        ("kernel, cosine", partial(by_kernel, matrix, ["cosine"], threads)),
        ("kernel, all seven", partial(by_kernel, matrix, list(MEASURES), threads)),
        ("implicit, cosine", partial(by_implicit, matrix, threads)),
    ):
        task()
        yield one(way=way, seconds=statistics.median(timed(task) for _ in range(RUNS)))


def by_kernel(matrix: sp.csr_matrix, measures: Sequence[str], threads: int) -> None:
    """Every item's lists by threads over ranges of items of about equal work."""
    rows = Rows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32))
    count = matrix.shape[1]
    totals = totals_of(rows, count)
    edges = np.arange(count + 1)
    cuts = cut_by(work_of(rows, edges), edges, 4 * threads).tolist()

    def some(ends: tuple[int, int]) -> object:
        return cooccur(rows, count, measures, NEIGHBOURS, first_item=ends[0], last_item=ends[1], totals=totals)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(some, pairwise(cuts)))


def by_implicit(matrix: sp.csr_matrix, threads: int) -> None:
    """One neighbour more, because an item is its own."""
    CosineRecommender(K=NEIGHBOURS + 1, num_threads=threads).fit(matrix, show_progress=False)


def on_spark(spark: SparkSession, frame: DataFrame, name: str, folder: Path, budget: float) -> Iterator[Measured]:
    """Every placement and the self-join, to Parquet files."""
    pairs = frame.count()
    outputs = {way: str(folder / f"related-{name}-{way}.parquet") for way in (*PLACEMENTS, GROUP)}
    times = {}
    for placement in PLACEMENTS:
        config = CooccurrenceConfig(
            placement=placement, measures=("cosine",), neighbours=NEIGHBOURS, min_support=1, local_gigabytes=1e6
        )
        task = partial(write_fit, frame, config, outputs[placement])
        times[placement] = twice(task)
    joined = timed(partial(write_join, spark, frame, outputs[GROUP], budget)) if budget else None
    whole = joined is not None and joined < budget
    expected = spark.read.parquet(outputs[GROUP]) if whole else self_join(frame, SAMPLE).persist()
    compared = expected.count()
    for placement, (first, warm, memory) in times.items():
        found = spark.read.parquet(outputs[placement]).select(*expected.columns)
        rows = found.count()
        if not whole:
            found = found.where(sampled(ITEM_ID, SAMPLE))
        equal = found.exceptAll(expected).isEmpty() and expected.exceptAll(found).isEmpty()
        yield Measured(name, f"spark {placement}", pairs, first, warm, False, rows, equal, compared, memory)
    if joined is not None:
        yield Measured(name, GROUP, pairs, None, min(joined, budget), not whole, compared if whole else None)
    expected.unpersist()


def write_fit(frame: DataFrame, config: CooccurrenceConfig, output: str) -> None:
    """Lists in files."""
    with cooccurrence.fit(frame, config) as related:
        related.write.mode("overwrite").parquet(output)


def write_join(spark: SparkSession, frame: DataFrame, output: str, budget: float) -> None:
    """The self-join's lists in files, or nothing whole when the budget is over."""
    over, ended = threading.Event(), threading.Event()

    def stop() -> None:
        if not ended.wait(budget):
            over.set()
        while not ended.wait(0.1):  # again and again: between two of its jobs a query has none that could be cancelled
            spark.sparkContext.cancelJobGroup(GROUP)

    spark.sparkContext.setJobGroup(GROUP, GROUP, interruptOnCancel=True)
    watch = threading.Thread(target=stop)
    watch.start()
    try:
        self_join(frame).write.mode("overwrite").parquet(output)
    except Exception:  # a cancelled write is no PySparkException: it comes as py4j's own error
        if not over.is_set():
            raise
    finally:
        ended.set()
        watch.join()
        spark.sparkContext.setJobGroup("", "")


def self_join(frame: DataFrame, one_in: int = 1) -> DataFrame:
    """item_id, rank, related_item_id, score, support as one would write it in SQL, of all items or of one in so many."""
    sizes = frame.groupBy(ITEM_ID).agg((1 / F.sqrt(F.count("*"))).alias("root"))
    left = frame.where(sampled(ITEM_ID, one_in)) if one_in > 1 else frame
    right = frame.withColumnRenamed(ITEM_ID, RELATED_ITEM_ID)
    pairs = left.join(right, BASKET_ID, how="inner").where(F.col(ITEM_ID) != F.col(RELATED_ITEM_ID))
    counted = pairs.groupBy(ITEM_ID, RELATED_ITEM_ID).agg(F.count("*").cast("int").alias(SUPPORT))
    others = sizes.select(F.col(ITEM_ID).alias(RELATED_ITEM_ID), F.col("root").alias("other_root"))
    scored = counted.join(sizes, ITEM_ID, how="inner").join(others, RELATED_ITEM_ID, how="inner")
    score = (F.col(SUPPORT) * F.col("root") * F.col("other_root")).cast("float")
    best_first = Window.partitionBy(ITEM_ID).orderBy(F.desc(SCORE), RELATED_ITEM_ID)
    ranked = scored.withColumn(SCORE, score).withColumn(RANK, F.row_number().over(best_first))
    return ranked.where(F.col(RANK) <= NEIGHBOURS).select(ITEM_ID, RANK, RELATED_ITEM_ID, SCORE, SUPPORT)


def sampled(item: str, one_in: int) -> Column:
    """Whether an item is among the sampled ones."""
    return F.pmod(F.xxhash64(item), F.lit(one_in)) == 0


def line(one: Measured) -> str:
    """One row of the table."""
    first = " " * 8 if one.first is None else f"{one.first:8.2f}"
    seconds = f"{'>' if one.stopped else ' '}{one.seconds:8.3f} s"
    rows = "" if one.rows is None else f"  {one.rows:9d} rows"
    equal = "" if one.equal is None else f", {one.compared} compared: {'equal' if one.equal else 'NOT EQUAL'}"
    memory = "" if one.memory is None else f"  {one.memory}"
    return f"{one.set:10} {one.way:18} first {first} s  warm {seconds}{memory}{rows}{equal}"


def ratios(done: Sequence[Measured]) -> Iterator[str]:
    """Each speed against a peer of the same run."""
    for name in dict.fromkeys(one.set for one in done):
        here = {one.way: one for one in done if one.set == name}
        ours, peer = here.get("kernel, cosine"), here.get("implicit, cosine")
        if ours is not None and peer is not None:
            yield f"{name}: kernel / implicit {ours.seconds / peer.seconds:.2f} (to be <= .7)"
        joined = here.get(GROUP)
        for placement in PLACEMENTS:
            if joined is not None:
                ratio = joined.seconds / here[f"spark {placement}"].seconds
                bound = "at least " if joined.stopped else ""
                yield f"{name}: self-join / spark {placement} {bound}{ratio:.1f} (to be >= 15)"


if __name__ == "__main__":
    main()
