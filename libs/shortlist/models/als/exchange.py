"""How factors get from one half-epoch's tasks to the next one's: through files that all see, or through broadcasts."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import numpy as np
import pyarrow as pa
from pyspark import Broadcast, SparkContext

from shortlist.kernels.arrays import Floats
from shortlist.models.als.blocks import Block, Side
from shortlist.models.arrays.blocks import array_of
from shortlist.models.arrays.scratch import save_whole

# Factors of a block before its first solution, from its ids.
Starting = Callable[[Block], Floats]


class Reader(Protocol):
    """What a task is given to read through."""

    def other(self) -> Floats:
        """All rows of the other side, rotated."""

    def mine(self, block: Block) -> Floats | None:
        """A block's factors of the last epoch; None before the first."""

    def keep(self, block: Block, factors: Floats) -> Floats | None:
        """Store a block's new factors; what is not stored here is handed back, for the driver to pass on."""


class Exchange(Protocol):
    """What the driver keeps of both sides between half-epochs."""

    def put(self, side: Side, factors: Floats) -> None:
        """Start a side from given factors, rows in the order of its blocks."""

    def readers(self, mine: Side, other: Side, rotation: Floats) -> Reader:
        """Make ready the other side, rotated, and open a new version of mine."""

    def done(self, mine: Side, solved: pa.Table) -> None:
        """The new version of mine is whole; forget the one before."""

    def latest(self, side: Side) -> Reader:
        """A reader whose `mine` gives the newest factors."""

    def close(self) -> None:
        """Give back disk and memory."""


@dataclass(frozen=True)
class FolderReader:
    """Files that every task sees. Whatever is written appears whole or not at all, whichever attempt writes it.

    Attributes:
        shared: memory-mapped .npy of all rotated rows of the other side.
        before: folder of the last epoch's blocks, None before the first.
        after: folder of this epoch's blocks.
    """

    shared: Path
    before: Path | None
    after: Path

    def other(self) -> Floats:
        """Pages of the file, shared by all tasks of a machine."""
        mapped: Floats = np.load(self.shared, mmap_mode="r")
        return mapped

    def mine(self, block: Block) -> Floats | None:
        """The block's file."""
        if self.before is None:
            return None
        factors: Floats = np.load(self.before / f"{block.number}.npy")
        return factors

    def keep(self, block: Block, factors: Floats) -> None:
        """Write the block's file."""
        save_whole(self.after / f"{block.number}.npy", factors)


@dataclass
class Folder:
    """Factors as files, one a block; the driver reads them one block at a time and holds no side in memory.

    Attributes:
        root: a folder that the driver and all tasks see; removed by `close`.
    """

    root: Path
    versions: dict[str, Path] = field(default_factory=dict)
    opened: dict[str, Path] = field(default_factory=dict)
    shared: Path | None = None

    def put(self, side: Side, factors: Floats) -> None:
        """One file a block."""
        folder = self._folder(side)
        for number, block in side.ranges.items():
            save_whole(folder / f"{number}.npy", factors[block.first : block.first + block.rows])
        self.versions[side.name] = folder

    def readers(self, mine: Side, other: Side, rotation: Floats) -> FolderReader:
        """The other side goes through memory a block at a time, into one file."""
        self._forget_shared()
        path = self.root / f"{other.name}-{uuid4().hex}.npy"
        header = {"descr": "<f4", "fortran_order": False, "shape": (other.count, len(rotation))}
        with path.open("wb") as file:
            # Not a map: the pages that are written through one count as the driver's memory.
            np.lib.format.write_array_header_1_0(file, header)
            for number in other.ranges:
                block: Floats = np.load(self.versions[other.name] / f"{number}.npy")
                (block @ rotation).astype("<f4", copy=False).tofile(file)
        self.shared = path
        self.opened[mine.name] = self._folder(mine)
        return FolderReader(path, self.versions.get(mine.name), self.opened[mine.name])

    def done(self, mine: Side, solved: pa.Table) -> None:
        """The blocks' files are there."""
        before = self.versions.get(mine.name)
        self.versions[mine.name] = self.opened.pop(mine.name)
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)

    def latest(self, side: Side) -> FolderReader:
        """Reads the blocks of the last epoch."""
        folder = self.versions[side.name]
        return FolderReader(folder, folder, folder)

    def close(self) -> None:
        """Remove every file; a task that writes late has nowhere to write."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _folder(self, side: Side) -> Path:
        folder = self.root / f"{side.name}-{uuid4().hex}"
        folder.mkdir(parents=True)
        return folder

    def _forget_shared(self) -> None:
        if self.shared is not None:
            self.shared.unlink(missing_ok=True)
            self.shared = None


@dataclass(frozen=True)
class BroadcastReader:
    """Both sides as Spark brought them to this executor.

    Attributes:
        rotated: all rotated rows of the other side.
        before: all rows of this side, None before the first epoch.
        firsts: where each block of this side begins.
    """

    rotated: "Broadcast[Floats] | None"
    before: "Broadcast[Floats] | None"
    firsts: dict[int, int]

    def other(self) -> Floats:
        """The broadcast array."""
        assert self.rotated is not None
        return self.rotated.value

    def mine(self, block: Block) -> Floats | None:
        """The block's slice."""
        if self.before is None:
            return None
        first = self.firsts[block.number]
        return self.before.value[first : first + len(block.indptr) - 1]

    def keep(self, block: Block, factors: Floats) -> Floats:
        """Back to the driver."""
        return factors


@dataclass
class Broadcasts:
    """Factors through the driver: where no folder is seen by all. The driver holds both sides.

    Attributes:
        context: Spark's.
        factors: newest factors by side.
    """

    context: SparkContext
    factors: dict[str, Floats] = field(default_factory=dict)
    sent: "list[Broadcast[Floats]]" = field(default_factory=list)

    def put(self, side: Side, factors: Floats) -> None:
        """Keep them."""
        self.factors[side.name] = factors

    def readers(self, mine: Side, other: Side, rotation: Floats) -> BroadcastReader:
        """Send both."""
        self._recall()
        rotated = self._send(self.factors[other.name] @ rotation)
        before = self.factors.get(mine.name)
        return BroadcastReader(rotated, None if before is None else self._send(before), _firsts(mine))

    def done(self, mine: Side, solved: pa.Table) -> None:
        """Put the blocks together."""
        parts = {
            number.as_py(): array_of(content, np.float32)
            for number, content in zip(solved["block"], solved["factors"], strict=True)
        }
        self.factors[mine.name] = np.concatenate(
            [parts[number].reshape(block.rows, -1) for number, block in mine.ranges.items()]
        )

    def latest(self, side: Side) -> BroadcastReader:
        """Send the newest."""
        return BroadcastReader(None, self._send(self.factors[side.name]), _firsts(side))

    def close(self) -> None:
        """Free the executors' copies."""
        self._recall()

    def _send(self, factors: Floats) -> "Broadcast[Floats]":
        sent = self.context.broadcast(factors)
        self.sent.append(sent)
        return sent

    def _recall(self) -> None:
        for sent in self.sent:
            sent.unpersist()
        self.sent.clear()


def _firsts(side: Side) -> dict[int, int]:
    return {number: block.first for number, block in side.ranges.items()}
