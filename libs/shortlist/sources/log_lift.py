"""What lies in baskets beside the subject's items more often than chance would have it: popular items only where they belong.

DuMouchel, "Bayesian data mining in large frequency tables", The American Statistician 53(3), 1999: lift, drawn towards chance.
"""

from shortlist.config import Settings
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.neighbour_lists import NeighbourListsScorer, Votes
from shortlist.subjects import SubjectType


class LogLift:
    """Neighbours by measure log_lift of a subject's heaviest items, added up."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Neighbours by that measure."""
        return ("lifts",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return NeighbourListsScorer(given(artefacts.lifts, "lifts"), settings.sources.log_lift)
