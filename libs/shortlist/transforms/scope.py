"""For whom a surface makes lists, and of what: floors, filters and masks."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BUYABLE, ITEM_ID, SEEN, STATUS, SUBJECT_ID, SUPPORT, USER_ID, WEIGHT
from shortlist.config import SurfaceConfig


@dataclass(frozen=True)
class Scope:
    """A surface's frame of reference.

    Attributes:
        subjects: subject_id, seen (array<string>, the items that it must not be given): every user with history, or every
            item above the support floor.
        items: item_id, support: what may be recommended.
    """

    subjects: DataFrame
    items: DataFrame

    def persist(self) -> "Scope":
        """The same, kept by Spark: every source of a surface asks for both frames."""
        return Scope(self.subjects.persist(), self.items.persist())


def surface_scope(interactions: DataFrame, catalog: DataFrame | None, surface: SurfaceConfig) -> Scope:
    """Who gets a list on a surface and what may be in it.

    Args:
        interactions: user_id, item_id, weight.
        catalog: the newest description of items, or None: then rules that need it are off.
        surface: floors and filters.
    """
    support = item_support(interactions)
    if surface.subject == "user":
        subjects = interactions.groupBy(F.col(USER_ID).alias(SUBJECT_ID)).agg(F.collect_set(ITEM_ID).alias(SEEN))
    else:
        supported = support.where(F.col(SUPPORT) >= surface.min_item_support)
        subjects = supported.select(F.col(ITEM_ID).alias(SUBJECT_ID), F.array(ITEM_ID).alias(SEEN))
    return Scope(subjects, eligible_items(support, catalog, surface))


def item_support(interactions: DataFrame) -> DataFrame:
    """Users per item, counting those with a weight above 0: item_id, support."""
    return interactions.where(F.col(WEIGHT) > 0).groupBy(ITEM_ID).agg(F.count("*").cast("int").alias(SUPPORT))


def eligible_items(support: DataFrame, catalog: DataFrame | None, surface: SurfaceConfig) -> DataFrame:
    """Items that a surface may show.

    Args:
        support: item_id, support.
        catalog: item_id, status, buyable; None switches the rules off that need it.
        surface: floors and filters.

    Returns:
        item_id, support. An item that the catalog does not describe is left out when a rule needs its description.
    """
    supported = support.where(F.col(SUPPORT) >= surface.min_item_support)
    if catalog is None or not (surface.active_items_only or surface.buyable_items_only):
        return supported
    allowed = catalog
    if surface.active_items_only:
        allowed = allowed.where(F.col(STATUS) == "active")
    if surface.buyable_items_only:
        allowed = allowed.where(F.col(BUYABLE))
    return supported.join(allowed.select(ITEM_ID), ITEM_ID, how="left_semi")
