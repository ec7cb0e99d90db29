"""Earlier published candidates against what users did afterwards: metrics with intervals, per source and for the blend."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import CANDIDATES_DATE, HORIZON_DAYS, ITEM_ID, RANK, RUN_DATE, SOURCE, SUBJECT_ID, SURFACE
from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.metrics.definitions import BLEND
from shortlist.metrics.evaluation import evaluate_lists
from shortlist.tables import EVALUATIONS, SOURCE_CANDIDATES
from shortlist.transforms.truth import SEGMENTS, TRUTHS
from shortlist.warehouse.delta import equals
from shortlist.warehouse.publishing import publication_of, published_candidates
from shortlist.warehouse.run import Run, log, open_run


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
    truth = TRUTHS[surface.subject](engagements, day, config.relevant_event_types).persist()
    sources = [BLEND, *surface.sources, *([surface.fallback] if surface.fallback else [])]
    segments = SEGMENTS[surface.subject]
    judged = evaluate_lists(lists, truth, sources, segments, config.ks, config.seed, config.bootstrap_samples)
    stamps = {SURFACE: F.lit(name), CANDIDATES_DATE: F.lit(day), HORIZON_DAYS: F.lit(horizon)}
    return judged.withColumns(stamps)


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("evaluate_candidates", __doc__), argv)
    with open_run(arguments) as run:
        for name in arguments.settings.surfaces:
            judged = [judge(run, name, horizon) for horizon in arguments.settings.evaluation.horizons]
            found = [frame for frame in judged if frame is not None]
            if found:
                run.replace(reduce(DataFrame.unionByName, found), EVALUATIONS, surface=name)


if __name__ == "__main__":
    run_main(main)
