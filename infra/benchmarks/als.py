"""ALS: our engines in one process and on Spark, the implicit library, MLlib.

Sets: `pinterest` (the boards of ../shared/data beside the checkout), and seeded power-law sets `syn-1m`, `syn-10m`, `syn-100m` of
so many pairs. All engines of a set run in one process and one Spark session, with as many
threads as Spark has tasks and one BLAS thread each. An epoch is the median of those after the first. `first` is a fit in a
session that has not fitted yet, from the call to factors that were written nowhere; `build` is what comes before the first
epoch of the second fit: reading, numbering, blocks of both sides. MLlib says nothing of its epochs: it is fitted with a few and
once more with one.
"""

import argparse
import json
import logging
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from typing import Any, Final

import numpy as np
from pyspark.sql import DataFrame

from infra.benchmarks._measuring import Memory, bench_session, memory_watched, timed
from infra.benchmarks._sets import SETS, SMALL, SYNTHETIC, stored
from shortlist.config import AlsConfig
from shortlist.models.als.fit import fit

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
        first: seconds of the first fit, with its factors counted; MLlib's has one epoch.
        build: seconds before the first epoch, warm; None where the engine does not say.
        epoch: seconds of an epoch, warm.
        objective: after the last epoch; None where it is another objective.
        memory: peaks during the second fit.
    """

    set: str
    engine: str
    factors: int
    pairs: int
    first: float
    build: float | None
    epoch: float
    objective: float | None
    memory: Memory


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
        prog="infra/bench als", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SMALL, help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="default: all")
    parser.add_argument("--factors", type=int, nargs="+", default=[64, 128], help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=8, help="epochs a fit (default: %(default)s)")
    options = parser.parse_args(argv)
    log = logging.getLogger("shortlist")
    log.setLevel(logging.INFO)
    done: list[Measured] = []
    with bench_session("als") as (spark, folder):
        for name in options.sets:
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
                    (folder / "als.json").write_text(json.dumps([asdict(one) for one in done], indent=1))
    print()
    for text in ratios(done):
        print(text)
    print(f"figures: {folder / 'als.json'}")


def measure(frame: DataFrame, name: str, engine: str, pairs: int, config: AlsConfig) -> Measured:
    """Fit twice and keep the second's times."""
    if engine == "mllib":
        one, few = (config.model_copy(update={"epochs": epochs}) for epochs in (1, 3 if pairs < 5_000_000 else 2))
        first = timed(partial(fitted, frame, one))
        least = timed(partial(fitted, frame, one))
        with memory_watched() as memory:
            epoch = (timed(partial(fitted, frame, few)) - least) / (few.epochs - 1)
        return Measured(name, engine, config.factors, pairs, first, None, epoch, None, memory)
    first = timed(partial(fitted, frame, config))
    with watched() as epochs, memory_watched() as memory:
        started = time.perf_counter()
        fitted(frame, config)
    lengths = np.diff(epochs.ended)
    epoch = float(statistics.median(lengths))
    build = epochs.ended[0] - started - epoch
    # implicit logs no objective, and reports its epochs like ours.
    return Measured(name, engine, config.factors, pairs, first, build, epoch, epochs.objective, memory)


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


def line(one: Measured) -> str:
    """One row of the table."""
    build = " " * 8 if one.build is None else f"{one.build:8.2f}"
    objective = "" if one.objective is None else f"{one.objective:.6g}"
    return (
        f"{one.set:10} {one.engine:15} d={one.factors:<4} first {one.first:8.2f} s  build {build} s  epoch {one.epoch:8.3f} s  "
        f"{one.memory}  {objective}"
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
    yield from growth([one for one in done if one.engine == "spark shared" and one.set in SYNTHETIC])


def growth(done: Sequence[Measured]) -> Iterator[str]:
    """From each synthetic set to the next larger one: seconds and the driver's memory against pairs."""
    for small, large in product(done, done):
        if small.factors == large.factors and 5 < large.pairs / small.pairs < 20:
            pairs = large.pairs / small.pairs
            seconds = ((large.build or 0) + large.epoch) / ((small.build or 0) + small.epoch)
            driver = f"{small.memory.driver:.0f} to {large.memory.driver:.0f} MB"
            yield (
                f"{small.set} to {large.set} d={small.factors}: {pairs:.1f} times the pairs, {seconds:.1f} times build and epoch "
                f"(to be at most 1.3 times linear), driver {driver}"
            )


if __name__ == "__main__":
    main()
