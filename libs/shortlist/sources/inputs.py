"""What every candidate source is given, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame

from shortlist.config import SourcesConfig, SurfaceConfig
from shortlist.transforms.scope import Scope


@dataclass(frozen=True)
class Inputs:
    """Frames as known when the run date ended, for one surface.

    Attributes:
        run_date: logical date D.
        surface: the surface's settings.
        scope: who gets a list, what may be in it, what is masked.
        interactions: user_id, item_id, weight, last_ts, hidden.
        user_factors: id, factors.
        item_factors: id, factors.
        related_items: basket_kind, measure, item_id, rank, related_item_id, score.
    """

    run_date: date
    surface: SurfaceConfig
    scope: Scope
    interactions: DataFrame
    user_factors: DataFrame
    item_factors: DataFrame
    related_items: DataFrame


# A source returns subject_id, item_id, score, rank (from 1, best first, ties by item_id) and because_item_id (NULL where it
# knows none): only eligible items, nothing seen, at most the surface's depth per subject.
Source = Callable[[Inputs, SourcesConfig], DataFrame]
