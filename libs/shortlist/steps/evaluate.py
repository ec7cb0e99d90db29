"""Earlier published candidates against what users did afterwards: metrics with intervals, per source and for the blend."""

from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import CANDIDATES_DATE, HORIZON_DAYS, ITEM_ID, RANK, RUN_DATE, SOURCE, SUBJECT_ID, SURFACE
from shortlist.generation.lists import sources_of
from shortlist.metrics.definitions import BLEND
from shortlist.metrics.evaluation import evaluate_lists
from shortlist.steps.beyond_accuracy import what_lists_show
from shortlist.subjects import SUBJECTS
from shortlist.tables import EVALUATIONS, SOURCE_CANDIDATES
from shortlist.transforms.truth import TRUTHS
from shortlist.warehouse.delta import equals
from shortlist.warehouse.publishing import publication_of, published_candidates
from shortlist.warehouse.run import Run, log


def evaluate(run: Run) -> None:
    """Replace the evaluations of the run date, for every surface that was published a horizon ago."""
    for name in run.settings.surfaces:
        judged = [judge(run, name, horizon) for horizon in run.settings.evaluation.horizons]
        found = [frame for frame in judged if frame is not None]
        if found:
            run.replace(reduce(DataFrame.unionByName, found), EVALUATIONS, surface=name)


def judge(run: Run, name: str, horizon: int) -> DataFrame | None:
    """One surface's candidates of `horizon` days ago; None where that day was not published."""
    settings, day = run.settings, run.run_date - timedelta(days=horizon)
    surface, config = settings.surfaces[name], settings.evaluation
    publication = publication_of(run, name, day)
    if publication is None:
        log.info("%s: nothing was published for %s, so there is nothing to judge", name, day)
        return None
    columns = [SOURCE, SUBJECT_ID, RANK, ITEM_ID]
    published = published_candidates(run, publication).withColumn(SOURCE, F.lit(BLEND)).select(*columns)
    named: dict[str, date | str] = {RUN_DATE: day, SURFACE: name}
    proposed = run.table(SOURCE_CANDIDATES, equals(**named)).select(*columns)
    lists = published.unionByName(proposed).where(F.col(RANK) <= max(config.ks)).persist()
    engagements = run.engagements(settings.interactions.lookback_days + horizon)
    subject = SUBJECTS[surface.subject]
    truth = TRUTHS[subject.truth](engagements, day, config.relevant_event_types).persist()
    sources, segments = [BLEND, *sources_of(surface)], subject.segments
    judged = evaluate_lists(lists, truth, sources, segments, config.ks, config.seed, config.bootstrap_samples)
    judged = judged.unionByName(what_lists_show(run, lists, engagements, day, sources))
    stamps = {SURFACE: F.lit(name), CANDIDATES_DATE: F.lit(day), HORIZON_DAYS: F.lit(horizon)}
    return judged.withColumns(stamps)
