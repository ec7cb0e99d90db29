"""What was clicked for a query, by clicks over those that positions let expect: the weight of its history says it."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.config.sources import RepeatSourceConfig
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.repeat import repeat_scorer
from shortlist.subjects import SubjectType


class QueryClicks:
    """What was clicked for a query."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """No more than how many items there are."""
        return ("recent_users",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer: a query clicks again as a user buys again, without a rhythm."""
        return repeat_scorer(len(given(artefacts.recent_users, "recent_users")), RepeatSourceConfig())
