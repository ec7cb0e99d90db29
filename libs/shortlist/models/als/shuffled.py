"""Placement `shuffled`: factors stay in files, one a block, and a block is sent the rows of the other side that it needs."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from shortlist.config import AlsConfig
from shortlist.kernels.arrays import Floats
from shortlist.kernels.ials import gram
from shortlist.models.als.blocks import Block, Side, blocks_in, row_of_block
from shortlist.models.als.blockwise import SOLVED, HalfStep, starting_factors, with_factors
from shortlist.models.als.exchange import FolderReader
from shortlist.models.arrays.blocks import Batches, Packed, array_of
from shortlist.models.arrays.scratch import save_whole

_LINK = "source int, block int, wanted binary"
_SENT = "block int, source int, vectors binary"


@dataclass
class Shuffled:
    """Both sides in files; the driver knows where.

    Attributes:
        users: the users' side.
        items: the items' side.
        config: sizes and seed.
        root: a folder that every task sees; removed by `close`.
        item_start: all items' first factors, where they are not by chance.
    """

    users: Side
    items: Side
    config: AlsConfig
    root: Path
    item_start: Floats | None = None
    links: dict[str, DataFrame] = field(default_factory=dict)
    versions: dict[str, Path] = field(default_factory=dict)

    def start(self) -> NDArray[np.float64]:
        """Write every block with columns numbered within it, and its first factors; the Gram matrix of the items'."""
        for mine, other in ((self.users, self.items), (self.items, self.users)):
            (self.root / f"{mine.name}-rows").mkdir(parents=True)
            # Kept to the end, unlike later versions: when an executor is lost its links are split again, and this with them.
            self.versions[mine.name] = self.root / f"{mine.name}-start"
            self.versions[mine.name].mkdir()
            links = mine.blocks.mapInArrow(self._splitter(mine, other), _LINK)
            self.links[mine.name] = links.repartitionById(other.partitions, "source").persist()
            self.links[mine.name].count()
        grams = self.items.blocks.mapInArrow(_grams(self.versions[self.items.name]), "block int, gram binary")
        size = self.config.factors
        total = np.zeros((size, size), np.float64)
        for part in grams.toArrow().sort_by("block")["gram"]:
            total += array_of(part, np.float64).reshape(size, size)
        return total

    def half(self, mine: Side, other: Side, step: HalfStep) -> pa.Table:
        """Send, solve, store."""
        before, after = self.versions[mine.name], self._folder(mine)
        sent = self.links[mine.name].mapInArrow(_sender(self.versions[other.name], step.basis.rotation), _SENT)
        solver = _solver(self.root / f"{mine.name}-rows", before, after, step)
        solved = sent.repartitionById(mine.partitions, "block").mapInArrow(solver, SOLVED).toArrow()
        self.versions[mine.name] = after
        if before.name != f"{mine.name}-start":
            shutil.rmtree(before, ignore_errors=True)
        return solved

    def latest(self, side: Side) -> FolderReader:
        """Reads the blocks of the last epoch."""
        folder = self.versions[side.name]
        return FolderReader(folder, folder, folder)

    def close(self) -> None:
        """Remove every file."""
        for links in self.links.values():
            links.unpersist()
        shutil.rmtree(self.root, ignore_errors=True)

    def _folder(self, side: Side) -> Path:
        folder = self.root / f"{side.name}-{uuid4().hex}"
        folder.mkdir(parents=True)
        return folder

    def _splitter(self, mine: Side, other: Side) -> Packed:
        rows, factors, config = self.root / f"{mine.name}-rows", self.versions[mine.name], self.config
        given = self.item_start if mine is self.items else None
        side, firsts = mine.name, {number: block.first for number, block in mine.ranges.items()}
        numbers = list(other.ranges)
        edges = np.array([other.ranges[number].first for number in numbers] + [other.count])
        begin = None if given is None else self.root / "item-start.npy"
        if begin is not None and given is not None:
            save_whole(begin, given)

        def split(batches: Batches) -> Iterator[pa.RecordBatch]:
            for block in blocks_in(batches):
                wanted, columns = np.unique(block.indices, return_inverse=True)
                _save_block(rows / f"{block.number}.arrow", block._replace(indices=columns.astype(np.int32)))
                if begin is None:
                    start = starting_factors(block.ids, side, config)
                else:
                    first = firsts[block.number]
                    start = np.load(begin, mmap_mode="r")[first : first + len(block.ids)]
                save_whole(factors / f"{block.number}.npy", start)
                cuts = np.searchsorted(wanted, edges)
                for position, source in enumerate(numbers):
                    some = wanted[cuts[position] : cuts[position + 1]] - edges[position]
                    if len(some):
                        yield pa.RecordBatch.from_pydict(
                            {
                                "source": pa.array([source], pa.int32()),
                                "block": pa.array([block.number], pa.int32()),
                                "wanted": pa.array([some.astype(np.int32).tobytes()], pa.binary()),
                            }
                        )

        return split


def _sender(factors: Path, rotation: Floats) -> Packed:
    def send(batches: Batches) -> Iterator[pa.RecordBatch]:
        loaded, rotated = None, np.empty((0, len(rotation)), np.float32)
        for batch in batches:
            for row in range(batch.num_rows):
                source = batch["source"][row].as_py()
                if source != loaded:
                    loaded, rotated = source, np.load(factors / f"{source}.npy") @ rotation
                vectors = rotated[array_of(batch["wanted"][row], np.int32)]
                yield pa.RecordBatch.from_pydict(
                    {
                        "block": batch["block"].slice(row, 1),
                        "source": pa.array([source], pa.int32()),
                        "vectors": pa.array([vectors.tobytes()], pa.binary()),
                    }
                )

    return send


def _solver(rows: Path, before: Path, after: Path, step: HalfStep) -> Packed:
    def solve(batches: Batches) -> Iterator[pa.RecordBatch]:
        sent: dict[int, dict[int, Floats]] = {}
        for batch in batches:
            for row in range(batch.num_rows):
                vectors = array_of(batch["vectors"][row], np.float32).reshape(-1, step.config.factors)
                sent.setdefault(batch["block"][row].as_py(), {})[batch["source"][row].as_py()] = vectors
        for number, parts in sent.items():
            block = _load_block(rows / f"{number}.arrow")
            # Columns were numbered in the order of the other side's blocks.
            other = np.concatenate([parts[source] for source in sorted(parts)])
            factors, sums = step.solve(block, other, np.load(before / f"{number}.npy"))
            save_whole(after / f"{number}.npy", factors)
            yield with_factors(sums, None)

    return solve


def _grams(factors: Path) -> Packed:
    def add(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            content = gram(np.load(factors / f"{block.number}.npy")).tobytes()
            number = pa.array([block.number], pa.int32())
            yield pa.RecordBatch.from_arrays([number, pa.array([content], pa.binary())], names=["block", "gram"])

    return add


def _save_block(path: Path, block: Block) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    batch = row_of_block(*block)
    with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_file(file, batch.schema) as stream:
        stream.write_batch(batch)
    temporary.replace(path)


def _load_block(path: Path) -> Block:
    with pa.memory_map(str(path)) as file:
        return next(blocks_in(pa.ipc.open_file(file).read_all().to_batches()))
