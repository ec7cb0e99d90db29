"""What every candidate source is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame

from shortlist.config import AlsConfig, SourcesConfig, SurfaceConfig
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.transforms.scope import Scope


@dataclass(frozen=True)
class Inputs:
    """Frames as known when the run date ended, for one surface.

    Attributes:
        run_date: logical date D.
        surface: the surface's settings.
        scope: who gets a list, what may be in it, what is masked.
        interactions: user_id, item_id, weight, last_ts, hidden.
        user_factors: id, factors; None where settings say that none are stored.
        item_factors: id, factors.
        items: the same, shared by all surfaces of a run.
        als: settings that the factors were fitted with.
        folder: one that the driver and every task see, for what is shared with all of them; None where there is none.
        related_items: basket_kind, measure, item_id, rank, related_item_id, score.
    """

    run_date: date
    surface: SurfaceConfig
    scope: Scope
    interactions: DataFrame
    user_factors: DataFrame | None
    item_factors: DataFrame
    items: SharedItems
    als: AlsConfig
    folder: Path | None
    related_items: DataFrame


# A source returns subject_id, item_id, score, rank (from 1, best first, ties by item_id) and because_item_id (NULL where it
# knows none): only eligible items, nothing seen, at most the surface's depth per subject.
Source = Callable[[Inputs, SourcesConfig], DataFrame]
