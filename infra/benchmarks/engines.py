"""ALS engines against each other: ours in one process and on Spark, the implicit library, MLlib.

Sets: `pinterest` (the boards of ../shared/data beside the checkout), and seeded power-law sets `syn-1m`, `syn-10m`, `syn-100m` of
so many pairs; --full takes the large two as well. All engines of a set run in one process and one Spark session, with as many
threads as Spark has tasks and one BLAS thread each. An epoch is the median of those after the first. `first` is a fit in a
session that has not fitted yet, from the call to factors that were written nowhere; `build` is what comes before the first
epoch of the second fit: reading, numbering, blocks of both sides.
"""

import argparse
import json
import logging
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from shortlist.config import CHECKOUT, AlsConfig, state_home
from shortlist.io.session import spark_session
from shortlist.models.als import fit

# As spark-submit starts a job on this machine (infra/spark/local/bin/spark-submit).
MACHINE: Final = CHECKOUT / "infra" / "spark" / "local" / "spark-defaults.conf"
BOARDS: Final = CHECKOUT.parent / "shared" / "data" / "pinterest_hmgcn_train.parquet"
# Users, items, pairs.
SYNTHETIC: Final = {
    "syn-1m": (40_000, 20_000, 1_000_000),
    "syn-10m": (200_000, 50_000, 10_000_000),
    "syn-100m": (2_000_000, 200_000, 100_000_000),
}
SMALL: Final = ("pinterest", "syn-1m")
VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "local": {"engine": "local"},
    "spark shared": {"engine": "spark", "placement": "shared"},
    "spark shuffled": {"engine": "spark", "placement": "shuffled"},
    "spark sampled": {"engine": "spark", "placement": "sampled"},
    "implicit": {"engine": "implicit"},
    "mllib": {"engine": "mllib"},
    "local exact": {"engine": "local", "cg_steps": None},
}
_OBJECTIVE = re.compile(r"objective ([-+.e\d]+)")


@dataclass(frozen=True)
class Measured:
    """One engine on one set.

    Attributes:
        set: name of the set.
        engine: name of the variant.
        factors: d.
        pairs: observations.
        first: seconds of the first fit, with its factors counted; None where only one fit was made.
        build: seconds before the first epoch, warm; None where the engine does not say.
        epoch: seconds of an epoch, warm.
        objective: after the last epoch; None where it is another objective.
        driver_mb: peak resident memory of this Python process so far.
    """

    set: str
    engine: str
    factors: int
    pairs: int
    first: float | None
    build: float | None
    epoch: float
    objective: float | None
    driver_mb: float


class Epochs(logging.Handler):
    """When each epoch ended, and its objective, from what the engines log."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[float] = []
        self.objective: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the lines of epochs."""
        message = record.getMessage()
        if ": epoch " in message:
            self.ended.append(time.perf_counter())
            found = _OBJECTIVE.search(message)
            self.objective = float(found[1]) if found else None


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table and the ratios, write the figures."""
    parser = argparse.ArgumentParser(
        prog="infra/bench engines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=("pinterest", *SYNTHETIC), help=f"default: {' '.join(SMALL)}")
    parser.add_argument("--full", action="store_true", help="every set; hours")
    parser.add_argument("--engines", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="default: all")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128], help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=8, help="epochs a fit (default: %(default)s)")
    options = parser.parse_args(argv)
    sets = options.sets or (("pinterest", *SYNTHETIC) if options.full else SMALL)
    if "pinterest" in sets and not BOARDS.exists():
        sys.stderr.write(
            f"no {BOARDS}: the boards lie beside the checkout; next: put them there, or choose --sets syn-1m\n"
        )
        raise SystemExit(2)
    log = logging.getLogger("shortlist")
    log.setLevel(logging.INFO)
    folder = state_home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    done: list[Measured] = []
    with spark_session("bench engines", machine()) as spark:
        spark.sparkContext.setLogLevel("ERROR")
        for name in sets:
            frame = spark.read.parquet(str(stored(name, folder)))
            pairs = frame.count()
            for factors in options.factors:
                for engine in options.engines:
                    config = AlsConfig.model_validate(
                        {"factors": factors, "regularization": 0.01, "alpha": 100.0, "epochs": options.epochs}
                        | VARIANTS[engine]
                    )
                    done.append(measure(frame, name, engine, pairs, config))
                    print(line(done[-1]), flush=True)
                    (folder / "engines.json").write_text(json.dumps([asdict(one) for one in done], indent=1))
    print()
    for text in ratios(done):
        print(text)
    print(f"figures: {folder / 'engines.json'}")


def machine() -> dict[str, str]:
    """The settings of one machine, and memory for the larger sets."""
    lines = (text.split(None, 1) for text in MACHINE.read_text().splitlines() if text and not text.startswith("#"))
    return {name: value.strip() for name, value in lines} | {"spark.driver.memory": "6g"}


def measure(frame: DataFrame, name: str, engine: str, pairs: int, config: AlsConfig) -> Measured:
    """Fit twice and keep the second's times; MLlib, which says nothing of its epochs, with one epoch and with all."""
    if engine == "mllib":
        one = timed(partial(fitted, frame, config.model_copy(update={"epochs": 1})))
        all_epochs = timed(partial(fitted, frame, config))
        epoch = (all_epochs - one) / (config.epochs - 1)
        return Measured(name, engine, config.factors, pairs, one, None, epoch, None, driver_mb())
    first = timed(partial(fitted, frame, config))
    with watched() as epochs:
        started = time.perf_counter()
        fitted(frame, config)
    lengths = np.diff(epochs.ended)
    epoch = float(statistics.median(lengths))
    build = epochs.ended[0] - started - epoch
    # implicit logs no objective, and reports its epochs like ours.
    return Measured(name, engine, config.factors, pairs, first, build, epoch, epochs.objective, driver_mb())


