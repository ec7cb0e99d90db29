"""How much less an event counts by its age."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F


def decay(day: Column, run_date: date, half_life_days: float | None) -> Column:
    """0.5 ^ (age in days / half-life); 1 without a half-life.

    Args:
        day: date of the event.
        run_date: day that ages count from.
        half_life_days: age at which an event counts half; None: ages do not count.
    """
    if half_life_days is None:
        return F.lit(1.0)
    return F.pow(F.lit(0.5), F.datediff(F.lit(run_date), day) / F.lit(half_life_days))
