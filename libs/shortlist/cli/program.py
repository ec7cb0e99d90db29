"""The command `shortlist` as a program: it runs a command, and makes a failure one text and an exit code."""

import sys
import traceback
from collections.abc import Sequence

from shortlist.cli.app import app
from shortlist.errors import ShortlistError
from shortlist.redaction import redact


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
    except Exception as error:
        print(redact("".join(traceback.format_exception(error))), file=sys.stderr)
        print(redact(f"error: unforeseen {type(error).__name__}: {str(error)[:500]}"), file=sys.stderr)
        return ShortlistError.exit_code
    return 0


def run() -> None:
    """The console script."""
    sys.exit(main())
