"""The command line as a program: help, wrong use, exit codes, what it loads."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from polars.exceptions import PanicException

from shortlist.cli.app import app
from shortlist.cli.program import main
from tests.published import publish
from tests.unit.cli.conftest import D2, D3, LISTS, Shortlist

COMMANDS = sorted(str(command.name) for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    printed = capsys.readouterr().out
    # `new` makes settings, and reads none.
    assert ("--config" in printed) == (command != "new")
    assert "--json" in printed


def test_help_names_the_exit_codes_and_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "3 something is wrong with what was looked at (a surface is late, a table damaged); 4 a newer attempt"
        in printed
    )
    assert [command for command in COMMANDS if command not in printed] == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["status", "--as-of", "30.11.2017"], "--as-of '30.11.2017': is no day"),
        (["status", "--set", "als.factorz=3"], "unknown setting 'als.factorz'"),
        (["rollback", "nowhere", "--yes"], "SURFACE 'nowhere': is none of homefeed, related"),
        (["rollback", "homefeed", "--yes"], "homefeed: nothing is published"),
        (["dance"], "No such command"),
    ],
)
def test_wrong_use_is_refused_by_name(shortlist: Shortlist, argv: list[str], said: str) -> None:
    answer = shortlist(*argv)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_what_was_not_agreed_to_is_not_done(
    warehouse: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (D2, D3):
        publish(warehouse, "homefeed", day, LISTS)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    answer = shortlist("rollback", "homefeed")
    assert answer.code == 2
    assert "nothing was changed" in answer.err
    assert shortlist("status", "--json", "--as-of", "2017-12-01").facts["surfaces"][0]["run_date"] == "2017-11-30"


def test_who_waits_at_a_terminal_sees_what_is_looked_at(warehouse: Path, shortlist: Shortlist) -> None:
    publish(warehouse, "homefeed", D3, LISTS)
    assert shortlist("verify").err == ""  # nobody watches
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "shortlist.cli", "verify", "--config", str(warehouse.parent / "shortlist.yaml")]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"}, check=True
    )
    os.close(theirs)
    assert b"looking at models" in os.read(ours, 100_000)  # the last one, whatever is painted of those before
    os.close(ours)
    assert b"looking at" not in done.stdout


@pytest.mark.parametrize(("error", "code"), [(RuntimeError, 5), (PanicException, 5), (TypeError, 70)])
def test_an_unforeseen_failure_says_whether_to_try_again(
    shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], code: int
) -> None:
    def burst(*_: object) -> None:
        raise error("oops")

    monkeypatch.setattr("shortlist.cli.arguments.load_settings", burst)
    answer = shortlist("status")
    assert answer.code == code
    assert f"error: unforeseen {error.__name__}: oops" in answer.err
    assert ("a fault of the program" in answer.err) is (code == 70)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("shortlist ver", ["verify"]),
        ("shortlist show ", ["homefeed", "related"]),
        ("shortlist verify rel", ["related"]),
        ("shortlist why --config {home}/none.yaml ", []),
    ],
)
def test_the_shell_completes_commands_and_surfaces(home: Path, warehouse: Path, words: str, offered: list[str]) -> None:
    line = words.format(home=home)
    environment = {
        **os.environ,
        "SHORTLIST_CONFIG": str(home / "shortlist.yaml"),
        "_SHORTLIST_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    command = [sys.executable, "-m", "shortlist.cli"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (ran.stdout.split(), ran.stderr) == (offered, "")


def test_no_spark_is_loaded() -> None:
    """Not even imported by any command: a machine on call needs no Java, and half a second is saved."""
    program = (
        "import importlib, pkgutil, sys; import shortlist.cli as cli; "
        "names = [each.name for each in pkgutil.iter_modules(cli.__path__) if each.name != '__main__']; "
        "[importlib.import_module(f'shortlist.cli.{name}') for name in names]; "
        "heavy = {'pyspark', 'delta', 'py4j', 'great_expectations'}; "
        "print(sorted(names), sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "'app'" in ran.stdout
    assert "'rollback'" in ran.stdout
    assert ran.stdout.strip().endswith(" []")
