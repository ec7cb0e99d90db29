"""What goes with the items that a subject took last."""

from shortlist.config import Settings
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.neighbour_lists import NeighbourListsScorer, Votes
from shortlist.subjects import SubjectType


class LastBasket:
    """Neighbours, as source `cooccurrence` has them, of what the subject took with or shortly before its newest item."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Neighbours."""
        return ("neighbours",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        config = settings.sources.last_basket
        return NeighbourListsScorer(given(artefacts.neighbours, "neighbours"), config, config.within_days)
