"""Random walks over baskets: where a walk of three steps from the subject's items ends.

Paudel et al., "Updatable, accurate, diverse, and scalable recommendations for interactive applications", TiiS 2017 (RP3beta).
"""

from shortlist.config import Settings
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.neighbour_lists import NeighbourListsScorer, Votes
from shortlist.subjects import SubjectType


class Rp3beta:
    """Neighbours by measure rp3beta of a subject's heaviest items, added up."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Neighbours by that measure."""
        return ("walks",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return NeighbourListsScorer(given(artefacts.walks, "walks"), settings.sources.rp3beta)
