"""Settings of the slots of a list: what they are kept for beside the best candidates."""

from typing import Literal, Self

from pydantic import Field, model_validator

from shortlist.config.base import Section


class FreshSlotsConfig(Section):
    """Slots that are kept for fresh items, whose users are too few yet to rank them high. Source `fresh` proposes such items."""

    slots: int = Field(default=2, ge=1)
    """At least so many of the k slots hold fresh items, or as many as are proposed; they are ranked by their scores."""
    max_age_days: float = Field(default=14, gt=0)
    """An item is fresh when its `created_at` is not longer before the end of the run date."""


class FirstTimeSlotsConfig(Section):
    """Slots that are kept for items that the subject never engaged with, where lists may hold the others again (`mask_seen`
    off)."""

    slots: int = Field(default=5, ge=1)
    """At least so many of the k slots hold such items, or as many as are proposed; they are ranked by their scores. What is
    longer ago than the history reaches (`interactions.lookback_days`, `queries.lookback_days`) does not count."""


class RelationsConfig(Section):
    """What candidates are to the item whose list they are on: substitutes where both are in one category of the catalog
    (`category_level`), complements where they are in two. An item without a category is neither, and has neither."""

    only: Literal["substitutes", "complements"] | None = None
    """Leave out all other candidates; null: none (off, with a note, where there is no catalog)."""
    substitutes: int | None = Field(default=None, ge=1)
    """At least so many of the k slots hold substitutes, or as many as are proposed; they are ranked by their scores. null: any
    number."""
    complements: int | None = Field(default=None, ge=1)
    """The same of complements."""

    @model_validator(mode="after")
    def _slots_are_kept_in_mixed_lists(self) -> Self:
        if self.only and (self.substitutes or self.complements):
            raise ValueError(
                f"relations.only leaves {self.only} alone on a list, so that there is nobody to keep slots from; next: take "
                "relations.substitutes and relations.complements out, or only"
            )
        return self


class InterestSlotsConfig(Section):
    """Slots that are kept for each of a user's interests, as source `interests` finds them, even where other items score higher.
    The interests share these slots as they share the weight of the user's history."""

    slots: int = Field(default=10, ge=1)
    """So many of the k slots hold the best items of the interests that are not among the best k - slots anyway."""


class ExplorationConfig(Section):
    """Slots at the end of a list for candidates drawn at random. The probability of each is published with it, so that what
    users do with them is an unbiased estimate of how good such candidates are."""

    slots: int = Field(default=2, ge=1)
    """How many of the k slots are drawn; the others hold the best candidates."""
    pool: int = Field(default=50, ge=2)
    """How many candidates, those that follow the best, are drawn from. Each has the same probability (column `propensity`): the
    number of slots divided by the number of these candidates. The run date and the subject seed the draw."""

    @model_validator(mode="after")
    def _something_is_drawn(self) -> Self:
        if self.pool <= self.slots:
            raise ValueError(
                f"pool {self.pool} is not above slots {self.slots}: nothing is left to chance; next: raise pool"
            )
        return self
