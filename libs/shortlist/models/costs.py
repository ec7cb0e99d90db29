"""What training costs, from counts alone: pairs, floating point operations, bytes moved, memory of a process.

Orders of magnitude, to be known before hours are spent; `infra/bench scale` holds their slopes against measured ones. Memory
is what placements are chosen by.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from shortlist.config import AlsConfig, BudgetConfig, CooccurrenceConfig
from shortlist.config.sources import SpectralSourceConfig
from shortlist.models.als import placement as als_placement
from shortlist.models.arrays.blocks import GIGABYTE, count_blocks
from shortlist.models.cooccurrence import placement as cooccurrence_placement
from shortlist.models.spectral import placement as spectral_placement
from shortlist.sources.spectral import subspace_width

Resource = Literal["pairs", "flops", "shuffle_gigabytes", "memory_gigabytes"]
RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)
# An observation on its way into a block: the index of the other side, a weight, and its share of ids and edges.
_BYTES_SENT: Final = 12


@dataclass(frozen=True)
class Cost:
    """What a job costs.

    Attributes:
        pairs: pairs that are looked at.
        flops: floating point operations.
        shuffle_bytes: bytes that move between processes.
        memory_bytes: of the process that holds most.
    """

    pairs: float = 0.0
    flops: float = 0.0
    shuffle_bytes: float = 0.0
    memory_bytes: float = 0.0

    def over(self, budget: BudgetConfig) -> list[tuple[Resource, float, float]]:
        """What is beyond a budget, as (resource, cost, limit)."""
        limits = [(name, getattr(budget, name)) for name in RESOURCES]
        return [(name, self.of(name), limit) for name, limit in limits if limit is not None and self.of(name) > limit]

    def as_dict(self) -> dict[str, float]:
        """The amount of each resource in the unit of its setting."""
        return {name: self.of(name) for name in RESOURCES}

    def of(self, resource: Resource) -> float:
        """The amount of a resource in the unit of its setting."""
        return {
            "pairs": self.pairs,
            "flops": self.flops,
            "shuffle_gigabytes": self.shuffle_bytes / GIGABYTE,
            "memory_gigabytes": self.memory_bytes / GIGABYTE,
        }[resource]

    def __add__(self, other: "Cost") -> "Cost":
        """One after the other: work adds up, memory is that of the larger."""
        return Cost(
            self.pairs + other.pairs,
            self.flops + other.flops,
            self.shuffle_bytes + other.shuffle_bytes,
            max(self.memory_bytes, other.memory_bytes),
        )


def als_cost(observations: int, users: int, items: int, config: AlsConfig) -> Cost:
    """Of alternating least squares.

    An observation costs a row's solver 4 d in each of its steps and once before them (exactly: d^2 + 4 d), on either side; a
    row 8 d^2 for the basis and the Gram matrix (exactly: d^3 / 3 more). Blocks of both sides move every observation twice;
    factors move once an epoch, `shuffled` to every block that has one of their rows. `sampled` does all this for its share of
    the users, and then solves every user once, exactly.
    """
    size, rows = config.factors, users + items
    pairs = 2.0 * observations * config.epochs
    if config.engine in ("local", "implicit") or (
        config.engine == "auto" and _fits_here(observations, users, items, config)
    ):
        flops = config.epochs * _epoch(observations, rows, config)
        return Cost(pairs, flops, 0.0, als_placement.local_bytes(observations, users, items, config))
    vectors, blocks = 4.0 * size, count_blocks(observations, config.block_rows)
    held = als_placement.held_bytes(als_placement.Sizes(users, items, min(observations, config.block_rows)), config)
    fitting = [name for name in held if held[name] <= config.shared_gigabytes * GIGABYTE] or ["shuffled"]
    placement = fitting[0] if config.placement == "auto" else config.placement
    share, folded, moved = 1.0, 0.0, vectors * rows
    if placement == "shuffled":
        moved = vectors * (min(observations, blocks * items) + min(observations, blocks * users))
    if placement == "sampled":
        share = min(1.0, config.sampled_users / max(1, users))
        moved = vectors * (share * users + items)
        if config.store_user_factors:
            folded = _exactly(size) * observations + users * (8.0 * size**2 + size**3 / 3)
    return Cost(
        pairs=share * pairs,
        flops=config.epochs * _epoch(share * observations, share * users + items, config) + folded,
        shuffle_bytes=_BYTES_SENT * observations * (1 + share) + moved * config.epochs,
        memory_bytes=held[placement],
    )


def _epoch(observations: float, rows: float, config: AlsConfig) -> float:
    """Operations of one pass over both sides."""
    size = config.factors
    if config.cg_steps is None:
        return 2 * observations * _exactly(size) + rows * (8.0 * size**2 + size**3 / 3)
    return 2 * observations * 4.0 * size * (config.cg_steps + 1) + rows * 8.0 * size**2


def _exactly(size: int) -> float:
    """Operations of an observation of a row that is solved exactly."""
    return size**2 + 4.0 * size


def _fits_here(observations: int, users: int, items: int, config: AlsConfig) -> bool:
    return als_placement.local_bytes(observations, users, items, config) <= config.local_gigabytes * GIGABYTE


class BasketCounts(NamedTuple):
    """What co-occurrence is counted by.

    Attributes:
        rows: pairs of basket and item.
        baskets: about how many.
        items: about how many.
        squared_sizes: of all baskets, summed up.
    """

    rows: int
    baskets: int
    items: int
    squared_sizes: int


def cooccurrence_cost(rows: int, baskets: int, items: int, squared_sizes: int, config: CooccurrenceConfig) -> Cost:
    """Of counting which items are in the same baskets.

    Every row of an item goes through its basket: the squared sizes of all baskets, an addition and a product each, and once
    more by each measure for what is kept. Rows are numbered in blocks; `shuffled` sends a basket to every task with one of its
    items.

    Args:
        rows: pairs of basket and item.
        baskets: about how many.
        items: about how many.
        squared_sizes: of all baskets, summed up.
        config: measures and placement.
    """
    kept = float(len(config.measures) * items * min(config.neighbours, items))
    cost = Cost(pairs=float(squared_sizes), flops=2.0 * squared_sizes + 10.0 * kept)
    sizes = cooccurrence_placement.Sizes(rows, baskets, items)
    local = cooccurrence_placement.local_bytes(sizes, config)
    if config.placement == "local" or (config.placement == "auto" and local <= config.local_gigabytes * GIGABYTE):
        return cost + Cost(memory_bytes=local)
    mapped = cooccurrence_placement.basket_bytes(rows, baskets)
    if config.placement != "shuffled" and mapped <= config.shared_gigabytes * GIGABYTE:
        return cost + Cost(shuffle_bytes=float(_BYTES_SENT * rows), memory_bytes=mapped)
    sent = min(float(squared_sizes), float(rows) * (config.item_blocks or count_blocks(rows, config.block_rows)))
    return cost + Cost(
        shuffle_bytes=_BYTES_SENT * (rows + sent), memory_bytes=min(mapped, config.shared_gigabytes * GIGABYTE)
    )


def spectral_cost(pairs: int, users: int, items: int, config: SpectralSourceConfig) -> Cost:
    """Of the basis of source `spectral`, by subspace iteration.

    A pass, one more of them than `iterations`, multiplies what users took with the w directions, and its transpose with the
    product: 4 w for every pair. Before the first pass and after each one the directions are made orthogonal, or turned at the
    end: 4 w^2 for every item (exactly: 9 w^3 more, once). Pairs move into blocks of users. A single block then moves to the
    driver; of several, each sends its part of the product, a matrix of items x w, in every pass: the basis goes out, the sum
    comes back.

    Args:
        pairs: of a user and an item, what users took.
        users: who took something.
        items: all of them.
        config: factors, oversampling, iterations, size of a block.
    """
    sizes = spectral_placement.Sizes(pairs, users, items)
    width, passes = subspace_width(users, items, config), config.iterations + 1
    blocks, matrix = spectral_placement.block_count(pairs, config), spectral_placement.matrix_bytes(sizes, config)
    moved = float(_BYTES_SENT * pairs) if blocks == 1 else passes * (blocks + 2) * matrix
    return Cost(
        pairs=2.0 * pairs * passes,
        flops=4.0 * width * (passes * pairs + (passes + 1) * items * width),
        shuffle_bytes=_BYTES_SENT * pairs + moved,
        memory_bytes=max(
            spectral_placement.driver_bytes(sizes, config), matrix + spectral_placement.task_bytes(sizes, config)
        ),
    )
