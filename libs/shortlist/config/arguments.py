"""The command line that every job shares, read and validated before a Spark session starts."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from shortlist.config import Settings, load_settings
from shortlist.errors import SettingsError, ShortlistError, tell_unforeseen

EXIT_CODES = (
    "exit codes: 0 done, 2 wrong use or settings, 3 a check held, 4 fenced by a newer attempt, 5 infrastructure, "
    "70 a fault of the program"
)

BACKTEST_NAME: Final = "^[a-z0-9][a-z0-9_-]{0,31}$"
"""What a backtest may be called, as a regular expression."""


@dataclass(frozen=True)
class Arguments:
    """A job's arguments.

    Attributes:
        job: the job's name, as in jobs/<job>.py.
        settings: resolved and validated settings.
        run_date: logical date D: the run knows what was known when D ended.
        attempt: fence number; None means one above the partition's newest.
        options: the job's own further arguments, parsed.
    """

    job: str
    settings: Settings
    run_date: date
    attempt: int | None
    options: argparse.Namespace

    @property
    def run_id(self) -> str:
        """Names the run by what it is made of: its day and its settings. A re-run has the same id."""
        return f"{self.run_date.isoformat()}-{self.settings.fingerprint()}"


def job_parser(job: str, description: str | None, run_date: bool = True) -> argparse.ArgumentParser:
    """The parser of a job, with what all jobs have in common; a job may add its own arguments."""
    parser = argparse.ArgumentParser(
        prog=f"{job}.py",
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, help="settings file (default: $SHORTLIST_CONFIG, else infra/demo.yaml)")
    if run_date:
        parser.add_argument(
            "--run-date", required=True, metavar="YYYY-MM-DD", help="logical date D; the day that ended"
        )
        parser.add_argument(
            "--attempt", type=int, help="fence number of this attempt, higher than any before (default: the newest + 1)"
        )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="FIELD=VALUE",
        help='override a setting: als.factors=32, or a JSON object {"als": {"factors": 32}}; may be repeated',
    )
    return parser


def parse_job(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> Arguments:
    """Parse and validate; nothing is read from the landing or the warehouse.

    Raises:
        SettingsError: a wrong argument or setting, by name.
    """
    options = parser.parse_args(argv)
    if options.attempt is not None and not 0 <= options.attempt < 2**63:
        raise SettingsError.bad_argument("--attempt", options.attempt, "must be a number from 0 to 2^63 - 1")
    return Arguments(
        job=parser.prog.removesuffix(".py"),
        settings=load_settings(options.config, options.overrides),
        run_date=parse_day("--run-date", options.run_date),
        attempt=options.attempt,
        options=options,
    )


def parse_day(name: str, text: str) -> date:
    """A day in ISO form.

    Raises:
        SettingsError: anything else.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise SettingsError.bad_argument(name, text, "is no day; next: write it as 2017-11-30") from None
    if day.isoformat() != text:
        raise SettingsError.bad_argument(name, text, f"is ambiguous; next: write it as {day.isoformat()}")
    return day


def parse_backtest_name(name: str, text: str) -> str:
    """The name of a backtest: it names a partition and a folder, and people type it.

    Args:
        name: what holds it, for the error.
        text: as given.

    Raises:
        SettingsError: it is something else.
    """
    if not re.fullmatch(BACKTEST_NAME, text):
        problem = "is no name of a backtest; next: write 1 to 32 of a-z, 0-9, _ and -, the first a letter or digit"
        raise SettingsError.bad_argument(name, text, problem)
    return text


def run_main(main: Callable[[Sequence[str] | None], None]) -> None:
    """Run a job as a program: a foreseen failure is one clear text on standard error and its exit code.

    Anything unforeseen keeps its traceback and leaves with 5, which a scheduler may try again, or with 70 where the program
    is wrong. A job never leaves with 1: that is spark-submit's, where it could not start.
    """
    try:
        main(None)
    except ShortlistError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # Polars panics over a broken file, and a panic is no Exception.
        sys.exit(tell_unforeseen(error))
