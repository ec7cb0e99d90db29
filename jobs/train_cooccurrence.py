"""Baskets to related items: for each item its nearest neighbours by several measures, from one pass."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.tables import BASKETS, RELATED_ITEMS
from shortlist.warehouse.models import replace_model
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("train_cooccurrence", __doc__), argv)
    config = arguments.settings.cooccurrence
    with open_run(arguments) as run:
        baskets = run.read(BASKETS, basket_kind=config.basket_kind)
        with cooccurrence.fit(baskets, config) as related:
            replace_model(run, [(related, RELATED_ITEMS)])


if __name__ == "__main__":
    run_main(main)
