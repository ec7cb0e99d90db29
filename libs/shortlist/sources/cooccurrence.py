"""Baskets: what lies beside a user's items, or beside an item."""

from shortlist.config import Settings
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.neighbour_lists import NeighbourListsScorer, Votes
from shortlist.subjects import SubjectType


class Cooccurrence:
    """Neighbours of a subject's heaviest items, added up; beside an item, whose history is itself, its own neighbours.

    What somebody took and then hid has no vote. Items without enough shared baskets have no neighbours; other sources serve them.
    """

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Neighbours."""
        return ("neighbours",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return NeighbourListsScorer(given(artefacts.neighbours, "neighbours"), settings.sources.cooccurrence)
