"""Factors, related items and interactions to source candidates: what each source would give each subject of each surface."""

from collections.abc import Sequence
from contextlib import closing

from pyspark.sql import functions as F

from shortlist.columns import SURFACE
from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.sources import propose
from shortlist.sources.inputs import Inputs
from shortlist.tables import CATALOG, INTERACTIONS, ITEM_FACTORS, RELATED_ITEMS, SOURCE_CANDIDATES, USER_FACTORS
from shortlist.transforms.scope import surface_scope
from shortlist.warehouse.models import read_model
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("generate_candidates", __doc__), argv)
    settings = arguments.settings
    with open_run(arguments) as run:
        interactions, catalog = run.read(INTERACTIONS).persist(), run.snapshot(CATALOG)
        [related] = read_model(run, RELATED_ITEMS)
        stored = [USER_FACTORS] if settings.als.store_user_factors else []
        *users, items = read_model(run, *stored, ITEM_FACTORS)
        with (
            scratch_folder(run.spark, settings.als.scratch) as folder,
            closing(SharedItems(items, folder)) as shared,
        ):
            for name, surface in settings.surfaces.items():
                scope = surface_scope(interactions, catalog, surface).persist()
                inputs = Inputs(
                    run_date=run.run_date,
                    surface=surface,
                    scope=scope,
                    interactions=interactions,
                    user_factors=users[0] if users else None,
                    item_factors=items,
                    items=shared,
                    als=settings.als,
                    folder=folder,
                    related_items=related,
                )
                proposed = propose(inputs, settings.sources).withColumn(SURFACE, F.lit(name))
                run.replace(proposed, SOURCE_CANDIDATES, surface=name)


if __name__ == "__main__":
    run_main(main)
