"""A deployment of the command line's own, and the command as a function."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from shortlist.cli.app import app
from shortlist.cli.program import main

D1, D2, D3 = date(2017, 11, 16), date(2017, 11, 23), date(2017, 11, 30)
LISTS = {"u1": "ab", "u2": "b"}

SETTINGS = """
surfaces:
  homefeed: {subject: user, sources: [als, cooccurrence], fallback: popularity, k: 2, min_item_support: 2}
  related: {subject: item, sources: [cooccurrence], k: 2, min_item_support: 2}
"""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)


Shortlist = Callable[..., Answer]


@pytest.fixture
def warehouse(home: Path) -> Path:
    """Root of the tables; settings lie beside it."""
    (home / "shortlist.yaml").write_text(SETTINGS, encoding="utf-8")
    return home / "warehouse"


def takes_settings(command: str) -> bool:
    """Whether a command reads a settings file; `new` makes one."""
    group: Any = typer.main.get_command(app)
    known = group.commands.get(command)
    return known is None or any("--config" in parameter.opts for parameter in known.params)


@pytest.fixture
def shortlist(home: Path, warehouse: Path, capsys: pytest.CaptureFixture[str]) -> Shortlist:
    """The command, run in this process with the deployment's settings."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        config = ["--config", str(home / "shortlist.yaml")] if takes_settings(arguments[0]) else []
        code = main([arguments[0], *config, *arguments[1:]])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return run
