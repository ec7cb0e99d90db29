"""Lists with reasons to the rows of a candidates table."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import MODEL_VERSION, RUN_DATE, RUN_ID
from shortlist.tables import CANDIDATES


def stamp(lists: DataFrame, run_date: date, run_id: str, model: str) -> DataFrame:
    """The columns of the candidates contract.

    Args:
        lists: subject_id, rank, item_id, score, source, sources, reason, expires_at, campaign, slot, propensity, condition,
            relation.
        run_date: logical date D.
        run_id: the run's name.
        model: digits of the settings that the models depend on.
    """
    stamps = {
        MODEL_VERSION: F.lit(f"{run_date.isoformat()}-{model}"),
        RUN_ID: F.lit(run_id),
        RUN_DATE: F.lit(run_date),
    }
    return lists.withColumns(stamps).select(*CANDIDATES.columns)
