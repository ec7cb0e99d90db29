"""What the subject took itself, by its own decayed frequency and its rhythm."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.config.sources import RepeatSourceConfig
from shortlist.sources.batch import AGE_DAYS, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.own_items import OwnItemsScorer
from shortlist.subjects import SubjectType


class Repeat:
    """What a subject took itself."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """No more than how many items there are."""
        return ("recent_users",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        return repeat_scorer(len(given(artefacts.recent_users, "recent_users")), settings.sources.repeat)


def repeat_scorer(items: int, config: RepeatSourceConfig) -> OwnItemsScorer:
    """The scorer of `repeat_values` over so many items."""
    return OwnItemsScorer(items, partial(repeat_values, config=config))


def repeat_values(batch: SubjectBatch, config: RepeatSourceConfig) -> NDArray[np.float32]:
    """w_j (1 + cycle exp(-(age_j - gap_j)^2 / (2 gap_j^2))) of each history entry: (E,) float32.

    The second factor is 1 where no gap is known or no column of gaps is named.
    """
    values = np.maximum(batch.column(config.weight), 0)
    if config.gap is None or not config.cycle:
        return values
    gap, age = batch.column(config.gap), batch.column(AGE_DAYS)
    known = gap > 0
    late = (age - gap) / np.where(known, gap, 1)
    due = np.where(known, 1 + config.cycle * np.exp(-0.5 * late.astype(np.float64) ** 2), 1.0)
    weighted: NDArray[np.float32] = (values * due).astype(np.float32)
    return weighted
