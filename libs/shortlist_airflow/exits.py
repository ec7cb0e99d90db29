"""What a job's exit code means, in words."""

import re
from collections.abc import Sequence
from typing import Final

# Why a job left, by exit code. What cannot become right by trying again is final.
MEANINGS: Final = {
    2: "wrong use or settings",
    3: "a check held it",
    4: "fenced by a newer attempt",
    5: "infrastructure",
}
FINAL: Final = frozenset({2, 3, 4})

_LOG_LINE = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARN|ERROR) ")
_LINES_OF_AN_ERROR = 15


def describe_exit(code: int, lines: Sequence[str]) -> str:
    """One text for people: what the exit code means, and the job's own error message.

    Args:
        code: exit code; negative when a signal ended the process.
        lines: the end of the job's output.
    """
    meaning = f"ended by signal {-code}" if code < 0 else MEANINGS.get(code, "infrastructure")
    return f"{meaning} (exit {code})\n{_last_error(lines)}"


def _last_error(lines: Sequence[str]) -> str:
    """The last `error:` line with the lines that belong to it; without one, the end of the output."""
    starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if not starts:
        return "\n".join(["it left no `error:` line; its last output:", *lines[-_LINES_OF_AN_ERROR:]])
    message = [lines[starts[-1]]]
    for line in lines[starts[-1] + 1 : starts[-1] + _LINES_OF_AN_ERROR]:
        if not line or _LOG_LINE.match(line):
            break
        message.append(line)
    return "\n".join(message)
