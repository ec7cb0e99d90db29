"""The one pass spread over Spark: subjects in, the lists of one surface out, nothing shuffled on the way."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.blending.fusion import Fusion
from shortlist.columns import ELIGIBLE_LEFT, LENGTH, RANK, SUBJECT_ID
from shortlist.config import Settings, SurfaceConfig
from shortlist.generation.artefacts import SharedArtefacts
from shortlist.generation.batches import LISTED, LISTS, PROPOSALS, Reading, read_batch, write_lists
from shortlist.generation.one_pass import OnePass
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.sources import SOURCES
from shortlist.sources.inputs import ArtefactName
from shortlist.subjects import SUBJECTS

Batches = Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class SurfaceItems:
    """The items of a run as one surface sees them.

    Attributes:
        ids: sorted; an item's index is its position here.
        eligible: (items,) uint8, 1 where the surface may show an item.
    """

    ids: pa.Array
    eligible: NDArray[np.uint8]


def sources_of(surface: SurfaceConfig) -> list[str]:
    """Names of a surface's sources, the fallback last."""
    return [*surface.sources, *([surface.fallback] if surface.fallback else [])]


def needed_artefacts(settings: Settings) -> set[ArtefactName]:
    """What the sources of all configured surfaces need."""
    return {
        need
        for surface in settings.surfaces.values()
        for name in sources_of(surface)
        for need in SOURCES[name].needs(settings, SUBJECTS[surface.subject])
    }


def make_lists(
    subjects: DataFrame,
    surface: SurfaceConfig,
    settings: Settings,
    run_date: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
) -> DataFrame:
    """The lists of a surface, one row a subject.

    Args:
        subjects: as `subject_frames` gathers them.
        surface: the surface.
        settings: all settings.
        run_date: logical date D.
        artefacts: what the surface's sources need.
        items: all items.

    Returns:
        The columns of `batches.LISTS`.
    """
    return subjects.mapInArrow(_pass_over(surface, settings, run_date, artefacts, items), LISTS)


def proposed(lists: DataFrame) -> DataFrame:
    """subject_id, source, rank, item_id, score, because_item_id: what each source proposed."""
    return lists.select(SUBJECT_ID, F.inline(PROPOSALS))


def listed(lists: DataFrame) -> DataFrame:
    """subject_id, rank, item_id, score, source, sources, because_item_id: the lists."""
    rows = lists.select(SUBJECT_ID, F.posexplode(LISTED).alias(RANK, "entry"))
    return rows.select(SUBJECT_ID, (F.col(RANK) + 1).alias(RANK), "entry.*")


def short(lists: DataFrame, k: int) -> DataFrame:
    """subject_id, length, eligible_left of the lists with fewer than k items."""
    counted = lists.select(SUBJECT_ID, F.size(LISTED).alias(LENGTH), ELIGIBLE_LEFT)
    return counted.where(F.col(LENGTH) < k)


def _pass_over(
    surface: SurfaceConfig,
    settings: Settings,
    run_date: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    names, subject = sources_of(surface), SUBJECTS[surface.subject]
    fusion = Fusion(surface.sources, surface.fallback, settings.blend.constant)

    def run(batches: Batches) -> Iterator[pa.RecordBatch]:
        arrays, known = artefacts.value, items.value
        scorers = {name: SOURCES[name].open(arrays, settings, subject) for name in names}
        eligible = np.asarray(known.eligible)
        one_pass = OnePass(scorers, fusion, eligible, surface.depth, surface.k)
        reading = Reading(run_date, known.ids, surface)
        for batch in batches:
            if batch.num_rows:
                for made in one_pass.lists(read_batch(batch, subject, reading)):
                    theirs = batch[SUBJECT_ID].slice(made.first, len(made.left))
                    yield write_lists(theirs, made, names, known.ids)

    return run
