"""What a job's exit code means, in words."""

import re
from collections.abc import Sequence
from typing import Final

# Why a job left, by exit code.
MEANINGS: Final = {
    1: "spark-submit could not start it",
    2: "wrong use or settings",
    3: "a check held it",
    4: "fenced by a newer attempt",
    5: "infrastructure",
    70: "a fault of the program, look at the traceback",
}
# Spark's own: executors fail again and again; memory, local disk and the likes; the driver's time is over.
_OF_SPARK: Final = frozenset({11, *range(50, 59), 124})
_INFRASTRUCTURE: Final = frozenset({1, 5}) | _OF_SPARK
# Where Java or a shell tells of a process that a signal ended, it adds 128 to the signal.
_OF_SIGNALS: Final = range(128 + 1, 128 + 65)

_LOG_LINE = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARN|ERROR) ")
_LINES_OF_AN_ERROR = 15


def describe_exit(code: int, lines: Sequence[str]) -> str:
    """One text for people: what the exit code means, and the job's own error message.

    Args:
        code: exit code; negative when a signal ended the process.
        lines: the end of the job's output.
    """
    return f"{_meaning(code)} (exit {code})\n{_last_error(lines)}"


def may_be_tried_again(code: int) -> bool:
    """Whether another try may end otherwise: infrastructure failed, or a signal ended the job (no memory, a lost node)."""
    return _signal(code) > 0 or code in _INFRASTRUCTURE


def final_codes() -> list[int]:
    """Exit codes of jobs that are not tried again."""
    return [code for code in MEANINGS if not may_be_tried_again(code)]


def _meaning(code: int) -> str:
    if signal := _signal(code):
        return f"ended by signal {signal}"
    if code in _OF_SPARK:
        return "Spark broke off"
    return MEANINGS.get(code, "an exit code that no job has, look at its output")


def _signal(code: int) -> int:
    """The signal that ended a process, 0 for none."""
    return code - 128 if code in _OF_SIGNALS else max(-code, 0)


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
