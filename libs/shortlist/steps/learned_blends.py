"""The blends that surfaces use: the newest that were learned, where they still fit."""

from collections.abc import Mapping

from pyspark.sql import functions as F

from shortlist.blending.blends import Blend, blend_of
from shortlist.columns import BLEND, RUN_DATE, SOURCES, SURFACE
from shortlist.generation.lists import sources_of
from shortlist.tables import BLENDS
from shortlist.warehouse.run import Run, log


def newest_blends(run: Run) -> Mapping[str, Blend]:
    """The newest learned blend of each surface that learns one, not after the run date."""
    learning = [name for name, surface in run.settings.surfaces.items() if surface.learn is not None]
    if not learning or not run.exists(BLENDS):
        return {}
    known = run.table(BLENDS).where((F.col(RUN_DATE) <= F.lit(run.run_date)) & F.col(SURFACE).isin(learning))
    newest = known.groupBy(SURFACE).agg(F.max_by(F.struct(BLEND, SOURCES, RUN_DATE), RUN_DATE).alias(BLEND))
    blends = {}
    for name, found in newest.collect():
        sources = sources_of(run.settings.surfaces[name])
        if found[SOURCES] == sources:
            blends[name] = blend_of(found[BLEND])
        else:
            log.warning(
                "%s: the blend of %s was learned from %s, the surface has %s; what settings say is used until another is learned",
                name,
                found[RUN_DATE],
                ", ".join(found[SOURCES]),
                ", ".join(sources),
            )
    return blends
