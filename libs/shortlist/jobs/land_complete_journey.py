"""Land the public Complete Journey data as a producer would: engagements a day; catalog, promotions, audiences a month.

For the demo. Needs no JVM: `python jobs/land_complete_journey.py` does the same as spark-submit.
"""

from collections.abc import Sequence
from pathlib import Path

from shortlist.config import load_settings
from shortlist.config.arguments import job_parser, parse_day, run_main
from shortlist.errors import SettingsError
from shortlist.landing.complete_journey import LandedSummary, land, read_journey
from shortlist.landing.searches import land_searches


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, land, tell."""
    parser = job_parser("land_complete_journey", __doc__, run_date=False)
    parser.add_argument("--since", default="2017-01-01", metavar="YYYY-MM-DD", help="first day (default: %(default)s)")
    parser.add_argument("--until", default="2017-11-30", metavar="YYYY-MM-DD", help="last day (default: %(default)s)")
    parser.add_argument(
        "--searches",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="also make up a search before this share of the purchases, feed searches (default: none)",
    )
    options = parser.parse_args(argv)
    settings = load_settings(options.config, options.overrides)
    since, until = parse_day("--since", options.since), parse_day("--until", options.until)
    landing = settings.paths.landing
    if "://" in landing:
        raise SettingsError.bad_argument(
            "paths.landing", landing, "is no local folder; next: name one, copy it on later"
        )
    if not 0 <= options.searches <= 1:
        raise SettingsError.bad_argument("--searches", options.searches, "is no share; next: give one from 0 to 1")
    marker = settings.extraction.marker
    print(describe(landing, land(Path(landing), since, until, marker=marker)))
    if options.searches:
        made = land_searches(Path(landing), read_journey(), since, until, share=options.searches, marker=marker)
        print(f"{made:,} synthetic searches landed")


def describe(landing: str, did: LandedSummary) -> str:
    """The summary for people."""
    return (
        f"{landing}: {did.days} days landed, {did.days_left_alone} were complete before; {did.events:,} events, "
        f"{did.snapshots} snapshots, {did.size_bytes / 1e6:.1f} MB\n"
        f"{did.redemptions:,} coupon redemptions landed; {did.redemptions_without_purchase:,} have no purchase to take "
        f"their item from; {did.promotions_left_out:,} promotions of a second campaign are left out"
    )


if __name__ == "__main__":
    run_main(main)
