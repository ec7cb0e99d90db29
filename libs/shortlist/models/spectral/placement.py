"""In how many blocks a basis is decomposed, and what processes hold meanwhile: formulas of size."""

from typing import Final, NamedTuple

from shortlist.config.sources import SpectralSourceConfig
from shortlist.models.arrays.blocks import MOST_BLOCKS
from shortlist.sources.spectral import subspace_width

# A pair in a block: its item's index, its value in double precision, and its part of shorter-lived copies.
_BYTES_OF_PAIR: Final = 16
# Matrices of items x directions that the driver holds where it makes columns orthogonal: LAPACK's, numpy's copies, the result.
_COPIES: Final = 5


class Sizes(NamedTuple):
    """What the formulas need to know.

    Attributes:
        pairs: of a user and an item, what users took.
        users: who took something.
        items: all of them.
    """

    pairs: int
    users: int
    items: int


def block_count(pairs: int, config: SpectralSourceConfig) -> int:
    """Blocks of users, of about `block_pairs` pairs each."""
    return min(MOST_BLOCKS, max(1, -(-pairs // config.block_pairs)))


def matrix_bytes(sizes: Sizes, config: SpectralSourceConfig) -> float:
    """Of one matrix of items x directions, in double precision."""
    return 8.0 * sizes.items * subspace_width(sizes.users, sizes.items, config)


def driver_bytes(sizes: Sizes, config: SpectralSourceConfig) -> float:
    """What the driver holds while it makes the directions orthogonal; one block alone lies there, too."""
    pairs = _BYTES_OF_PAIR * sizes.pairs if block_count(sizes.pairs, config) == 1 else 0.0
    return _COPIES * matrix_bytes(sizes, config) + pairs


def task_bytes(sizes: Sizes, config: SpectralSourceConfig) -> float:
    """What a task adds to the basis, which tasks of a machine share: a block's pairs, its product with the basis by users, and
    by items."""
    blocks = block_count(sizes.pairs, config)
    by_users = 8.0 * sizes.users / blocks * subspace_width(sizes.users, sizes.items, config)
    return _BYTES_OF_PAIR * sizes.pairs / blocks + by_users + matrix_bytes(sizes, config)
