"""Ranking quality on public sets, by the models of the nightly run: ours, the published figure, the target.

Sets: Pinterest boards, MovieLens 1M and Art of the Mix, from ../shared/data beside the checkout; without it the exit code is
2. Models are fitted by shortlist.models (als, cooccurrence) on frames, lists come from shortlist.kernels.top_k and
shortlist.sources.neighbour_lists, values from shortlist.metrics. The exit code is 1 when a target is missed, so this is a gate.
Cells whose names end in -blend go through the array pass of the nightly run without Spark: sources propose, each scores what any
proposed, a blend ranks. Settings of every source and the blend are chosen on a cut of the training part, always; --tune is
for the other cells. The same procedure takes any set: --train F --test F, Parquet or CSV of user, item and perhaps time or order.
Complete Journey needs the nightly pipeline and is not measured here.

The objective of iALS is that of Rendle et al. (RecSys 2022): over observations sum (1 - <x_u, y_i>)^2, plus a0 times the sum
of <x_u, y_i>^2 over all pairs, plus reg sum_u (|I_u| + a0 |I|)^nu |x_u|^2 and the same for items. Their a0 is 1 / als.alpha
(a0 .007 is alpha 142.857), reg is als.regularization, nu is als.nu, each observation has weight 1; nothing is rescaled.

--tune compares settings on a part withheld from the training part by a seeded hash, never on the test part; its figures are
lower than the test's, because what the test part holds is neither masked nor counted. Each cell says what its settings rest on.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from infra.benchmarks._measuring import bench_session
from infra.benchmarks._quality_blends import BLEND_CELLS
from infra.benchmarks._quality_cells import CELLS, CHOICE_SEED, Cell
from infra.benchmarks._quality_figures import Measured, Paired, compared, describe_settings, scored, with_seed
from infra.benchmarks._quality_learning import measure as measure_blend
from infra.benchmarks._quality_methods import Settings
from infra.benchmarks._quality_protocols import Split
from infra.benchmarks._quality_reporting import report
from infra.benchmarks._quality_tasks import cut_like, task_of_files
from shortlist.config import CHECKOUT, AlsConfig, state_home
from shortlist.config.blends import LearnedBlendConfig
from shortlist.metrics.definitions import DEFINITIONS

DATA: Final = CHECKOUT.parent / "shared" / "data"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure or choose, print, write the figures; the exit code."""
    parser = argparse.ArgumentParser(
        prog="infra/bench quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*CELLS, *BLEND_CELLS]
    parser.add_argument("--cells", nargs="+", choices=every, default=every, help="default: all")
    parser.add_argument("--train", type=Path, help="training rows of a set of your own: user, item[, time or order]")
    parser.add_argument("--test", type=Path, help="what is looked for in it: user, item")
    parser.add_argument("--k", type=int, default=10, help="length of its lists (default: 10)")
    names = sorted({name for cell in CELLS.values() for name in cell.methods})
    parser.add_argument("--methods", nargs="+", choices=names, default=names, help="default: all of each cell")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[7], help="targets are held against the mean (default: 7)"
    )
    parser.add_argument("--engine", choices=("spark", "auto", "local"), default="spark", help="of ALS (default: spark)")
    parser.add_argument("--tune", action="store_true", help="compare settings on a part of the training part")
    options = parser.parse_args(argv)
    if (options.train is None) != (options.test is None):
        parser.error("--train and --test come together")
    if options.train is not None:
        return measure_files(options.train, options.test, options.k)
    cells = [CELLS[name] for name in options.cells if name in CELLS]
    blends = [name for name in options.cells if name in BLEND_CELLS and not options.tune]
    files = [file for cell in cells for file in cell.files]
    files += [file for name in blends for file in BLEND_CELLS[name].files]
    absent = sorted({str(DATA / file) for file in files if not (DATA / file).exists()})
    if absent:
        sys.stderr.write(
            f"no {', '.join(absent)}: the sets lie beside the checkout; next: put them there, or choose --cells\n"
        )
        return 2
    lost = measure_blends(blends)
    if not cells:
        return lost
    # Batches of subjects whose lists of candidates or of seen items are some megabytes.
    with bench_session("quality", {"spark.sql.execution.arrow.maxRecordsPerBatch": "2048"}) as (spark, folder):
        if options.tune:
            return choose(spark, cells, options.methods, folder / "quality_choice.json")
        return max(lost, measure(spark, cells, options.methods, options.seeds, options.engine, folder / "quality.json"))


