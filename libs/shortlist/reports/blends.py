"""What each source of a surface counts, as learned for the day's lists."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from shortlist.columns import CUTS, IMPORTANCE, JUDGED, JUDGED_SUBJECTS, KIND, REASON, RUN_DATE, SURFACE
from shortlist.config import SurfaceConfig
from shortlist.store.pinned_tables import Lake

TABLE = "blends"


@dataclass(frozen=True)
class BlendFacts:
    """How a surface's sources were blended.

    Attributes:
        learned_on: run date that learned it.
        kind: of the blend.
        parts: what each source or feature counts, the largest first.
        sources: mean of the objective of each source's own lists where it was judged, the best first.
        blended: the same of the blend.
        subjects: by how many it was judged.
        cuts: days that it was learned from.
        reason: why this kind was chosen.
    """

    learned_on: date
    kind: str
    parts: tuple[tuple[str, float], ...]
    sources: tuple[tuple[str, float], ...]
    blended: float
    subjects: int
    cuts: tuple[str, ...]
    reason: str


def read_blend(lake: Lake, run_date: date, name: str, surface: SurfaceConfig) -> BlendFacts | None:
    """The blend that a surface's lists of a day were made with; None where none was learned."""
    rows = lake.scan(TABLE) if surface.learn is not None else None
    if rows is None:
        return None
    wanted = (pl.col(SURFACE) == name) & (pl.col(RUN_DATE) <= run_date)
    found = lake.collect(TABLE, rows.filter(wanted).sort(RUN_DATE).tail(1))
    if not found.height:
        return None
    row = found.row(0, named=True)
    judged = json.loads(row[JUDGED])
    return BlendFacts(
        learned_on=row[RUN_DATE],
        kind=row[KIND],
        parts=_largest_first(json.loads(row[IMPORTANCE])),
        sources=_largest_first(judged["sources"]),
        blended=judged["kinds"][row[KIND]]["mean"],
        subjects=row[JUDGED_SUBJECTS],
        cuts=tuple(json.loads(row[CUTS])),
        reason=row[REASON],
    )


def _largest_first(values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(values.items(), key=lambda entry: (-entry[1], entry[0])))
