"""What was clicked for the queries of a bounded, shared sample that share most clicked items with a query."""

from shortlist.config import Settings
from shortlist.sources.batch import Scorer
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.user_neighbours import Neighbours, UserNeighboursScorer
from shortlist.subjects import SubjectType


class QueryNeighbours:
    """What was clicked for the nearest queries of the sample."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """The sample."""
        return ("query_sample",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Neighbours]:
        """The scorer: queries are near as users are."""
        sample = given(artefacts.query_sample, "query_sample").sample
        return UserNeighboursScorer(sample, settings.sources.query_neighbours)