def figures_folder() -> Path:
    """Where figures are written."""
    folder = state_home() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measure_blends(names: Sequence[str]) -> int:
    """The blend and its sources on each set; 1 when a target is missed."""
    lost: list[str] = []
    for name in names:
        cell = BLEND_CELLS[name]
        task = cell.load(DATA)
        result = measure_blend(task, cell.withhold(task), cell.config)
        lost += report(name, cell.protocol, result, cell.metrics, cell.config.k, cell.wanted, figures_folder())
    for text in lost:
        print(f"missed: {text}")
    return 1 if lost else 0


def measure_files(train: Path, test: Path, k: int) -> int:
    """The same procedure on a set of files; 1 when the blend is below one of its sources, 2 when there is no such file."""
    absent = [str(file) for file in (train, test) if not file.exists()]
    if absent:
        sys.stderr.write(f"no {', '.join(absent)}; next: give Parquet or CSV files of user, item[, time or order]\n")
        return 2
    task = task_of_files(train, test)
    protocol = f"{train.name} -> {test.name}, full ranking, history {'masked' if task.masked else 'not masked'}"
    result = measure_blend(task, cut_like(task), LearnedBlendConfig(k=k))
    lost = report("files", protocol, result, ("recall", "ndcg", "hit_rate", "mrr"), k, {}, figures_folder())
    for text in lost:
        print(f"missed: {text}")
    return 1 if lost else 0


def measure(
    spark: SparkSession, cells: Sequence[Cell], methods: Sequence[str], seeds: Sequence[int], engine: str, file: Path
) -> int:
    """Every method of every cell on the test part; 1 when a target is missed."""
    done: list[Measured] = []
    pairs: list[Paired] = []
    for cell in cells:
        print(f"\n{cell.name}: {cell.protocol}\n  settings: {cell.chosen}", flush=True)
        split = kept(cell.load(spark, DATA))
        for seed in seeds:
            values = {}
            for figures, found in scored(cell, split, methods_of(cell, methods, seed, seeds, engine), seed):
                done.extend(figures)
                values[figures[0].method] = found
                write(file, done, pairs)
            if seed == seeds[0]:
                for left, right in combinations(values, 2):
                    pairs.extend(compared(cell, left, right, values))
                write(file, done, pairs)
            forget(*values.values())
        forget(split.train, split.relevant)
        for text in (*table(cell, done), *differences(cell, pairs)):
            print(text, flush=True)
    for text in explanations(cells):
        print(text)
    print(f"figures: {file}")
    lost = missed(done)
    for text in lost:
        print(f"missed: {text}")
    return 1 if lost else 0


def choose(spark: SparkSession, cells: Sequence[Cell], methods: Sequence[str], file: Path) -> int:
    """Every setting of every grid on a part withheld from the training part, and beside the one in use; 0."""
    done: list[Measured] = []
    pairs: list[Paired] = []
    for cell in cells:
        outer = kept(cell.load(spark, DATA))
        split = kept(cell.withhold(outer.train))
        print(f"\n{cell.name}: settings compared on a part withheld from the training part, hash seed {CHOICE_SEED}")
        for name in (name for name in cell.grids if name in methods):
            used = describe_settings(cell.methods[name])
            # The one in use first: the others are set beside it.
            grid = sorted(
                cell.grids[name],
                key=lambda settings: describe_settings(settings) != describe_settings(cell.methods[name]),
            )
            values = {}
            for settings in grid:
                ((figures, found),) = scored(cell, split, {name: with_seed(settings, CHOICE_SEED, "auto")}, CHOICE_SEED)
                values[describe_settings(settings)] = found
                done.extend(figures)
                beside = (
                    compared(cell, describe_settings(settings), used, values)
                    if describe_settings(settings) != used
                    else []
                )
                pairs.extend(beside)
                write(file, done, pairs)
                print(f"  {name:10} {describe_settings(settings):42} {'' if beside else 'in use'}", flush=True)
                for index, one in enumerate(figures):
                    gain = beside[index] if beside else None
                    change = f"  {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]" if gain else ""
                    print(f"    {one.metric:12} {one.value:.4f} [{one.low:.4f}, {one.high:.4f}]{change}", flush=True)
            forget(*values.values())
        forget(split.train, split.relevant, outer.train, outer.relevant)
    print(f"figures: {file}")
    return 0


