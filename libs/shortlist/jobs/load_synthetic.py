"""Land days of synthetic engagement: popularity by a power law, groups of users with tastes; the same for the same seed.

How many events, users, items and groups is settings: --set synthetic.events_per_day=20000000.
"""

from collections.abc import Sequence
from datetime import timedelta

from shortlist.config import load_settings
from shortlist.config.arguments import job_parser, parse_day, run_main
from shortlist.errors import SettingsError
from shortlist.landing.folders import Landing
from shortlist.landing.synthetic import land_days
from shortlist.warehouse.run import log, log_to_stderr
from shortlist.warehouse.session import spark_session


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, land, tell."""
    parser = job_parser("load_synthetic", __doc__, run_date=False)
    parser.add_argument("--since", required=True, metavar="YYYY-MM-DD", help="first day")
    parser.add_argument("--until", required=True, metavar="YYYY-MM-DD", help="last day")
    options = parser.parse_args(argv)
    settings = load_settings(options.config, options.overrides)
    since, until = parse_day("--since", options.since), parse_day("--until", options.until)
    if until < since:
        raise SettingsError.bad_argument("--until", options.until, f"is before --since {options.since}")
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    landing = Landing(settings.paths.landing, settings.extraction.marker)
    log_to_stderr()
    with spark_session("load_synthetic") as spark:
        land_days(spark, landing, days, settings.synthetic)
    log.info("%s: %d day(s) of %d synthetic events landed", landing.root, len(days), settings.synthetic.events_per_day)


if __name__ == "__main__":
    run_main(main)
