"""Factors, related items and interactions to source candidates: what each source would give each subject of each surface."""

from collections.abc import Sequence

from pyspark.sql import functions as F

from shortlist.columns import SURFACE
from shortlist.io.arguments import job_parser, parse_job, run_main
from shortlist.io.run import open_run
from shortlist.io.trained import read_model
from shortlist.sources import propose
from shortlist.sources.inputs import Inputs
from shortlist.tables import CATALOG, INTERACTIONS, ITEM_FACTORS, RELATED_ITEMS, SOURCE_CANDIDATES, USER_FACTORS
from shortlist.transforms.scope import surface_scope


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("generate_candidates", __doc__), argv)
    settings = arguments.settings
    with open_run(arguments) as run:
        interactions, catalog = run.read(INTERACTIONS).persist(), run.snapshot(CATALOG)
        (related,), (users, items) = read_model(run, RELATED_ITEMS), read_model(run, USER_FACTORS, ITEM_FACTORS)
        for name, surface in settings.surfaces.items():
            scope = surface_scope(interactions, catalog, surface).persist()
            inputs = Inputs(run.run_date, surface, scope, interactions, users, items, related)
            proposed = propose(inputs, settings.sources).withColumn(SURFACE, F.lit(name))
            run.replace(proposed, SOURCE_CANDIDATES, surface=name)


if __name__ == "__main__":
    run_main(main)
