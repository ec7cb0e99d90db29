"""What was known on the earlier days that blends are learned from, before anything is trained with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import WEIGHT
from shortlist.config.blends import LearnedBlendConfig
from shortlist.generation.artefacts import trainers_of
from shortlist.generation.lists import needed_artefacts
from shortlist.generation.loading import History
from shortlist.sources.inputs import ArtefactName
from shortlist.transforms.baskets import build_baskets, hidden_items
from shortlist.transforms.interactions import build_interactions
from shortlist.warehouse.run import Run, log


@dataclass(frozen=True)
class Cut:
    """What was known when an earlier day ended.

    Attributes:
        history: of the day; its interactions are persisted.
        surfaces: those that learn from it.
        needed: artefacts that their sources need.
        baskets: of the kind that co-occurrence is counted in, persisted; None where nothing that is needed is made from them.
    """

    history: History
    surfaces: tuple[str, ...]
    needed: frozenset[ArtefactName]
    baskets: DataFrame | None

    @property
    def day(self) -> date:
        """The earlier day."""
        return self.history.day

    def unpersist(self) -> None:
        """Give back what is persisted."""
        self.history.interactions.unpersist()
        if self.baskets is not None:
            self.baskets.unpersist()


def gather_cuts(run: Run, learning: Mapping[str, LearnedBlendConfig]) -> list[Cut]:
    """The cuts that some surfaces learn from, earliest first; without those up to which nobody had taken anything."""
    cuts = []
    for day in sorted({day for config in learning.values() for day in config.cut_days(run.run_date)}):
        cut = _known_on(run, day, tuple(name for name in learning if day in learning[name].cut_days(run.run_date)))
        if cut.history.interactions.where(F.col(WEIGHT) > 0).isEmpty():
            log.warning("nobody had taken anything up to %s: no blend is learned from that day", day)
            cut.unpersist()
        else:
            cuts.append(cut)
    return cuts


def _known_on(run: Run, day: date, surfaces: tuple[str, ...]) -> Cut:
    settings = run.settings
    needed, kind = needed_artefacts(settings, surfaces), settings.cooccurrence.basket_kind

    def events(days: int) -> DataFrame:
        return run.engagements(days, day)

    interactions = build_interactions(events(settings.interactions.lookback_days), day, settings.interactions)
    baskets = None
    if "train_cooccurrence" in trainers_of(needed):
        known = events(settings.baskets[kind].lookback_days)
        baskets = build_baskets(known, kind, settings.baskets[kind], settings.seed, day, hidden_items(known)).persist()
    return Cut(History(day, interactions.persist(), events), surfaces, frozenset(needed), baskets)
