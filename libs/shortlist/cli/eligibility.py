"""Who gets a list and what may be in it, for one subject and one item, on Polars frames.

The rules are those of `shortlist.transforms.scope`, which asks them of everybody on Spark; a test holds both to one answer.
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from shortlist.columns import BUYABLE, HIDDEN, ITEM_ID, STATUS, SUPPORT, USER_ID, WEIGHT
from shortlist.config import SurfaceConfig

Mask = Literal["seen", "hidden", "itself"]


@dataclass(frozen=True)
class Knowledge:
    """What a run knew.

    Attributes:
        interactions: user_id, item_id, weight, hidden of the run date.
        catalog: item_id, status, buyable of the newest snapshot that is not after it; None: rules that need it are off.
        surface: floors and filters.
    """

    interactions: pl.LazyFrame
    catalog: pl.LazyFrame | None
    surface: SurfaceConfig

    def support(self, item: str) -> int:
        """Users who engaged with the item with a weight above 0."""
        theirs = self.interactions.filter((pl.col(ITEM_ID) == item) & (pl.col(WEIGHT) > 0))
        return int(theirs.select(pl.len()).collect().item())

    def ineligibility_reasons(self, item: str) -> list[str]:
        """Why the item may not be recommended on the surface, every reason; empty when it may."""
        surface, said = self.surface, []
        support = self.support(item)
        if support < surface.min_item_support:
            said.append(f"below the support floor: {support} users, min_item_support is {surface.min_item_support}")
        if self.catalog is None or not (surface.active_items_only or surface.buyable_items_only):
            return said
        described = self.catalog.filter(pl.col(ITEM_ID) == item).select(STATUS, BUYABLE).collect()
        if described.is_empty():
            return [*said, "the catalog does not describe it, and the surface's rules need its description"]
        status, buyable = described.row(0)
        if surface.active_items_only and status != "active":
            said.append(f"its catalog status is {status}, active_items_only is on")
        if surface.buyable_items_only and not buyable:
            said.append("it cannot be bought, buyable_items_only is on")
        return said

    def is_subject(self, subject: str) -> bool:
        """Whether the surface makes a list for the subject: a user with history, or an item above the support floor."""
        if self.surface.subject == "item":
            return self.support(subject) >= self.surface.min_item_support
        return not self.history(subject).is_empty()

    def history(self, user: str) -> pl.DataFrame:
        """item_id, weight, hidden of everything that the user engaged with or hid."""
        theirs = self.interactions.filter(pl.col(USER_ID) == user)
        return theirs.select(ITEM_ID, WEIGHT, HIDDEN).collect()

    def mask(self, subject: str, item: str) -> Mask | None:
        """Why the subject must not be given the item, although it may be recommended; None when nothing forbids it."""
        if self.surface.subject == "item":
            return "itself" if item == subject else None
        theirs = self.history(subject).filter(pl.col(ITEM_ID) == item)
        if theirs.is_empty():
            return None
        return "hidden" if bool(theirs[HIDDEN].any()) else "seen"

    def eligible(self) -> pl.DataFrame:
        """item_id, support of every item that may be recommended on the surface."""
        surface = self.surface
        counted = self.interactions.filter(pl.col(WEIGHT) > 0).group_by(ITEM_ID).agg(pl.len().alias(SUPPORT))
        supported = counted.filter(pl.col(SUPPORT) >= surface.min_item_support)
        if self.catalog is not None and (surface.active_items_only or surface.buyable_items_only):
            allowed = self.catalog
            if surface.active_items_only:
                allowed = allowed.filter(pl.col(STATUS) == "active")
            if surface.buyable_items_only:
                allowed = allowed.filter(pl.col(BUYABLE))
            supported = supported.join(allowed.select(ITEM_ID), on=ITEM_ID, how="semi")
        return supported.collect()

    def left_for(self, subject: str) -> int:
        """How many items may be recommended to the subject: eligible ones that it has not seen."""
        eligible = self.eligible()
        if self.surface.subject == "item":
            return int((eligible[ITEM_ID] != subject).sum())
        return eligible.join(self.history(subject), on=ITEM_ID, how="anti").height
