"""What training and generating cost, from counts alone: pairs, floating point operations, bytes moved, memory of a process.

Orders of magnitude, to be known before hours are spent; `infra/bench scale` holds their slopes against measured ones. Memory of
training is what placements are chosen by.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shortlist.config import AlsConfig, BudgetConfig, CooccurrenceConfig, Settings, SurfaceConfig
from shortlist.models.als import placement as als_placement
from shortlist.models.arrays.blocks import GIGABYTE, count_blocks
from shortlist.models.cooccurrence import placement as cooccurrence_placement
from shortlist.sources.common_set import NARROW_SUBJECTS

Resource = Literal["pairs", "flops", "shuffle_gigabytes", "memory_gigabytes"]
RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)
# An observation on its way into a block: the index of the other side, a weight, and its share of ids and edges.
_BYTES_SENT: Final = 12
# An interaction in a user's history, as Arrow sends it: item and its numbers, and the item again among the masked ones.
_BYTES_OF_HISTORY: Final = 52
# A row of a list, as Arrow sends it.
_BYTES_LISTED: Final = 36
# A neighbour in a list: its index and its similarity.
_BYTES_OF_NEIGHBOUR: Final = 8


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


@dataclass(frozen=True)
class Counts:
    """What generation is counted by.

    Attributes:
        interactions: pairs of user and item.
        users: subjects of surfaces for users.
        items: all items, also those that only the catalog knows.
        queries: subjects of surfaces for queries.
    """

    interactions: int
    users: int
    items: int
    queries: int = 0


def als_cost(observations: int, users: int, items: int, config: AlsConfig) -> Cost:
    """Of alternating least squares.

    An observation costs a row's solver 4 d in each of its steps and once before them (exactly: d^2 + 4 d), on either side; a
    row 8 d^2 for the basis and the Gram matrix (exactly: d^3 / 3 more). Blocks of both sides move every observation twice;
    factors move once an epoch, `shuffled` to every block that has one of their rows.
    """
    size, rows = config.factors, users + items
    if config.cg_steps is None:
        each, solved = size * size + 4.0 * size, size**3 / 3
    else:
        each, solved = 4.0 * size * (config.cg_steps + 1), 0.0
    epoch = 2 * observations * each + rows * (8.0 * size * size + solved)
    cost = Cost(pairs=2.0 * observations * config.epochs, flops=epoch * config.epochs)
    if config.engine in ("local", "implicit") or (
        config.engine == "auto" and _fits_here(observations, users, items, config)
    ):
        return cost + Cost(memory_bytes=als_placement.local_bytes(observations, users, items, config))
    vectors, blocks = 4.0 * size, count_blocks(observations, config.block_rows)
    held = als_placement.held_bytes(als_placement.Sizes(users, items, min(observations, config.block_rows)), config)
    fitting = [name for name in held if held[name] <= config.shared_gigabytes * GIGABYTE] or ["shuffled"]
    placement = fitting[0] if config.placement == "auto" else config.placement
    moved = vectors * rows
    if placement == "shuffled":
        moved = vectors * (min(observations, blocks * items) + min(observations, blocks * users))
    return cost + Cost(
        shuffle_bytes=2.0 * _BYTES_SENT * observations + moved * config.epochs, memory_bytes=held[placement]
    )


def _fits_here(observations: int, users: int, items: int, config: AlsConfig) -> bool:
    return als_placement.local_bytes(observations, users, items, config) <= config.local_gigabytes * GIGABYTE


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


def surface_cost(counts: Counts, surface: SurfaceConfig, settings: Settings) -> Cost:
    """Of the one pass over a surface's subjects.

    A source that multiplies vectors of length d costs a subject 2 d for every item; one that counts looks at every item once,
    and at the neighbours of what the subject took. Then each source scores what any of them proposed.
    """
    subjects = {"user": counts.users, "item": counts.items, "query": counts.queries}[surface.subject]
    names = [*surface.sources, *([surface.fallback] if surface.fallback else [])]
    lengths = [_vector_length(name, settings) for name in names]
    history = 1.0 if surface.subject == "item" else counts.interactions / max(1, counts.users)
    candidates = min(counts.items, surface.depth * len(names))
    each = 0.0
    for name, length in zip(names, lengths, strict=True):
        each += (
            2.0 * length * (counts.items + candidates)
            if length
            else counts.items + candidates + history * _listed(name, settings)
        )
    if "als" in names and surface.subject == "user" and not settings.als.store_user_factors:
        each += history * settings.als.factors**2 + settings.als.factors**3 / 3
    counting = sum(not length for length in lengths)
    shared = counts.items * (
        sum(4.0 * length * (2 if name == "spectral" else 1) for name, length in zip(names, lengths, strict=True))
        + sum(_BYTES_OF_NEIGHBOUR * _listed(name, settings) for name in names)
    )
    return Cost(
        pairs=float(subjects) * counts.items * len(names),
        flops=subjects * each,
        shuffle_bytes=float(subjects) * (_BYTES_OF_HISTORY * history + _BYTES_LISTED * surface.longest_list),
        memory_bytes=shared + 4.0 * NARROW_SUBJECTS * counts.items * counting,
    )


def _vector_length(source: str, settings: Settings) -> int:
    """Numbers in the vectors that a source multiplies; 0 for one that counts."""
    return {"als": settings.als.factors, "spectral": settings.sources.spectral.factors}.get(source, 0)


def _listed(source: str, settings: Settings) -> int:
    """Neighbours of an item that a source adds up."""
    lists = {"cooccurrence": settings.cooccurrence.neighbours, "rp3beta": settings.cooccurrence.neighbours}
    return (lists | {"session_next": settings.sources.session_next.neighbours}).get(source, 0)
