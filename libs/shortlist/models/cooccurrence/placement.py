"""Where co-occurrence is counted and where its baskets are kept: chosen from formulas of size before it starts, and logged."""

import logging
from typing import Final, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from shortlist.config import CooccurrenceConfig
from shortlist.errors import ModelError
from shortlist.models.arrays.blocks import GIGABYTE

Placement = Literal["local", "mapped", "shuffled"]
Refused = list[tuple[str, str]]
Count = TypeVar("Count", int, NDArray[np.int64])
log = logging.getLogger("shortlist.cooccurrence")

# A row of baskets in one process: two ids as strings, then numbered, sorted, and by item.
BYTES_PER_ROW: Final = 64
# A neighbour on a list: its cells in the kernel, then two ids as strings, score, support and rank.
BYTES_PER_NEIGHBOUR: Final = 80


class Sizes(NamedTuple):
    """What the formulas need to know.

    Attributes:
        rows: pairs of basket and item.
        baskets: about how many.
        items: about how many.
    """

    rows: int
    baskets: int
    items: int


def choose_placement(sizes: Sizes, config: CooccurrenceConfig, folder: bool) -> tuple[Placement, Refused]:
    """The first placement that may fit, or the one that settings name, and why those before it do not.

    local holds 64 bytes for each row and 80 for each neighbour of measures x items x neighbours, in the driver's process;
    mapped holds 4 bytes for each row and 16 for each basket, in pages that all tasks of a machine
    share; shuffled holds as much of the baskets that touch a task's items, which `require_fit` looks at once they are counted.

    Args:
        sizes: of the baskets.
        config: limits.
        folder: whether there is a folder that every task sees.

    Raises:
        ModelError: the named placement does not fit, with the number.
    """
    local = local_bytes(sizes, config) / GIGABYTE
    mapped = basket_bytes(sizes.rows, sizes.baskets) / GIGABYTE
    refused: Refused = []
    if config.placement == "local" or (config.placement == "auto" and local <= config.local_gigabytes):
        _say("local", sizes, f"{local:.3g} GB in one process (cooccurrence.local_gigabytes {config.local_gigabytes:g})")
        return "local", refused
    refused.append(
        ("local", f"one process would hold {local:.3g} GB, cooccurrence.local_gigabytes is {config.local_gigabytes:g}")
    )
    if config.placement != "shuffled":
        limit = config.shared_gigabytes
        if not folder:
            refused.append(
                ("mapped", "its file must be in a folder that every task sees, and cooccurrence.scratch names none")
            )
        elif mapped > limit:
            refused.append(("mapped", f"its file is {mapped:.3g} GB, cooccurrence.shared_gigabytes is {limit:g}"))
        else:
            _say("mapped", sizes, f"a file of {mapped:.3g} GB (cooccurrence.shared_gigabytes {limit:g})")
            return "mapped", refused
        if config.placement == "mapped":
            raise ModelError.no_basket_placement(refused[1:])
    return "shuffled", refused if config.placement == "auto" else []


def require_fit(sizes: Sizes, moved: int, held: int, config: CooccurrenceConfig, refused: Refused) -> None:
    """Say what placement shuffled moves and holds.

    Args:
        sizes: of the baskets.
        moved: bytes sent to all item blocks together.
        held: bytes of the largest item block's baskets.
        config: limits.
        refused: why the placements before it do not fit.

    Raises:
        ModelError: a task would hold too much, with each number.
    """
    limit = config.shared_gigabytes
    if held > limit * GIGABYTE:
        why = f"a task would hold {held / GIGABYTE:.3g} GB of baskets, cooccurrence.shared_gigabytes is {limit:g}"
        raise ModelError.no_basket_placement([*refused, ("shuffled", why)])
    said = f"{moved / GIGABYTE:.3g} GB are moved, a task holds {held / GIGABYTE:.3g} GB"
    _say("shuffled", sizes, f"{said} (cooccurrence.shared_gigabytes {limit:g})")


def local_bytes(sizes: Sizes, config: CooccurrenceConfig) -> int:
    """What one process holds: rows of baskets, and lists of neighbours."""
    neighbours = len(config.measures) * sizes.items * min(config.neighbours, sizes.items)
    return sizes.rows * BYTES_PER_ROW + neighbours * BYTES_PER_NEIGHBOUR


def basket_bytes(rows: Count, baskets: Count) -> Count:
    """Baskets in compressed rows: an item 4 bytes, a basket 8 and its weight 8."""
    return 4 * rows + 16 * baskets


def _say(placement: Placement, sizes: Sizes, what: str) -> None:
    log.info("placement %s: %s; %d rows of about %d baskets and %d items", placement, what, *sizes)
