"""The one pass spread over Spark: subjects in, the lists of one surface out, nothing shuffled on the way."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.blending.blended import Blended
from shortlist.blending.blends import Blend
from shortlist.blending.fusion import Fusion, Ranking
from shortlist.blending.slots import subject_numbers
from shortlist.blending.z_sum import ZSum
from shortlist.columns import ELIGIBLE_LEFT, LENGTH, RANK, REMOVED, SUBJECT_ID
from shortlist.columns import SOURCES as SOURCE_NAMES
from shortlist.config import Settings, SurfaceConfig
from shortlist.generation.artefacts import SharedArtefacts
from shortlist.generation.batches import LISTED, LISTS, SCORED, Reading, rarity_of, read_batch, write_lists
from shortlist.generation.offers import in_pieces
from shortlist.generation.one_pass import ListRuleResults, OnePass, promotions_of
from shortlist.kernels.arrays import Floats, Indices
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.rules import removing_rules, reserving_groups
from shortlist.rules.facts import ItemTraits, ListFacts
from shortlist.rules.promotions import LivePromotions
from shortlist.rules.relations import relations_of
from shortlist.sources import SOURCES
from shortlist.sources.batch import Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts
from shortlist.subjects import SUBJECTS

Batches = Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class SurfaceItems:
    """The items of a run as one surface sees them.

    Attributes:
        ids: sorted; an item's index is its position here.
        eligible: (items,) uint8, 1 where the surface may show an item.
        log_popularity: (items,) float32, ln(1 + users that took an item).
        traits: what list rules look at.
        intervals: (items,) float32, see `repeat_intervals`; infinite where no rule of the surface asks.
        promotions: that are live, of eligible items; None where the surface does not look at promotions.
        related_by: (items,) int32, the categories by which items are related; None where the surface does not ask, and where
            there is no catalog.
    """

    ids: pa.Array
    eligible: NDArray[np.uint8]
    log_popularity: Floats
    traits: ItemTraits
    intervals: Floats
    promotions: LivePromotions | None = None
    related_by: Indices | None = None


def sources_of(surface: SurfaceConfig) -> list[str]:
    """Names of a surface's sources, the fallback last."""
    return [*surface.sources, *([surface.fallback] if surface.fallback else [])]


def needed_artefacts(settings: Settings, surfaces: Iterable[str]) -> set[ArtefactName]:
    """What the sources of some configured surfaces need."""
    return {
        need
        for surface in map(settings.surfaces.__getitem__, surfaces)
        for name in sources_of(surface)
        for need in SOURCES[name].needs(settings, SUBJECTS[surface.subject])
    }


def open_scorers(surface: SurfaceConfig, settings: Settings, artefacts: Artefacts) -> dict[str, Scorer[Any]]:
    """The scorers of a surface's sources, the fallback last."""
    subject = SUBJECTS[surface.subject]
    return {name: SOURCES[name].open(artefacts, settings, subject) for name in sources_of(surface)}


def reading_of(surface: SurfaceConfig, day: date, artefacts: Artefacts, items: SurfaceItems) -> Reading:
    """What a task needs to read the batches of a surface."""
    sample = getattr(artefacts, SUBJECTS[surface.subject].sample)
    sampled = None if sample is None else sample.ids
    rarity, intervals = rarity_of(items.log_popularity), np.asarray(items.intervals)
    return Reading(day, items.ids, rarity, surface, sampled, intervals, items.promotions)


def make_lists(
    subjects: DataFrame,
    surface: SurfaceConfig,
    settings: Settings,
    run_date: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
    learned: Blend | None = None,
) -> DataFrame:
    """The lists of a surface, one row a subject.

    Args:
        subjects: as `subject_frames` gathers them.
        surface: the surface.
        settings: all settings.
        run_date: logical date D.
        artefacts: what the surface's sources need.
        items: all items.
        learned: what scores are blended by; None: what settings say.

    Returns:
        The columns of `batches.LISTS`.
    """
    return subjects.mapInArrow(_pass_over(surface, settings, run_date, artefacts, items, learned), LISTS)


