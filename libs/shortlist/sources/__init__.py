"""Candidate sources: one file each, one entry here, one config class in `shortlist.config`."""

from collections.abc import Mapping
from functools import reduce
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, RANK, SCORE, SOURCE, SUBJECT_ID
from shortlist.config import SourceName, SourcesConfig
from shortlist.sources.als import als
from shortlist.sources.cooccurrence import cooccurrence
from shortlist.sources.inputs import Inputs, Source
from shortlist.sources.popularity import popularity

SOURCES: Final[Mapping[SourceName, Source]] = {
    "als": als,
    "cooccurrence": cooccurrence,
    "popularity": popularity,
}


def propose(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """What every source of a surface, its fallback included, gives each subject.

    Returns:
        subject_id, source, rank (from 1, ties by item_id), item_id, score, because_item_id.
    """
    fallback = inputs.surface.fallback
    names = [*inputs.surface.sources, *([fallback] if fallback else [])]
    return reduce(DataFrame.unionByName, (_ranked(name, inputs, config) for name in names))


def _ranked(name: SourceName, inputs: Inputs, config: SourcesConfig) -> DataFrame:
    return SOURCES[name](inputs, config).select(
        SUBJECT_ID, F.lit(name).alias(SOURCE), RANK, ITEM_ID, F.col(SCORE).cast("float").alias(SCORE), BECAUSE_ITEM_ID
    )
