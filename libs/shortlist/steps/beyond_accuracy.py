"""What earlier lists show, whatever people did afterwards: rows of evaluations beside the ranking metrics."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, ITEM_ID, STATUS, USER_ID
from shortlist.metrics.evaluation import beyond_accuracy_rows
from shortlist.tables import CATALOG
from shortlist.warehouse.run import Run


def what_lists_show(run: Run, lists: DataFrame, engagements: DataFrame, day: date, sources: Sequence[str]) -> DataFrame:
    """Coverage, Gini coefficient, top item and novelty of a day's lists.

    What could have been shown is the active items of the catalogue, and without a catalogue every item with engagement.

    Args:
        run: the run that judges.
        lists: source, subject_id, rank, item_id.
        engagements: those that the run knows; events after the lists' day are left out.
        day: run date of the lists.
        sources: names to look for in lists.
    """
    config, catalog = run.settings.evaluation, run.snapshot(CATALOG)
    engaged = engagements.where((F.col(EVENT_DATE) <= F.lit(day)) & F.col(ITEM_ID).isNotNull())
    known = engaged.select(USER_ID, ITEM_ID).distinct().persist()
    shown = known if catalog is None else catalog.where(F.col(STATUS) == "active")
    # Without anybody there are no lists either: each of their items is then as new as an item can be.
    people = max(1, known.select(USER_ID).distinct().count())
    return beyond_accuracy_rows(
        lists, shown.select(ITEM_ID), known, people, sources, config.ks, config.seed, config.bootstrap_samples
    )
