"""The sets that models are measured on: real boards from beside the checkout, and seeded ones of any size."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shortlist.config import CHECKOUT

BOARDS: Final = CHECKOUT.parent / "shared" / "data" / "pinterest_hmgcn_train.parquet"
# Users, items, pairs.
SYNTHETIC: Final = {
    "syn-1m": (40_000, 20_000, 1_000_000),
    "syn-10m": (200_000, 50_000, 10_000_000),
    "syn-100m": (2_000_000, 200_000, 100_000_000),
}
SMALL: Final = ("pinterest", "syn-1m")
SETS: Final = ("pinterest", *SYNTHETIC)


def stored(name: str, folder: Path) -> Path:
    """The set as interactions in Parquet files, made once.

    Raises:
        SystemExit: the boards are not there.
    """
    if name == "pinterest" and not BOARDS.exists():
        print(
            f"no {BOARDS}: the boards are expected beside the checkout; next: put them there, or choose --sets syn-1m"
        )
        raise SystemExit(2)
    path = folder / f"{name}.parquet"
    if not path.exists():
        users, items = boards() if name == "pinterest" else power_law(*SYNTHETIC[name])
        whole = path.with_name(f".{path.name}")
        whole.mkdir(parents=True, exist_ok=True)
        user_ids, item_ids = ids("u", int(users.max())), ids("i", int(items.max()))
        # A table of a night has several files: one for each task.
        for part, some in enumerate(np.array_split(np.arange(len(users)), max(4, len(users) // 2_000_000))):
            table = pa.table(
                {
                    "user_id": user_ids.take(pa.array(users[some])),
                    "item_id": item_ids.take(pa.array(items[some])),
                    "weight": pa.array(np.ones(len(some), np.float32)),
                }
            )
            pq.write_table(table, whole / f"part-{part:05d}.parquet")
        whole.rename(path)
    return path


def ids(letter: str, last: int) -> pa.Array:
    """Ids of the numbers up to the last."""
    return pa.array([f"{letter}{number:08d}" for number in range(last + 1)])


def boards() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Boards and pins, each pair once."""
    table = pq.read_table(BOARDS).group_by(["board", "pin"]).aggregate([])
    return table["board"].to_numpy(), table["pin"].to_numpy()


def power_law(users: int, items: int, pairs: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Log-normal activity, power-law popularity, in an order that has nothing to do with either."""
    random = np.random.default_rng(7)
    activity = np.clip(random.lognormal(0, 1.0, users), 0.05, None)
    popularity = random.permutation(1 / (np.arange(items) + 20.0) ** 0.9)
    drawn = int(pairs * 1.12)
    left = random.choice(users, drawn, p=activity / activity.sum())
    right = random.choice(items, drawn, p=popularity / popularity.sum())
    keys = np.unique(left.astype(np.int64) * items + right)
    keys = random.permutation(keys)[:pairs]
    return (keys // items).astype(np.int32), (keys % items).astype(np.int32)