def methods_of(cell: Cell, methods: Sequence[str], seed: int, seeds: Sequence[int], engine: str) -> dict[str, Settings]:
    """What is measured with a seed: with the first everything, with another what chance has a part in."""
    wanted = {name: settings for name, settings in cell.methods.items() if name in methods}
    return {
        name: with_seed(settings, seed, engine)
        for name, settings in wanted.items()
        if seed == seeds[0] or cell.negatives or isinstance(settings, AlsConfig)
    }


def kept(split: Split) -> Split:
    """Computed once."""
    return Split(split.train.persist(), split.relevant.persist())


def forget(*frames: DataFrame) -> None:
    """What is persisted no longer."""
    for frame in frames:
        frame.unpersist()


def write(file: Path, done: Sequence[Measured], pairs: Sequence[Paired]) -> None:
    """All figures so far."""
    figures = {"measured": [asdict(one) for one in done], "paired": [asdict(one) for one in pairs]}
    file.write_text(json.dumps(figures, indent=1))


def by_figure(done: Sequence[Measured]) -> dict[tuple[str, str, str], list[Measured]]:
    """Figures of the same cell, method and metric, one for each seed."""
    gathered: dict[tuple[str, str, str], list[Measured]] = {}
    for one in done:
        gathered.setdefault((one.cell, one.method, one.metric), []).append(one)
    return gathered


def mean(figures: Sequence[Measured]) -> float:
    """Over seeds."""
    return sum(one.value for one in figures) / len(figures)


def missed(done: Sequence[Measured]) -> list[str]:
    """The targets that the means over seeds do not reach."""
    return [
        f"{cell} {method} {metric}: {mean(figures):.4f}, wanted {figures[0].wanted:.4f}"
        for (cell, method, metric), figures in by_figure(done).items()
        if figures[0].wanted is not None and mean(figures) < figures[0].wanted
    ]


def table(cell: Cell, done: Sequence[Measured]) -> Iterator[str]:
    """One line a method and metric, and one a method with what it rests on."""
    yield f"  {'method':11} {'metric':12} {'ours':6} {'95 % interval':16} {'published':>9} {'target':>7}  verdict"
    for (of_cell, method, metric), figures in by_figure(done).items():
        if of_cell != cell.name:
            continue
        one = figures[0]
        published, wanted = (f"{x:.4f}" if x is not None else "-" for x in (one.published, one.wanted))
        verdict = "" if one.wanted is None else "met" if mean(figures) >= one.wanted else "MISSED"
        values = [figure.value for figure in figures]
        spread = f"  {len(values)} seeds: mean {mean(figures):.4f}, {min(values):.4f} to {max(values):.4f}"
        yield (
            f"  {method:11} {metric:12} {one.value:.4f} [{one.low:.4f}, {one.high:.4f}] {published:>9} {wanted:>7}  "
            f"{verdict}{spread if len(values) > 1 else ''}"
        )
        if metric == f"{cell.metrics[-1]}@{cell.k}":
            served = f"{one.subjects:,} subjects, {one.without_list} without a list (count 0)"
            yield f"  {'':11} {served}; {one.seconds:.0f} s; {one.settings}"


def differences(cell: Cell, pairs: Sequence[Paired]) -> Iterator[str]:
    """Each method beside each other."""
    for pair in (one for one in pairs if one.cell == cell.name):
        interval = f"[{pair.low:+.4f}, {pair.high:+.4f}]"
        yield f"  {pair.left} - {pair.right}, same subjects: {pair.metric} {pair.value:+.4f} {interval}"


def explanations(cells: Sequence[Cell]) -> Iterator[str]:
    """What the figures mean."""
    yield "\nT is what was withheld from a subject, L its first k items."
    for metric in dict.fromkeys(metric for cell in cells for metric in cell.metrics):
        yield f"  {metric}: {DEFINITIONS[metric]}"
    if any(cell.negatives for cell in cells):
        yield "Among negatives: only candidates are ranked, none is masked; of equal scores the withheld item comes last."
    if any(not cell.negatives for cell in cells):
        yield "Full ranking: all items of the training part, the subject's own masked; ties by item id."
    yield "Means over all subjects with something withheld; intervals by bootstrap over subjects (2,000 draws, seeded)."


if __name__ == "__main__":
    raise SystemExit(main())