def fitted(frame: DataFrame, config: AlsConfig) -> int:
    """Fit, and make every vector once."""
    with fit(frame, config) as model:
        return model.user_factors.count() + model.item_factors.count()


@contextmanager
def watched() -> Iterator[Epochs]:
    """What is logged in the meantime."""
    epochs, log = Epochs(), logging.getLogger("shortlist")
    log.addHandler(epochs)
    try:
        yield epochs
    finally:
        log.removeHandler(epochs)


def timed(task: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def driver_mb() -> float:
    """Peak resident memory of this process; Linux counts in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stored(name: str, folder: Path) -> Path:
    """The set as interactions in Parquet files, made once."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        users, items = boards() if name == "pinterest" else power_law(*SYNTHETIC[name])
        path.mkdir()
        # A table of a night has several files: one for each task.
        for part, some in enumerate(np.array_split(np.arange(len(users)), max(4, len(users) // 2_000_000))):
            table = pa.table(
                {
                    "user_id": pa.array([f"u{user:08d}" for user in users[some].tolist()]),
                    "item_id": pa.array([f"i{item:08d}" for item in items[some].tolist()]),
                    "weight": pa.array(np.ones(len(some), np.float32)),
                }
            )
            pq.write_table(table, path / f"part-{part:05d}.parquet")
    return path


def boards() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Boards and pins, each pair once."""
    table = pq.read_table(BOARDS).group_by(["board", "pin"]).aggregate([])
    return table["board"].to_numpy(), table["pin"].to_numpy()


def power_law(users: int, items: int, pairs: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Log-normal activity, power-law popularity, in an order that has nothing to do with either."""
    random = np.random.default_rng(7)
    activity = np.clip(random.lognormal(0, 1.0, users), 0.05, None)
    popularity = random.permutation(1 / (np.arange(items) + 20.0) ** 0.9)
    drawn = int(pairs * 1.12)
    left = random.choice(users, drawn, p=activity / activity.sum())
    right = random.choice(items, drawn, p=popularity / popularity.sum())
    keys = np.unique(left.astype(np.int64) * items + right)
    keys = random.permutation(keys)[:pairs]
    return (keys // items).astype(np.int32), (keys % items).astype(np.int32)


def line(one: Measured) -> str:
    """One row of the table."""
    first, build = (" " * 8 if value is None else f"{value:8.2f}" for value in (one.first, one.build))
    objective = "" if one.objective is None else f"{one.objective:.6g}"
    return (
        f"{one.set:10} {one.engine:15} d={one.factors:<4} first {first} s  build {build} s  epoch {one.epoch:8.3f} s  "
        f"driver {one.driver_mb:6.0f} MB  {objective}"
    )


def ratios(done: Sequence[Measured]) -> Iterator[str]:
    """Each speed against a peer of the same run."""
    by_name = {(one.set, one.factors, one.engine): one for one in done}
    for name, factors in dict.fromkeys((one.set, one.factors) for one in done):
        here = {engine: by_name[name, factors, engine] for engine in VARIANTS if (name, factors, engine) in by_name}
        for ours, peer, want in (
            ("spark shared", "mllib", "mllib / spark, to be >= 8 at 10M rows and d=128"),
            ("implicit", "spark shared", "spark / implicit, to be <= 2 at 10M rows"),
            ("implicit", "local", "local / implicit, to be <= 1"),
        ):
            if ours in here and peer in here:
                yield f"{name} d={factors}: {here[peer].epoch / here[ours].epoch:.2f} ({want})"
        spark = here.get("spark shared")
        if spark is not None and spark.build is not None:
            yield f"{name} d={factors}: {spark.build / spark.epoch:.1f} epochs to build blocks (to be <= 3 at 10M rows)"
        exact, steps = here.get("local exact"), here.get("local")
        if exact is not None and steps is not None and exact.objective and steps.objective:
            off = steps.objective / exact.objective - 1
            yield f"{name} d={factors}: objective {off:+.4%} of exact (to be within .05 %)"


if __name__ == "__main__":
    main()
