"""Candidates of some subjects with what followed a cut: the examples that a blend learns from."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.blending.blended import block_features
from shortlist.blending.examples import Examples, examples_of
from shortlist.blending.features import Features
from shortlist.columns import ITEM_ID, SUBJECT_ID
from shortlist.config import Settings, SurfaceConfig
from shortlist.config.blends import LearnedBlendConfig
from shortlist.generation.artefacts import SharedArtefacts
from shortlist.generation.batches import read_batch
from shortlist.generation.lists import SurfaceItems, open_scorers, reading_of, sources_of
from shortlist.generation.offers import in_pieces
from shortlist.models.arrays.matrix import ascending, id_rows
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.sources.common_set import score_together
from shortlist.subjects import SUBJECTS

RELEVANT: Final = "relevant"
_DRAWN: Final = "drawn"
_NAMES, _VALUES, _GAINS, _BEST_GAIN, _BEST_DCG = "names", "feature_values", "gains", "best_gain", "best_dcg"
_EXAMPLES: Final = (
    f"{SUBJECT_ID} string, {_NAMES} array<string>, {_VALUES} binary, {_GAINS} binary, "
    f"{_BEST_GAIN} double, {_BEST_DCG} double"
)


def draw_subjects(truth: DataFrame, count: int, seed: int) -> DataFrame:
    """subject_id, relevant (item ids): of the subjects with something relevant those with the smallest seeded hashes.

    Args:
        truth: subject_id, item_id.
        count: most subjects.
        seed: of the draw.
    """
    gathered = truth.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_set(ITEM_ID)).alias(RELEVANT))
    drawn = gathered.withColumn(_DRAWN, F.xxhash64(SUBJECT_ID, F.lit(seed)))
    return drawn.orderBy(_DRAWN, SUBJECT_ID).limit(count).drop(_DRAWN)


def collect_examples(
    subjects: DataFrame,
    surface: SurfaceConfig,
    settings: Settings,
    day: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
    config: LearnedBlendConfig,
) -> Examples:
    """The examples of all subjects, in the order of their ids.

    Args:
        subjects: as `subject_frames` gathers them, with `relevant`.
        surface: the surface.
        settings: all settings.
        day: the cut.
        artefacts: what the surface's sources need.
        items: all items.
        config: what lists are judged by.
    """
    table = subjects.mapInArrow(_examples(surface, settings, day, artefacts, items, config), _EXAMPLES).toArrow()
    table = table.sort_by(SUBJECT_ID)
    sources = tuple(sources_of(surface))
    if not table.num_rows:
        nothing = np.empty((0, 0), np.float32)
        return Examples(
            Features(sources, (), np.zeros(1, np.int64), nothing), nothing[0:0].ravel(), np.empty(0), np.empty(0)
        )
    names = tuple(table[_NAMES][0].as_py())
    gains = [np.frombuffer(part, np.float32) for part in table[_GAINS].to_pylist()]
    values = [np.frombuffer(part, np.float32).reshape(len(names), -1) for part in table[_VALUES].to_pylist()]
    starts = np.concatenate(([0], np.cumsum([len(part) for part in gains]))).astype(np.int64)
    features = Features(sources, names, starts, np.ascontiguousarray(np.concatenate(values, axis=1)))
    return Examples(features, np.concatenate(gains), table[_BEST_GAIN].to_numpy(), table[_BEST_DCG].to_numpy())


def _examples(
    surface: SurfaceConfig,
    settings: Settings,
    day: date,
    artefacts: SharedArtefacts,
    items: SharedArrays[SurfaceItems],
    config: LearnedBlendConfig,
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    subject, names = SUBJECTS[surface.subject], sources_of(surface)

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        arrays, known = artefacts.value, items.value
        scorers = open_scorers(surface, settings, arrays)
        eligible, popular = np.asarray(known.eligible), np.asarray(known.log_popularity)
        users = np.expm1(popular.astype(np.float64))
        reading = reading_of(surface, day, arrays, known)
        for batch in (piece for whole in batches for piece in in_pieces(whole, known.promotions)):
            wanted = ascending(id_rows(batch[RELEVANT], known.ids))
            for block in score_together(scorers, read_batch(batch, subject, reading), surface.depth, eligible):
                last = block.first + block.batch.size
                ends = wanted.indptr[block.first : last + 1]
                relevant = ends - ends[0], wanted.indices[ends[0] : ends[-1]]
                features = block_features(block, names, popular)
                found = examples_of(features, block.candidates.items, relevant, users, config)
                yield _rows(batch[SUBJECT_ID].slice(block.first, block.batch.size), found)

    return run


def _rows(subjects: pa.Array, examples: Examples) -> pa.RecordBatch:
    features = examples.features
    spans = [slice(first, last) for first, last in zip(features.starts, features.starts[1:], strict=False)]
    columns = {
        SUBJECT_ID: subjects,
        _NAMES: pa.array([list(features.names)] * len(spans), pa.list_(pa.string())),
        _VALUES: pa.array([features.values[:, span].tobytes() for span in spans], pa.binary()),
        _GAINS: pa.array([examples.gains[span].tobytes() for span in spans], pa.binary()),
        _BEST_GAIN: pa.array(examples.best_gain),
        _BEST_DCG: pa.array(examples.best_dcg),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
