"""One block of rows solved inside a Spark task, and what the driver needs to know of it: sums, never rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Floats, frozen
from shortlist.kernels.ials import GramBasis, gram, observed_loss, penalty, row_regularization, solve_rows
from shortlist.kernels.starting import ITEMS, USERS, initial_factors
from shortlist.models.als.blocks import Block
from shortlist.models.als.observations import observed
from shortlist.models.arrays.blocks import array_of
from shortlist.models.arrays.matrix import id_hashes

SIDES: Final = {"users": USERS, "items": ITEMS}
SOLVED: Final = "block int, gram binary, penalty double, loss double, unsolved long, factors binary"


@dataclass(frozen=True)
class HalfStep:
    """What every block of one half-epoch shares.

    Attributes:
        config: strengths and steps.
        basis: eigenbasis of the Gram matrix of the other side.
        other_count: rows of the other side.
        exactly: whether to solve by Cholesky whatever the config says, because the rows have no start worth its name.
    """

    config: AlsConfig
    basis: GramBasis
    other_count: int
    exactly: bool = False

    def solve(self, block: Block, other: Floats, start: Floats) -> tuple[Floats, pa.RecordBatch]:
        """A block's new factors, and its share of the sums.

        Args:
            block: its observations, indices into `other`.
            other: rows of the other side, in the eigenbasis; finite.
            start: the block's factors of the last epoch, not rotated.
        """
        config, basis = self.config, self.basis
        seen = observed(block.indptr, block.indices, block.weights)
        strengths = row_regularization(
            block.indptr, self.other_count, config.regularization, 1.0 / config.alpha, config.nu
        )
        solution = start @ basis.rotation
        steps = None if self.exactly else config.cg_steps
        fixed = frozen(other, np.float32, "other factors")
        unsolved = solve_rows(seen, fixed, frozen(basis.spectrum, np.float32, "spectrum"), strengths, solution, steps)
        loss = observed_loss(seen, solution, fixed)
        factors = solution @ np.ascontiguousarray(basis.rotation.T)
        sums = pa.RecordBatch.from_pydict(
            {
                "block": pa.array([block.number], pa.int32()),
                "gram": pa.array([gram(factors).tobytes()], pa.binary()),
                "penalty": pa.array([penalty(strengths, factors)], pa.float64()),
                "loss": pa.array([loss], pa.float64()),
                "unsolved": pa.array([unsolved], pa.int64()),
            }
        )
        return factors, sums


class Sums(NamedTuple):
    """What all blocks of a half-epoch add up to.

    Attributes:
        gram: (d, d) float64, of the new factors.
        penalty: their share of the objective's regularizer.
        loss: the objective's sum over observations.
    """

    gram: NDArray[np.float64]
    penalty: float
    loss: float


def add_up(solved: pa.Table, side: str, factors: int) -> Sums:
    """The sums of all blocks, always in the order of their numbers.

    Raises:
        ModelError: rows that float32 could not solve.
    """
    unsolved = sum(solved["unsolved"].to_pylist())
    if unsolved:
        raise ModelError.not_finite(f"als {side} (engine spark), rows without a solution in float32", unsolved)
    rows = sorted(zip(*(solved[name] for name in ("block", "gram", "penalty", "loss")), strict=True), key=_number)
    total = np.zeros((factors, factors), np.float64)
    for _, block_gram, _, _ in rows:
        total += array_of(block_gram, np.float64).reshape(factors, factors)
    return Sums(total, sum(row[2].as_py() for row in rows), sum(row[3].as_py() for row in rows))


def starting_factors(ids: pa.Array, side: str, config: AlsConfig) -> Floats:
    """Where a fit starts: small vectors, each from the id alone."""
    return initial_factors(id_hashes(ids), config.factors, config.seed, SIDES[side])


def objective(user_sums: Sums, item_sums: Sums, unobserved_weight: float) -> float:
    """The objective after an epoch; its sum over observations is that of the items' half, which came last."""
    everywhere = unobserved_weight * float((user_sums.gram * item_sums.gram).sum())
    return item_sums.loss + everywhere + user_sums.penalty + item_sums.penalty


def with_factors(sums: pa.RecordBatch, factors: Floats | None) -> pa.RecordBatch:
    """The sums, with the block's factors where the driver passes them on."""
    content = b"" if factors is None else np.ascontiguousarray(factors).tobytes()
    return sums.append_column("factors", pa.array([content], pa.binary()))


def _number(row: Iterable[pa.Scalar]) -> int:
    number: int = next(iter(row)).as_py()
    return number
