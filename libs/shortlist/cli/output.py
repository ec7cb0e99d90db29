"""What a command found, printed: tables and sentences for people, one JSON object for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shortlist.redaction import redact
from shortlist.reports.untrusted import plain

# Bumped when a field changes its meaning or goes away; fields that are added do not count.
FORMAT: Final = 1
_PIPED_WIDTH: Final = 120
_LONGEST_CELL: Final = 300

Facts = Mapping[str, Any]


def emit(command: str, facts: Facts, as_json: bool, render: Callable[[Facts, Console], None]) -> None:
    """Print what was found.

    Args:
        command: its name.
        facts: JSON-able; with `as_json` printed with `command` and `format` beside its fields.
        as_json: for programs.
        render: prints the facts for people.
    """
    if as_json:
        print(json.dumps({"command": command, "format": FORMAT, **facts}, indent=1, default=str))
        return
    render(facts, console())


def console(err: bool = False) -> Console:
    """A terminal as wide as it is; what is piped has a fixed width, so that it does not depend on who asks."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else _PIPED_WIDTH, highlight=False, soft_wrap=False)


def say(to: Console, text: object, style: str = "") -> None:
    """A sentence. Words of users and producers are made fit to be shown and are never read as markup."""
    to.print(Text(plain(redact(str(text)), 2_000), style=style))


@contextmanager
def progress(doing: str) -> Iterator[Callable[[str], None]]:
    """A line on a terminal's standard error that says what is being done, gone at the end; nothing where nobody watches."""
    with console(err=True).status(doing) as status:
        yield lambda what: status.update(Text(plain(f"{doing} {what}", _LONGEST_CELL)))


def print_table(to: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Rows as a table below its title; empty cells for None."""
    shown = Table(box=SIMPLE, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(plain(cell, _LONGEST_CELL)) for cell in row))
    if title:
        to.print(Text(f"\n{title}"))
    to.print(shown)