def ranking_of(surface: SurfaceConfig, settings: Settings, learned: Blend | None, items: SurfaceItems) -> Ranking:
    """How a surface makes one score of its sources': by what was learned, by weights from settings, or else by ranks."""
    blend = learned or (ZSum(dict(surface.weights)) if surface.weights else None)
    if blend is None:
        return Fusion(surface.sources, surface.fallback, settings.blend.constant)
    return Blended(blend, sources_of(surface), surface.fallback, np.asarray(items.log_popularity))


def list_rules_of(
    surface: SurfaceConfig, items: SurfaceItems
) -> Callable[[SubjectBatch, NDArray[np.int64], Indices], ListRuleResults]:
    """What the rules of a surface's lists say, as `OnePass.apply_list_rules`."""
    traits, promotions = items.traits, items.promotions

    def apply(batch: SubjectBatch, subjects: NDArray[np.int64], chosen: Indices) -> ListRuleResults:
        given_for = promotions_of(batch, subjects, chosen)
        campaigns = given_for if promotions is None else promotions.campaigns_of(given_for)
        facts = replace(ListFacts.of(subjects, traits.select(chosen)), campaigns=campaigns)
        if surface.first_time is not None:
            facts = replace(facts, first_time=~batch.engaged(subjects, chosen))
        if items.related_by is not None:
            own = batch.history_items[batch.history_starts[subjects]]  # the history of an item is the item itself
            facts = replace(facts, relations=relations_of(items.related_by[own], items.related_by[chosen]))
        removing = removing_rules(facts, surface)
        none = np.full(len(removing), -1, np.int8)
        relations = none if facts.relations is None else facts.relations
        return ListRuleResults(removing, reserving_groups(facts, surface, removing), relations)

    return apply


def scored(lists: DataFrame, surface: SurfaceConfig) -> DataFrame:
    """subject_id, item_id, score, removed_by, ranks, scores, contributions, sources: all candidates of each subject."""
    # The names are the same in every row: tasks do not send them, Spark adds them where it writes.
    names = F.array(*map(F.lit, sources_of(surface)))
    return lists.select(SUBJECT_ID, F.inline(SCORED)).withColumn(SOURCE_NAMES, names)


def listed(lists: DataFrame) -> DataFrame:
    """subject_id, rank and the columns of LISTED: the lists."""
    rows = lists.select(SUBJECT_ID, F.posexplode(LISTED).alias(RANK, "entry"))
    return rows.select(SUBJECT_ID, (F.col(RANK) + 1).alias(RANK), "entry.*")


def short(lists: DataFrame, k: int) -> DataFrame:
    """subject_id, length, eligible_left, removed (as JSON) of the lists with fewer than k items."""
    counted = lists.select(SUBJECT_ID, F.size(LISTED).alias(LENGTH), ELIGIBLE_LEFT, F.to_json(REMOVED).alias(REMOVED))
    return counted.where(F.col(LENGTH) < k)


def _pass_over(
    surface: SurfaceConfig,
    settings: Settings,
    run_date: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
    learned: Blend | None,
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    names, subject = sources_of(surface), SUBJECTS[surface.subject]

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        arrays, known = artefacts.value, items.value
        scorers = open_scorers(surface, settings, arrays)
        eligible = np.asarray(known.eligible)
        ranking = ranking_of(surface, settings, learned, known)
        exploration, apply_rules = surface.exploration, list_rules_of(surface, known)
        kept = surface.interests.slots if surface.interests else 0
        one_pass = OnePass(
            scorers, ranking, eligible, surface.depth, surface.longest_list, apply_rules, exploration, kept
        )
        reading = reading_of(surface, run_date, arrays, known)
        for batch in batches:
            for piece in in_pieces(batch, known.promotions):
                some = read_batch(piece, subject, reading)
                if exploration is not None:
                    ids = piece[SUBJECT_ID].to_pylist()
                    some = replace(some, numbers=subject_numbers(ids, settings.seed, run_date))
                for made in one_pass.lists(some):
                    theirs = piece[SUBJECT_ID].slice(made.first, len(made.left))
                    yield write_lists(theirs, made, names, known.ids, known.promotions)

    return run
