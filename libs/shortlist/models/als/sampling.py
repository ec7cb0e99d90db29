"""Which users item factors are learned from when not all of them can be: a seeded sample that leaves no item behind."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast

from shortlist.config import AlsConfig
from shortlist.kernels.starting import chances
from shortlist.models.als.blocks import BLOCK, Block, Side, blocks_in, counted, row_of_block
from shortlist.models.als.model import log
from shortlist.models.arrays.blocks import Batches, Packed
from shortlist.models.arrays.matrix import id_hashes

# Shares of als.sampled_users_per_item that are tried, largest first, until the sample is small enough.
_SHARES: Final = (1.0, 0.5, 0.25, 0.125, 0.06, 0.03, 0.015, 0.0)


def sampled_side(users: Side, entries: "Broadcast[NDArray[np.int64]]", config: AlsConfig) -> Side:
    """Users to learn from, each by its own chance: their id, the seed and their rarest item decide, nothing else.

    A user is taken with probability max(r, m / n) where n is the number of observations of its rarest item, so an item is
    expected to keep min(n, m) of its users, and users of only frequent items are thinned to the share r: half of
    `sampled_users`. m is `sampled_users_per_item`, or the largest share of it that keeps the expected sample within
    `sampled_users`.
    """
    share = min(1.0, config.sampled_users / users.count / 2)
    wanted = [config.sampled_users_per_item * part for part in _SHARES]
    expected = users.blocks.mapInArrow(_expecting(entries, share, wanted), "item int, users double").toArrow()
    totals = np.zeros(len(wanted))
    np.add.at(totals, expected["item"].to_numpy(), expected["users"].to_numpy())
    fitting = np.flatnonzero(totals <= config.sampled_users)
    chosen = int(fitting[0]) if len(fitting) else len(wanted) - 1
    side = counted("users", users.blocks.mapInArrow(_thinning(entries, share, wanted[chosen], config.seed), BLOCK))
    log.info(
        "sample: %d of %d users, at least %.3g for each item where there are so many",
        side.count,
        users.count,
        wanted[chosen],
    )
    return side


def sampling_chances(block: Block, entries: NDArray[np.int64], share: float, per_item: float) -> NDArray[np.float64]:
    """Each row's probability of being taken, (rows,)."""
    if not len(block.indices):
        return np.full(len(block.ids), share)
    rarest = np.minimum.reduceat(entries[block.indices], block.indptr[:-1])
    return np.minimum(1.0, np.maximum(share, per_item / rarest))


def _expecting(entries: "Broadcast[NDArray[np.int64]]", share: float, wanted: list[float]) -> Packed:
    def expect(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            sums = [float(sampling_chances(block, entries.value, share, per_item).sum()) for per_item in wanted]
            yield pa.RecordBatch.from_pydict({"item": pa.array(range(len(sums)), pa.int32()), "users": pa.array(sums)})

    return expect


def _thinning(entries: "Broadcast[NDArray[np.int64]]", share: float, per_item: float, seed: int) -> Packed:
    def thin(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            probability = sampling_chances(block, entries.value, share, per_item)
            taken = chances(id_hashes(block.ids), seed) < probability
            if not taken.any():
                continue
            counts = np.diff(block.indptr)
            kept = np.repeat(taken, counts)
            indptr = np.concatenate(([0], np.cumsum(counts[taken])))
            ids = pc.filter(block.ids, pa.array(taken))
            yield row_of_block(block.number, ids, indptr, block.indices[kept], block.weights[kept])

    return thin
