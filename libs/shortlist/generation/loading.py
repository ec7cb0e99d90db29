"""What artefacts are made from, and how tasks are given them."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import HIDDEN, ITEM_ID, LAST_TS, MEASURE, RELATED_ITEM_ID, SCORE, USER_ID, WEIGHT
from shortlist.config import Settings
from shortlist.config.base import OWN_MEASURES, Measure
from shortlist.config.sources import SessionsConfig
from shortlist.generation.items import Items
from shortlist.generation.sessions import draw_sessions, session_rows
from shortlist.kernels.arrays import Rows
from shortlist.models.als.item_factors import SharedItems
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays
from shortlist.tables import ITEM_FACTORS, RELATED_ITEMS

log = logging.getLogger("shortlist")


@dataclass(frozen=True)
class ModelItems:
    """What the models that are needed say of items, read once.

    Attributes:
        settings: all settings.
        frames: the tables by name.
        folder: one that the driver and every task see, or None.
    """

    settings: Settings
    frames: Mapping[str, DataFrame]
    folder: Path | None

    @cached_property
    def factors(self) -> SharedItems | None:
        """Item factors; None where no source needs them."""
        frame = self.frames.get(ITEM_FACTORS.name)
        return None if frame is None else SharedItems(frame, self.folder)

    @cached_property
    def related(self) -> pa.Table | None:
        """item_id, related_item_id, measure, score of the measures that sources use; None where no source needs them."""
        frame = self.frames.get(RELATED_ITEMS.name)
        if frame is None:
            return None
        return (
            frame.where(F.col(MEASURE).isin(*self._measures()))
            .select(ITEM_ID, RELATED_ITEM_ID, MEASURE, SCORE)
            .toArrow()
        )

    def ids(self) -> list[pa.Array]:
        """Ids of all items that they name."""
        ids = [] if self.factors is None else [self.factors.ids]
        return (
            ids
            if self.related is None
            else [*ids, *self.related[ITEM_ID].chunks, *self.related[RELATED_ITEM_ID].chunks]
        )

    def close(self) -> None:
        """Give back the executors' copies."""
        if self.factors is not None:
            self.factors.close()

    def _measures(self) -> set[Measure]:
        """The measure of cooccurrence, and those of sources that go by one of their own, where a surface names them."""
        named = {name for surface in self.settings.surfaces.values() for name in (*surface.sources, surface.fallback)}
        own = {measure for source, measure in OWN_MEASURES.items() if source in named}
        return {self.settings.sources.cooccurrence.measure, *own}


@dataclass(frozen=True)
class History:
    """What subjects did up to a day.

    Attributes:
        day: the run date, or an earlier cut.
        interactions: what everybody took up to its end.
        events: engagements as known when it ended, of so many days up to it.
        clicks: query, item_id, weight, events, last_ts: what was clicked for queries; None where no surface is for queries.
    """

    day: date
    interactions: DataFrame
    events: Callable[[int], DataFrame]
    clicks: DataFrame | None = None

    @property
    def taken(self) -> DataFrame:
        """user_id, item_id, last_ts of what users took and did not hide."""
        return self.interactions.where((F.col(WEIGHT) > 0) & ~F.col(HIDDEN)).select(USER_ID, ITEM_ID, LAST_TS)


@dataclass(frozen=True)
class KnownItems:
    """Which items have a vector."""

    known: NDArray[np.uint8]


@dataclass(frozen=True)
class Loading:
    """One run's loading of artefacts.

    Attributes:
        spark: the session.
        models: what models say of items.
        items: all items of the run.
        history: what subjects did.
    """

    spark: SparkSession
    models: ModelItems
    items: Items
    history: History

    @property
    def settings(self) -> Settings:
        """All settings."""
        return self.models.settings

    def share(self, content: Any) -> SharedArrays[Any]:
        """Put a dataclass of arrays where every task finds it."""
        return share_arrays(self.spark, self.models.folder, content)

    @property
    def clicks(self) -> DataFrame:
        """What was clicked for queries."""
        if self.history.clicks is None:
            raise ValueError("clicks of queries were not gathered; next: name the source on a surface for queries only")
        return self.history.clicks

    @property
    def factors(self) -> SharedItems:
        """Item factors."""
        factors = self.models.factors
        if factors is None:
            raise ValueError("item factors were not read; next: name their table in TABLES")
        return factors

    @cached_property
    def known(self) -> SharedArrays[KnownItems]:
        """Which items have a vector; several artefacts share it."""
        found = pc.is_in(self.items.ids, value_set=self.factors.ids)
        return self.share(KnownItems(found.to_numpy(zero_copy_only=False).astype(np.uint8)))

    @cached_property
    def sessions_of(self) -> Callable[[SessionsConfig], Rows]:
        """Samples of sessions by their settings; sources with the same settings share one."""
        return cache(self._sessions)

    def _sessions(self, config: SessionsConfig) -> Rows:
        basket = self.settings.baskets[config.basket_kind]
        drawn = draw_sessions(self.history.events(basket.lookback_days), config, basket).toArrow()
        if not drawn.num_rows:
            log.warning(
                "no session of kind %s has two items of event types %s within %d days: sources that learn from sessions propose "
                "nothing; next: correct baskets.%s, or the sources' sessions.basket_kind",
                config.basket_kind,
                ", ".join(basket.event_types),
                basket.lookback_days,
                config.basket_kind,
            )
        return session_rows(drawn, self.items.ids)

    @property
    def related(self) -> pa.Table:
        """Related items by measure."""
        if self.models.related is None:
            raise ValueError("related items were not read; next: name their table in TABLES")
        return self.models.related
