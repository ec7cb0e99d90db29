"""Where a fit runs and where its factors are kept: chosen from formulas of size before it starts, and logged."""

from typing import Final, Literal, NamedTuple

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.models.als.model import log
from shortlist.models.arrays.blocks import GIGABYTE

Placement = Literal["shared", "sampled", "shuffled"]
# An observation in one process: id columns as they arrive (two strings, a weight), then index, weight and target, by user
# and by item.
_BYTES_PER_OBSERVATION: Final = 40 + 2 * 12


class Sizes(NamedTuple):
    """What the formulas need to know.

    Attributes:
        users: rows of the users' side.
        items: rows of the items' side.
        largest_block: observations of the largest block of either side.
    """

    users: int
    items: int
    largest_block: int


def local_bytes(observations: int, users: int, items: int, config: AlsConfig) -> int:
    """What one process holds: observations, and three copies of all factors."""
    return observations * _BYTES_PER_OBSERVATION + 3 * 4 * (users + items) * config.factors


def held_bytes(sizes: Sizes, config: AlsConfig) -> dict[Placement, int]:
    """What an executor holds of factors, by placement, in the order in which they are tried."""
    vector = 4 * config.factors
    return {
        "shared": vector * max(sizes.users, sizes.items),
        "sampled": vector * max(min(sizes.users, config.sampled_users), sizes.items),
        "shuffled": vector * min(sizes.largest_block, max(sizes.users, sizes.items)),
    }


def choose_engine(observations: int, users: int, items: int, config: AlsConfig) -> Literal["local", "spark"]:
    """One process where observations and three copies of all factors fit it, the cluster beyond."""
    needed = local_bytes(observations, users, items, config)
    engine: Literal["local", "spark"] = "local" if needed <= config.local_gigabytes * GIGABYTE else "spark"
    log.info(
        "engine %s: %d observations of about %d users and %d items need %.2f GB in one process, als.local_gigabytes is %g",
        engine,
        observations,
        users,
        items,
        needed / GIGABYTE,
        config.local_gigabytes,
    )
    return engine


def choose_placement(sizes: Sizes, config: AlsConfig, folder: bool) -> Placement:
    """The first placement that fits, or the one that settings name if it does.

    shared holds max(U, I) d 4 bytes on an executor, and moves (U + I) d 4 an epoch to each; sampled holds I d 4, or the
    sampled users' part; shuffled holds d 4 min(n_b, max(U, I)) for the largest block, and moves d 4 times the distinct
    columns of all blocks.

    Args:
        sizes: of the observations.
        config: limits.
        folder: whether there is a folder that every task sees.

    Raises:
        ModelError: nothing fits, with each number.
    """
    held = held_bytes(sizes, config)
    wanted: tuple[Placement, ...] = tuple(held)
    if config.placement != "auto":
        wanted = (config.placement,)
    refused = []
    for placement in wanted:
        gigabytes = held[placement] / GIGABYTE
        if gigabytes > config.shared_gigabytes:
            refused.append(
                (
                    placement,
                    f"an executor would hold {gigabytes:.3g} GB, als.shared_gigabytes is {config.shared_gigabytes:g}",
                )
            )
        elif placement == "shuffled" and not folder:
            refused.append((placement, "it keeps factors in a folder that every task sees, and als.scratch names none"))
        else:
            log.info(
                "engine spark: placement %s, an executor holds %.3g GB of factors (als.shared_gigabytes %g); "
                "%d users, %d items, d %d",
                placement,
                gigabytes,
                config.shared_gigabytes,
                sizes.users,
                sizes.items,
                config.factors,
            )
            return placement
    raise ModelError.no_placement(refused)
