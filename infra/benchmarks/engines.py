"""All engines against their peers: als, cooccurrence and candidates, one after the other.

About 15 minutes on two cores; with --full hours. Each has its own --help, table, ratios and figures.
"""

import argparse
from collections.abc import Sequence

from infra.benchmarks import als, candidates, cooccurrence
from infra.benchmarks._sets import SETS, SMALL


def main(argv: Sequence[str] | None = None) -> None:
    """Measure one after the other."""
    parser = argparse.ArgumentParser(
        prog="infra/bench engines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SMALL, help="default: %(default)s")
    parser.add_argument("--full", action="store_true", help="every set, of 10 and 100 million pairs too")
    options = parser.parse_args(argv)
    sets = ["--sets", *(SETS if options.full else options.sets)]
    for program in (als, cooccurrence):
        program.main(sets)
    candidates.main([])


if __name__ == "__main__":
    main()
