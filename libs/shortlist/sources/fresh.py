"""Which items are new: the younger, the better, between a floor and a ceiling of users."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import FreshSourceConfig
from shortlist.kernels.arrays import finite_doubles, require_shape
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_values import ItemValuesScorer
from shortlist.subjects import SubjectType


class Fresh:
    """Items that are new, the same for every subject."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Freshness of each item."""
        return ("freshness",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[None]:
        """The scorer."""
        return ItemValuesScorer(given(artefacts.freshness, "freshness"))


def freshness(age_days: ArrayLike, users: ArrayLike, config: FreshSourceConfig) -> NDArray[np.float32]:
    """1 - age / (days + 1) of an item that is fresh, 0 of an older one, NaN where the age is not known.

    An item with fewer users than the floor or more than the ceiling is not fresh. Items created after the run date are as
    young as can be. The result is the value that `ItemValuesScorer` ranks.

    Args:
        age_days: (items,) days since an item was created, NaN where that is not known.
        users: (items,) users of each item.
        config: the oldest age, the floor, the ceiling.
    """
    ages = np.asarray(age_days, np.float64)
    counts = finite_doubles(users, "users", least=0.0)
    require_shape(ages, counts.shape, "ages")
    young = 1.0 - np.maximum(ages, 0.0) / (config.days + 1)
    wanted = (ages <= config.days) & (counts >= config.least_users)
    if config.most_users is not None:
        wanted &= counts <= config.most_users
    values: NDArray[np.float32] = np.where(np.isnan(ages), np.nan, np.where(wanted, young, 0.0)).astype(np.float32)
    return values
