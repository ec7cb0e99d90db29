"""What nobody foresaw: told with its traceback, and an exit code that says whether trying again may help."""

import sys
import traceback
from typing import Final

from shortlist.errors.base import ShortlistError
from shortlist.redaction import redact

# A number of its own: spark-submit leaves with 1 where Java gets no memory, which may be right the next time. 70 is what
# sysexits.h has for an error of the program itself.
FAULT_OF_THE_PROGRAM: Final = 70
# What a wrong program raises. Others may come from what it runs on: Spark, storage and readers of files raise their own.
_FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, NotImplementedError, RecursionError,
    TypeError,
)  # fmt: skip
_NEXT: Final = "; next: look at the traceback above: it is a fault of the program, and trying again does not mend it"


def tell_unforeseen(error: BaseException) -> int:
    """Print the traceback and one line, without secrets, on standard error; returns the exit code."""
    fault = isinstance(error, _FAULTS)
    print(redact("".join(traceback.format_exception(error))), file=sys.stderr)
    said = f"error: unforeseen {type(error).__name__}: {str(error)[:500]}"
    print(redact(said) + (_NEXT if fault else ""), file=sys.stderr, flush=True)
    return FAULT_OF_THE_PROGRAM if fault else ShortlistError.exit_code
