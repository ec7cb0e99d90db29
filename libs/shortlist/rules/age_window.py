"""An item that is too new or too old, or of unknown age, is left out; what the catalog does not describe is another rule's."""

from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule
from shortlist.rules.promotions import served_from
from shortlist.rules.within import within

_MICROSECONDS_A_DAY: Final = 86_400e6
_TIME: Final = pa.timestamp("us", "UTC")


def ages_of(created: pa.Array, run_date: date) -> NDArray[np.float64]:
    """Days from each time to the end of the run date: (n,), NaN where there is none."""
    since = pc.subtract(pa.scalar(served_from(run_date), _TIME), created.cast(_TIME)).cast(pa.int64())
    ages: NDArray[np.float64] = pc.divide(since.cast(pa.float64()), _MICROSECONDS_A_DAY).to_numpy(zero_copy_only=False)
    return ages


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    of_age = within(items.ages, surface.min_item_age_days, surface.max_item_age_days)
    return of_age if items.described is None else of_age | ~items.described


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    age = "not in the catalog" if np.isnan(items.ages[index]) else f"{items.ages[index]:.1f} days"
    limits = f"min_item_age_days is {surface.min_item_age_days}, max_item_age_days is {surface.max_item_age_days}"
    return f"its age is {age}, {limits}"


AGE_WINDOW = ItemRule(lambda items, surface: items.described is not None and surface.has_age_window, _allows, _reason)
