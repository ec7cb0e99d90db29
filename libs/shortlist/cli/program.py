"""The command `shortlist` as a program: it runs a command, and makes a failure one text and an exit code."""

import sys
from collections.abc import Sequence

from shortlist.cli.app import app
from shortlist.errors import ShortlistError, tell_unforeseen


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a foreseen failure is one clear text on standard error and its exit code.

    Args:
        argv: arguments; None means the process's own.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        app(args=arguments, prog_name="shortlist")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    except ShortlistError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Polars panics over a broken file, and a panic is no Exception.
        return tell_unforeseen(error)
    return 0


def run() -> None:
    """The console script."""
    sys.exit(main())
