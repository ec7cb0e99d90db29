"""Interactions to user and item factors, by implicit-feedback ALS."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.models.als.fit import fit
from shortlist.tables import INTERACTIONS, ITEM_FACTORS, USER_FACTORS
from shortlist.warehouse.models import replace_model
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("train_als", __doc__), argv)
    with open_run(arguments) as run:
        config = arguments.settings.als
        start = run.earlier(ITEM_FACTORS) if config.warm_start else None
        with fit(run.read(INTERACTIONS), config, start) as model:
            # Without user factors the day has no rows, rather than those of another fit.
            users = model.user_factors if config.store_user_factors else model.user_factors.limit(0)
            replace_model(run, [(users, USER_FACTORS), (model.item_factors, ITEM_FACTORS)])


if __name__ == "__main__":
    run_main(main)
