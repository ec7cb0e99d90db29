"""Source candidates to the rows of a candidates table."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.blending.fusion import Fusion, fuse
from shortlist.columns import EXPIRES_AT, MODEL_VERSION, RUN_DATE, RUN_ID
from shortlist.config import Settings
from shortlist.pipeline import model_settings
from shortlist.tables import CANDIDATES
from shortlist.transforms.reasons import with_reasons


def build_candidates(
    proposed: DataFrame, catalog: DataFrame | None, surface: str, settings: Settings, run_date: date, run_id: str
) -> DataFrame:
    """A surface's lists: fused, filled up, with reasons and stamps.

    Args:
        proposed: the surface's source candidates of the run date.
        catalog: item_id, title; None names items by their ids.
        surface: name of the surface.
        settings: all settings.
        run_date: logical date D.
        run_id: the run's name.

    Returns:
        The columns of the candidates contract.
    """
    config = settings.surfaces[surface]
    fused = fuse(proposed, Fusion(config.sources, config.fallback, config.k, settings.blend.constant))
    explained = with_reasons(fused, catalog, _wording(settings))
    stamped = explained.withColumns(
        {
            MODEL_VERSION: F.lit(f"{run_date.isoformat()}-{settings.fingerprint(*model_settings())}"),
            RUN_ID: F.lit(run_id),
            EXPIRES_AT: F.lit(None).cast("timestamp"),
            RUN_DATE: F.lit(run_date),
        }
    )
    return stamped.select(*CANDIDATES.columns)


def _wording(settings: Settings) -> Mapping[str, str]:
    return {name: getattr(settings.sources, name).reason for name in type(settings.sources).model_fields}
