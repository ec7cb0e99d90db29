"""What the pass of every surface shares: items, subjects gathered once, and the artefacts of all sources."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import CATEGORY, CONTENT_KEY, CREATOR, FACTORS, HIDDEN, ITEM_ID, WEIGHT
from shortlist.config import Settings, SurfaceConfig
from shortlist.generation.artefacts import SharedArtefacts, catalog_columns, share_artefacts
from shortlist.generation.batches import HISTORY
from shortlist.generation.items import Items, collect_items, count_users
from shortlist.generation.lists import SurfaceItems
from shortlist.generation.loading import History, Loading, ModelItems
from shortlist.generation.offers import with_audiences
from shortlist.generation.resting import with_resting
from shortlist.generation.subject_frames import gather_items, gather_queries, gather_users
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays
from shortlist.rules import eligible_items, ruled_columns
from shortlist.rules.categories import repeat_intervals
from shortlist.rules.facts import ItemTraits
from shortlist.rules.promotions import LivePromotions, live_promotions
from shortlist.rules.within import within
from shortlist.sources.inputs import ArtefactName
from shortlist.subjects import SUBJECTS
from shortlist.tables import USER_FACTORS
from shortlist.transforms.queries import clicked_items

log = logging.getLogger("shortlist")

# The subjects of a surface, by what their history is.
SUBJECT_FRAMES: Final[Mapping[str, Callable[["Prepared", SurfaceConfig], DataFrame]]] = {
    "interactions": lambda known, surface: known.users,
    "itself": lambda known, surface: gather_items(known.spark, known.items.supported(surface.min_item_support)),
    "clicks": lambda known, surface: known.queries,
}


@dataclass(frozen=True)
class Promoting:
    """The newest description of promotions.

    Attributes:
        promotions: promotion_id, item_id, campaign, audience, starts_at, ends_at.
        members: audience, user_id; None where nobody is known to be in an audience.
    """

    promotions: pa.Table
    members: DataFrame | None


@dataclass(frozen=True)
class Prepared:
    """What is shared by the surfaces of a run.

    Attributes:
        spark: the session.
        items: all items.
        users: users with their history, persisted.
        history: what subjects did.
        engaging: event types that are an engagement.
        artefacts: what sources need.
        folder: one that the driver and every task see, or None.
        promotions: that are live; None where no surface looks at promotions.
        members: audience, user_id of who is in an audience; None where nobody is known to be.
    """

    spark: SparkSession
    items: Items
    users: DataFrame
    history: History
    engaging: tuple[str, ...]
    artefacts: SharedArtefacts
    folder: Path | None
    promotions: LivePromotions | None = None
    members: DataFrame | None = None

    @property
    def queries(self) -> DataFrame:
        """Queries with what was clicked for them."""
        if self.history.clicks is None:
            raise ValueError("clicks of queries were not gathered, as no surface is for queries")
        return gather_queries(self.history.clicks)

    def subjects(self, surface: SurfaceConfig) -> DataFrame:
        """The subjects of a surface, with what rests for them; where it looks at promotions those whom one addresses, with
        their audiences."""
        gathered = SUBJECT_FRAMES[SUBJECTS[surface.subject].history](self, surface)
        frame = with_resting(gathered, surface, self.history, self.engaging)
        promotions = self._promotions_of(surface)
        return frame if promotions is None else with_audiences(frame, self.members, promotions)

    def _promotions_of(self, surface: SurfaceConfig) -> LivePromotions | None:
        """Those of items that the surface may show; None where it does not look at promotions."""
        if surface.promotions is None or self.promotions is None:
            return None
        return self.promotions.among(eligible_items(self.items.facts, surface).astype(np.uint8))

    def items_of(self, surface: SurfaceConfig) -> SharedArrays[SurfaceItems]:
        """The items as a surface sees them."""
        items = self.items
        eligible = eligible_items(items.facts, surface).astype(np.uint8)
        traits, intervals = self._traits_of(surface), np.full(len(items.ids), np.inf, np.float32)
        if surface.pause is not None:
            intervals = repeat_intervals(
                traits.categories, items.repeat_seconds, items.repeats, surface.pause.min_repeats
            )
        promotions = self._promotions_of(surface)
        related_by = None if surface.relations is None or items.catalog is None else traits.categories
        seen = SurfaceItems(items.ids, eligible, items.log_popularity, traits, intervals, promotions, related_by)
        return share_arrays(self.spark, self.folder, seen)

    def _traits_of(self, surface: SurfaceConfig) -> ItemTraits:
        """What list rules look at, as far as the surface asks."""
        asked, none = ruled_columns(surface), ItemTraits.none(len(self.items.ids))
        return ItemTraits(
            self.items.categories(surface.category_level) if CATEGORY in asked else none.categories,
            self.items.groups(CREATOR) if CREATOR in asked else none.creators,
            self.items.groups(CONTENT_KEY) if CONTENT_KEY in asked else none.content_keys,
            none.fresh if surface.fresh is None else within(self.items.facts.ages, None, surface.fresh.max_age_days),
        )


@contextmanager
def prepare(
    settings: Settings,
    needed: Collection[ArtefactName],
    history: History,
    catalog: DataFrame | None,
    models: Mapping[str, DataFrame],
    promoting: Promoting | None = None,
) -> Iterator[Prepared]:
    """Gather and share what the pass needs.

    Args:
        settings: all settings.
        needed: artefacts that sources need.
        history: what subjects did.
        catalog: the newest that was known; None where there is none.
        models: the tables that artefacts are made from, by name.
        promoting: what is promoted, and to whom; None where no surface looks at promotions.
    """
    spark = history.interactions.sparkSession
    with scratch_folder(spark, settings.als.scratch) as folder, closing(ModelItems(settings, models, folder)) as known:
        counts = count_users(history.interactions, history.day, settings.sources.popularity.window_days)
        ruled = {name for surface in settings.surfaces.values() for name in ruled_columns(surface)}
        history = _with_clicks(settings, history)
        others = known.ids()
        if history.clicks is not None:
            others += history.clicks.select(ITEM_ID).distinct().toArrow()[ITEM_ID].chunks
        cold = any(surface.min_item_support == 0 for surface in settings.surfaces.values())
        items = collect_items(counts, history.day, catalog, others, catalog_columns(needed) | ruled, whole_catalog=cold)
        promotions = None if promoting is None else live_promotions(promoting.promotions, items.ids, history.day)
        if promotions is not None:
            items = replace(items, facts=replace(items.facts, promoted=promotions.promoted(len(items.ids))))
        users = gather_users(history.interactions, models.get(USER_FACTORS.name)).persist()
        _say_who_has_no_vector(settings, users, needed)
        artefacts = share_artefacts(needed, Loading(spark, known, items, history))
        members = None if promoting is None else promoting.members
        engaging = tuple(settings.interactions.weights)
        yield Prepared(spark, items, users, history, engaging, artefacts, folder, promotions, members)
        users.unpersist()
        if history.clicks is not None:
            history.clicks.unpersist()


def _with_clicks(settings: Settings, history: History) -> History:
    """The history with what was clicked for queries, where a surface is for queries."""
    if not any(SUBJECTS[surface.subject].history == "clicks" for surface in settings.surfaces.values()):
        return history
    config = settings.queries
    return replace(history, clicks=clicked_items(history.events(config.lookback_days), history.day, config).persist())


def _say_who_has_no_vector(settings: Settings, users: DataFrame, needed: Collection[ArtefactName]) -> None:
    """How many users took something and have no stored vector, and what becomes of them."""
    if "user_vectors" not in needed:
        if "fold_in" in needed:
            log.info("als: no user vectors are stored (als.store_user_factors), every user is folded in")
        return
    took = F.exists(HISTORY, lambda entry: (entry[WEIGHT] > 0) & ~entry[HIDDEN])
    count = users.where(F.col(FACTORS).isNull() & took).count()
    if not count:
        log.info("als: every user that took something has a stored vector, nobody is folded in")
    elif settings.als.folds_in:
        log.info("als: %d users without a stored vector are folded in", count)
    else:
        log.info(
            "als: %d users without a stored vector are left out, engine %s has none for them",
            count,
            settings.als.engine,
        )
