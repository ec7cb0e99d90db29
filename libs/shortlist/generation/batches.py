"""Arrow batches of subjects as arrays of item indices, and the lists that come out as Arrow again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.blending.fusion import proposers
from shortlist.blending.slots import SLOTS
from shortlist.columns import (
    BECAUSE_ITEM_ID,
    CAMPAIGN,
    CONDITION,
    CONTRIBUTIONS,
    ELIGIBLE_LEFT,
    EVENTS,
    EXPIRES_AT,
    FACTORS,
    FIRST_PURCHASE_TS,
    HIDDEN,
    ITEM_ID,
    LAST_PURCHASE_TS,
    LAST_TS,
    PROPENSITY,
    PURCHASES,
    RANKS,
    RELATION,
    REMOVED,
    REMOVED_BY,
    SCORE,
    SCORES,
    SLOT,
    SOURCE,
    SOURCES,
    SUBJECT_ID,
    WEIGHT,
)
from shortlist.config import SurfaceConfig
from shortlist.errors import ModelError
from shortlist.generation.masks import masks_of
from shortlist.generation.one_pass import Lists
from shortlist.kernels.arrays import Floats, Indices, Offsets, offsets_of
from shortlist.rules import LIST_RULES, PAIR_RULES, forbidding_rules
from shortlist.rules.age_window import ages_of
from shortlist.rules.facts import PairFacts
from shortlist.rules.promotions import LivePromotions
from shortlist.rules.relations import RELATIONS
from shortlist.sources.als import STORED
from shortlist.sources.batch import AGE_DAYS, BOUGHT, FREQUENCY, GAP_DAYS, POSITION, RARITY, SubjectBatch
from shortlist.subjects import SubjectType

HISTORY: Final = "history"
SCORED, LISTED = "scored", "listed"
LISTS: Final = (
    f"{SUBJECT_ID} string, {ELIGIBLE_LEFT} int, {REMOVED} map<string, int>, "
    f"{SCORED} array<struct<{ITEM_ID}: string, {SCORE}: double, {REMOVED_BY}: string, "
    f"{RANKS}: array<int>, {SCORES}: array<float>, {CONTRIBUTIONS}: array<float>>>, "
    f"{LISTED} array<struct<{ITEM_ID}: string, {SCORE}: double, {SOURCE}: string, {SOURCES}: array<string>, "
    f"{BECAUSE_ITEM_ID}: string, {CAMPAIGN}: string, {EXPIRES_AT}: timestamp, {SLOT}: string, "
    f"{PROPENSITY}: double, {CONDITION}: string, {RELATION}: string>>"
)
_MICROSECONDS: Final = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Reading:
    """What is needed to read a batch.

    Attributes:
        run_date: ages count up to its end.
        item_ids: sorted; an item's index is its position here.
        rarity: (items,) float32, see `rarity_of`.
        surface: whose rules mask items.
        sampled: ids of the users or queries that sources compare subjects with, sorted; None where no source does.
        intervals: (items,) float32, days between two purchases; None where no rule asks.
        promotions: that are live, of items that may be shown; None where promotions are not looked at.
    """

    run_date: date
    item_ids: pa.Array
    rarity: Floats
    surface: SurfaceConfig
    sampled: pa.Array | None = None
    intervals: Floats | None = None
    promotions: LivePromotions | None = None


def rarity_of(log_popularity: Floats) -> Floats:
    """How much a history item says about a subject: ln((1 + users of the most popular item) / users of this one).

    The most popular item is next to 0: it is named only where nothing else explains a candidate.

    Args:
        log_popularity: (items,) ln(1 + users).

    Returns:
        (items,) float32, above 0.
    """
    users = np.maximum(np.expm1(np.asarray(log_popularity, np.float64)), 1.0)
    rarity: Floats = np.log((1.0 + users.max(initial=1.0)) / users).astype(np.float32)
    return rarity


def read_batch(batch: pa.RecordBatch, subject: SubjectType, reading: Reading) -> SubjectBatch:
    """Subjects of either kind, with their history and what they must not be given."""
    return _READERS[subject.history](batch, reading)


def _users(batch: pa.RecordBatch, reading: Reading) -> SubjectBatch:
    """Rows of subject_id, history (as `gather_users` makes it) and, where some are stored, factors.

    Raises:
        ModelError: weights that no source can use.
    """
    history = batch[HISTORY]
    entries = history.flatten()
    fields = {entry.name: entries.field(entry.name) for entry in entries.type}
    items = _indices(fields[ITEM_ID], reading.item_ids)
    rows = pc.list_parent_indices(history).to_numpy().astype(np.int64)
    order = np.lexsort((items, rows))
    rows, items = rows[order], items[order]
    starts = offsets_of(rows, batch.num_rows)
    weights = fields[WEIGHT].to_numpy(zero_copy_only=False).astype(np.float32)[order]
    unusable = int((~np.isfinite(weights) | (weights < 0)).sum())
    if unusable:
        raise ModelError.unusable_weights(unusable)
    events = fields[EVENTS].to_numpy(zero_copy_only=False).astype(np.float32)[order]
    hidden = fields[HIDDEN].to_numpy(zero_copy_only=False).astype(np.bool_)[order]
    ages = ages_of(fields[LAST_TS], reading.run_date).astype(np.float32)[order]
    newest_first = np.lexsort((items, ages, rows))
    positions = np.empty(len(rows), np.float32)
    positions[newest_first] = np.arange(len(rows)) - starts[rows]
    since_first, since_purchase = (
        ages_of(fields[name], reading.run_date).astype(np.float32)[order]
        for name in (FIRST_PURCHASE_TS, LAST_PURCHASE_TS)
    )
    repeats = np.maximum(fields[PURCHASES].to_numpy(zero_copy_only=False)[order] - 1, 0)
    gaps = np.where(repeats > 0, (since_first - since_purchase) / np.maximum(repeats, 1), 0)
    unknown = PairFacts.unknown(len(rows))
    intervals = unknown.interval if reading.intervals is None else reading.intervals[items]
    pairs = replace(unknown, engaged=events > 0, hidden=hidden, since_purchase=since_purchase, interval=intervals)
    masks = masks_of(batch, reading.surface, reading.item_ids, reading.promotions, (rows, items, pairs))
    return SubjectBatch(
        history_starts=starts,
        history_items=items,
        history={
            WEIGHT: np.where(hidden, np.float32(-1.0), weights),
            FREQUENCY: events,
            AGE_DAYS: ages,
            POSITION: positions,
            RARITY: reading.rarity[items],
            GAP_DAYS: gaps.astype(np.float32),
            BOUGHT: np.isfinite(since_purchase).astype(np.float32),
        },
        masked_starts=offsets_of(masks.rows, batch.num_rows),
        masked_items=masks.items,
        masking_rules=masks.rules,
        sample_rows=_sample_rows(batch[SUBJECT_ID], reading.sampled),
        vectors=_vectors(batch),
        offers=masks.offers,
    )


def _queries(batch: pa.RecordBatch, reading: Reading) -> SubjectBatch:
    """Rows of subject_id and history (as `gather_queries` makes it)."""
    return replace(_users(batch, reading), texts=batch[SUBJECT_ID].to_pylist())


def _items(batch: pa.RecordBatch, reading: Reading) -> SubjectBatch:
    """Rows of subject_id: the history of an item is the item itself."""
    items = _indices(batch[SUBJECT_ID], reading.item_ids)
    starts = np.arange(len(items) + 1, dtype=np.int64)
    ones = np.ones(len(items), np.float32)
    beside_itself = replace(PairFacts.unknown(len(items)), itself=np.ones(len(items), np.bool_))
    masking = forbidding_rules(beside_itself, reading.surface)
    masked = masking >= 0
    return SubjectBatch(
        history_starts=starts,
        history_items=items,
        history={
            WEIGHT: ones,
            FREQUENCY: ones,
            AGE_DAYS: 0 * ones,
            POSITION: 0 * ones,
            RARITY: ones,
            GAP_DAYS: 0 * ones,
            BOUGHT: 0 * ones,
        },
        masked_starts=offsets_of(np.flatnonzero(masked), len(items)),
        masked_items=items[masked],
        masking_rules=masking[masked],
        sample_rows=np.full(len(items), -1, np.int32),
    )


_READERS: Final[Mapping[str, Callable[[pa.RecordBatch, Reading], SubjectBatch]]] = {
    "interactions": _users,
    "itself": _items,
    "clicks": _queries,
}


def write_lists(
    subjects: pa.Array, lists: Lists, names: list[str], item_ids: pa.Array, promotions: LivePromotions | None = None
) -> pa.RecordBatch:
    """Lists as rows of LISTS, one a subject."""
    sources = pa.array(names)
    candidates, ranks = lists.candidates, lists.ranks
    scored = {
        ITEM_ID: item_ids.take(pa.array(candidates.items)),
        SCORE: pa.array(lists.blended),
        REMOVED_BY: _ids(lists.removing.astype(np.int32), pa.array(list(LIST_RULES))),
        RANKS: _of_sources(pa.array(ranks.T.ravel(), mask=ranks.T.ravel() == 0), len(names)),
        SCORES: _of_sources(_numbers(lists.scores), len(names)),
        CONTRIBUTIONS: _of_sources(_numbers(lists.contributions.astype(np.float32)), len(names)),
    }
    listed = {
        ITEM_ID: item_ids.take(pa.array(candidates.items[lists.listed])),
        SCORE: pa.array(lists.blended[lists.listed]),
        SOURCE: sources.take(pa.array(lists.winners)),
        SOURCES: proposers(ranks[:, lists.listed], names),
        BECAUSE_ITEM_ID: _ids(lists.because, item_ids),
        **_promoted(lists.promotions, promotions),
        SLOT: pa.array(SLOTS).take(pa.array(lists.filled.slots)),
        PROPENSITY: pa.array(lists.filled.propensities),
        CONDITION: _ids(lists.conditions, item_ids),
        RELATION: _ids(lists.relations.astype(np.int32), pa.array(RELATIONS)),
    }
    columns = {
        SUBJECT_ID: subjects,
        ELIGIBLE_LEFT: pa.array(lists.left.astype(np.int32)),
        REMOVED: _removed(lists.removed),
        SCORED: _listed(candidates.starts, scored),
        LISTED: _listed(lists.filled.starts, listed),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _promoted(listed: Indices, promotions: LivePromotions | None) -> dict[str, pa.Array]:
    """The campaign that each listed item is given for, and when its promotion ends; NULL where there is none."""
    if promotions is None:
        return {CAMPAIGN: pa.nulls(len(listed), pa.string()), EXPIRES_AT: pa.nulls(len(listed), _MICROSECONDS)}
    ends = pa.array(np.asarray(promotions.ends)).take(pa.array(listed, mask=listed < 0))
    return {
        CAMPAIGN: _ids(promotions.campaigns_of(listed), promotions.campaign_names),
        EXPIRES_AT: ends.cast(_MICROSECONDS),
    }


def _numbers(values: Floats) -> pa.Array:
    """(sources, C) numbers, candidate after candidate; NULL for NaN."""
    flat = values.T.ravel()
    return pa.array(flat, mask=np.isnan(flat))


def _of_sources(values: pa.Array, sources: int) -> pa.ListArray:
    """Values, one per candidate and source, as a list for each candidate."""
    starts = np.arange(0, len(values) + 1, sources, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), values)


def _listed(starts: Offsets, entries: Mapping[str, pa.Array]) -> pa.ListArray:
    structs = pa.StructArray.from_arrays(list(entries.values()), names=list(entries))
    return pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), structs)


def _removed(counts: Indices) -> pa.MapArray:
    """How many items each rule took from each subject, without those that took none.

    Args:
        counts: (rules, n), the pair rules and then the list rules.
    """
    subjects, rules = np.nonzero(counts.T)
    names = pa.array([*PAIR_RULES, *LIST_RULES]).take(pa.array(rules))
    starts = offsets_of(subjects, counts.shape[1]).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(starts), names, pa.array(counts.T[subjects, rules]))


def _ids(indices: Indices, item_ids: pa.Array) -> pa.Array:
    """Ids of item indices; NULL for -1."""
    return item_ids.take(pa.array(indices, mask=indices < 0))


def _indices(ids: pa.Array, item_ids: pa.Array) -> Indices:
    found = pc.index_in(ids.cast(pa.string()), value_set=item_ids)
    if found.null_count:
        unknown = ids.filter(found.is_null())[0].as_py()
        raise ValueError(
            f"item {unknown!r} is not among the {len(item_ids)} items of this run; next: number them from the same rows"
        )
    indices: Indices = found.to_numpy(zero_copy_only=False).astype(np.int32)
    return indices


def _sample_rows(subjects: pa.Array, sampled: pa.Array | None) -> Indices:
    """Where each subject is in the sample of users, -1 where it is not in it."""
    if sampled is None:
        return np.full(len(subjects), -1, np.int32)
    found = pc.fill_null(pc.index_in(subjects.cast(pa.string()), value_set=sampled), -1)
    rows: Indices = found.to_numpy(zero_copy_only=False).astype(np.int32)
    return rows


def _vectors(batch: pa.RecordBatch) -> dict[str, NDArray[np.float32]]:
    """Stored vectors, a row of NaN where a subject has none; nothing where nobody has one."""
    if FACTORS not in batch.schema.names:
        return {}
    factors = batch[FACTORS]
    known = factors.is_valid().to_numpy(zero_copy_only=False)
    if not known.any():
        return {}
    flat = factors.drop_null().flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    stored = flat.reshape(int(known.sum()), -1)
    vectors = np.full((len(factors), stored.shape[1]), np.nan, np.float32)
    vectors[known] = stored
    return {STORED: vectors}
