"""Artefacts that are made from what subjects did and from the catalog, without a trained model."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import CATEGORY, EVENT_DATE, EVENT_TYPE, ITEM_ID, LAST_TS, QUERY, TITLE, USER_ID
from shortlist.config.sources import NearestSubjectsConfig
from shortlist.generation.items import Items
from shortlist.generation.loading import Loading
from shortlist.kernels.arrays import Floats, offsets_of
from shortlist.models.arrays.matrix import sorted_ids
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.rules.age_window import ages_of
from shortlist.sources.category_affinity import CategoryShares, category_shares
from shortlist.sources.content import TextRows, fit_text, text_rows
from shortlist.sources.conversion import conversion_rates
from shortlist.sources.fresh import freshness
from shortlist.sources.inputs import SampledSubjects
from shortlist.sources.text_index import TextIndex, index_catalog
from shortlist.sources.trending import growth
from shortlist.sources.user_neighbours import UserSample, recency, user_sample
from shortlist.sources.word_parts import word_parts_of
from shortlist.sources.words import words_of

_LATELY, _BEFORE = "lately", "before"
_DRAWN = "drawn"


@dataclass(frozen=True)
class _Values:
    """A value of each item."""

    values: Floats


@dataclass(frozen=True)
class _SharedValues:
    shared: SharedArrays[_Values]

    @property
    def value(self) -> Floats:
        return cast("Floats", np.asarray(self.shared.value.values))


@dataclass(frozen=True)
class _Ids:
    """Ids of users or queries, sorted."""

    ids: pa.Array


@dataclass(frozen=True)
class _SharedSample:
    ids: SharedArrays[_Ids]
    sample: SharedArrays[UserSample]

    @property
    def value(self) -> SampledSubjects:
        return SampledSubjects(self.ids.value.ids, self.sample.value)


def recent_users(loading: Loading) -> SharedArrays[Floats]:
    """Users of each item within the window of source popularity."""
    return _SharedValues(loading.share(_Values(loading.items.recent_users)))


def conversions(loading: Loading) -> SharedArrays[Floats]:
    """Which share of its takers buys each item."""
    items, config = loading.items, loading.settings.sources.conversion
    return _SharedValues(loading.share(_Values(conversion_rates(items.facts.support, items.buyers, config.smoothing))))


def sampled_users(loading: Loading) -> SharedArrays[SampledSubjects]:
    """The users with the smallest seeded hashes, and what each took and did not hide."""
    config = loading.settings.sources.user_neighbours
    return _shared_sample(loading, draw_sample(loading.history.taken, config.sample_users, config.seed), config)


def sampled_queries(loading: Loading) -> SharedArrays[SampledSubjects]:
    """The queries with the smallest seeded hashes, and what was clicked for each."""
    config = loading.settings.sources.query_neighbours
    clicked = loading.clicks.select(F.col(QUERY).alias(USER_ID), ITEM_ID, LAST_TS)
    return _shared_sample(loading, draw_sample(clicked, config.sample_queries, config.seed), config)


def _shared_sample(loading: Loading, drawn: DataFrame, config: NearestSubjectsConfig) -> SharedArrays[SampledSubjects]:
    rows = drawn.toArrow()
    subjects = sorted_ids(rows[USER_ID])
    owners = pc.index_in(rows[USER_ID], value_set=subjects).to_numpy()
    items = pc.index_in(rows[ITEM_ID], value_set=loading.items.ids).to_numpy().astype(np.int32)
    order = np.lexsort((items, owners))
    starts = offsets_of(owners, len(subjects))
    ages = ages_of(rows[LAST_TS].combine_chunks(), loading.history.day)[order]
    given = recency(ages, config.half_life_days)
    sample = user_sample((starts, items[order]), len(loading.items.ids), given)
    return _SharedSample(loading.share(_Ids(subjects)), loading.share(sample))


def draw_sample(taken: DataFrame, count: int, seed: int) -> DataFrame:
    """Rows of `count` subjects at most: those with the smallest seeded hashes, whatever order rows come in.

    Args:
        taken: user_id (or a query in its place), item_id, and more.
        count: most subjects.
        seed: of the draw.
    """
    draw = F.xxhash64(USER_ID, F.lit(seed)).alias(_DRAWN)
    drawn = taken.select(USER_ID).distinct().select(USER_ID, draw).orderBy(_DRAWN, USER_ID).limit(count)
    return taken.join(F.broadcast(drawn.select(USER_ID)), USER_ID, how="left_semi")


def categories(loading: Loading) -> SharedArrays[CategoryShares]:
    """Categories of the catalog; without a catalog no item has one."""
    items, config = loading.items, loading.settings.sources.category_affinity
    return loading.share(category_shares(items.categories(config.level), items.recent_users, config))


def texts(loading: Loading) -> SharedArrays[TextRows]:
    """Terms of titles and categories; without a catalog no item has one."""
    items = loading.items
    titles = items.catalog_column(TITLE, pa.string())
    paths = pc.binary_join(items.catalog_column(CATEGORY, pa.list_(pa.string())), " ")
    joined = pc.binary_join_element_wise(pc.fill_null(titles, ""), pc.fill_null(paths, ""), " ").to_pylist()
    if not any(text.strip() for text in joined):
        return loading.share(text_rows((np.zeros(len(joined) + 1, np.int64), np.empty(0, np.int32)), [], 0))
    return loading.share(fit_text(joined, loading.settings.sources.content))


def words(loading: Loading) -> SharedArrays[TextIndex]:
    """Items by the words of their text; without a catalog no item has one."""
    config = loading.settings.sources.words
    return loading.share(index_catalog(_searched(loading.items), words_of(config), config))


def word_parts(loading: Loading) -> SharedArrays[TextIndex]:
    """Items by the parts of their words; without a catalog no item has one."""
    config = loading.settings.sources.word_parts
    return loading.share(index_catalog(_searched(loading.items), word_parts_of(config), config))


def _searched(items: Items) -> Callable[[str], pa.Array]:
    """The columns of the catalog that queries are looked up in, by name."""
    kinds = {TITLE: pa.string(), CATEGORY: pa.list_(pa.string())}
    return lambda name: items.catalog_column(name, kinds[name])


def growths(loading: Loading) -> SharedArrays[Floats]:
    """Growth of each item's events of the types that interactions weigh."""
    config, day = loading.settings.sources.trending, loading.history.day
    events = loading.history.events(config.window_days * (1 + config.windows_before))
    lately = F.col(EVENT_DATE) > F.lit(day - timedelta(days=config.window_days))
    relevant = F.col(EVENT_TYPE).isin(*loading.settings.interactions.weights) & F.col(ITEM_ID).isNotNull()
    counted = events.where(relevant).groupBy(ITEM_ID).agg(
        F.count_if(lately).alias(_LATELY), F.count_if(~lately).alias(_BEFORE)
    ).toArrow()  # fmt: skip
    events_lately, events_before = (loading.items.counts(counted, name) for name in (_LATELY, _BEFORE))
    values = growth(events_lately, events_before, config)
    return _SharedValues(loading.share(_Values(values)))


def freshnesses(loading: Loading) -> SharedArrays[Floats]:
    """Freshness by the catalog's created_at; not known of an item without it."""
    facts = loading.items.facts
    values = freshness(facts.ages, facts.support.astype(np.float64), loading.settings.sources.fresh)
    return _SharedValues(loading.share(_Values(values)))
