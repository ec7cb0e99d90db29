"""How good the lists of past days would have been with other settings, beside those served; nothing that is served is touched.

`--set` says what is tried. The lists of each horizon (`evaluation.horizons`) before the run date are made in a scratch
warehouse, from what was known when that day ended, and judged by what was delivered up to the run date. The table
`backtests` has the verdict; `shortlist backtest NAME` prints it.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_backtest_name, parse_job, run_main
from shortlist.steps.backtest import backtest
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    parser = job_parser("backtest_settings", __doc__)
    parser.add_argument("--name", required=True, help="name of the backtest: 1 to 32 of a-z, 0-9, _ and -")
    arguments = parse_job(parser, argv)
    name = parse_backtest_name("--name", arguments.options.name)
    with open_run(arguments) as run:
        backtest(run, name)


if __name__ == "__main__":
    run_main(main)
