"""Path traversal, SQL, shell and terminal escapes in every argument of every command and job: refused by name, or harmless.

The arguments are found in the parsers, so that a new one is covered by itself: one that takes any word is named below.
"""

import argparse
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from shortlist.cli.app import app
from shortlist.errors import SettingsError
from tests.published import publish
from tests.unit.cli.conftest import D2, D3, LISTS, Shortlist
from tests.unit.cli.night import write_night
from tests.unit.test_hostile_settings import HOSTILE, NEVER

CHECKOUT = Path(__file__).parents[3]
WORDS = {**HOSTILE, **NEVER, "huge": "9" * 40, "negative": "-1", "infinite": "1e400", "none": "nan"}
# Any word may be meant: an id is compared letter by letter, a reason is kept without its secrets.
PLAIN = {
    ("show", "subject"),
    ("why", "subject"),
    ("why", "item"),
    ("diff", "subject"),
    ("rollback", "why"),
    ("new", "into"),
    ("new", "feed"),
}
# Tested where its job is stood in for: tests/unit/cli/test_erase.py.
STARTS_A_JOB = {("erase", "subject")}
NEEDED: dict[str, list[str]] = {
    "show": ["homefeed", "u1"],
    "why": ["homefeed", "u1"],
    "diff": ["homefeed", "2017-11-23", "2017-11-30"],
    "export": ["homefeed", "--into=lists.jsonl"],
    "backtest": ["less"],
    "rollback": ["homefeed", "--yes"],
    "repair": ["--yes"],
    "erase": ["u1", "--yes"],
    # It would write wherever a word leads.
    "new": ["log.csv", "--look"],
}


def parameters() -> Iterator[tuple[str, Any]]:
    """Command and parameter, for every one that takes a value."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False) and parameter.name != "help":
                yield name, parameter


ALL = list(parameters())


def arguments(command: str, parameter: Any, word: str) -> list[str]:
    """A right command line but for one word."""
    needed = list(NEEDED.get(command, []))
    if parameter.param_type_name == "option":
        return [*needed, parameter.opts[0], word]
    place = [each.name for name, each in ALL if name == command and each.param_type_name == "argument"].index(
        parameter.name
    )
    positional = [each for each in needed if not each.startswith("-")][: place + 1]
    # "--" ends the options, so that a word is not taken for one.
    return [*[each for each in needed if each.startswith("-")], "--", *positional[:place], word, *needed[place + 1 :]][
        : 2 + len(needed) + 1
    ]


def files(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


@pytest.fixture
def night(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(warehouse.parent)
    (warehouse.parent / "log.csv").write_text("user,item,time\nu1,i1,2017-11-30 10:00:00\n", encoding="utf-8")
    publish(warehouse, "homefeed", D2, LISTS)
    write_night(warehouse)
    return warehouse


def test_the_arguments_are_found() -> None:
    found = {(name, parameter.name) for name, parameter in ALL}
    assert len(found) > 30
    assert {*PLAIN, *STARTS_A_JOB} <= found
    assert {("status", "as_of"), ("repair", "older_than"), ("erase", "kind"), ("verify", "surface")} <= found


@pytest.mark.parametrize(
    ("command", "parameter"),
    [(name, each) for name, each in ALL if (name, each.name) not in PLAIN | STARTS_A_JOB],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_hostile_word_is_refused_by_name(night: Path, shortlist: Shortlist, command: str, parameter: Any) -> None:
    before = files(night)
    for word in WORDS.values():
        answer = shortlist(command, *arguments(command, parameter, word))
        # The doctor says what is wrong as one of its findings.
        printed = answer.out + answer.err
        assert (answer.code, command == "doctor" or answer.out == "") == (2, True), answer
        assert any(name.lower() in printed.lower() for name in named(parameter)), printed
        assert not set(printed) & {"\x1b", "\x00"}
    assert files(night) == before


def named(parameter: Any) -> list[str]:
    """How an error may name a parameter."""
    known_as = {"config": ["settings file"], "overrides": ["unknown setting"]}
    return [*parameter.opts, parameter.metavar or parameter.name, *known_as.get(parameter.name, [])]


@pytest.mark.parametrize(("command", "name"), sorted(PLAIN))
def test_where_any_word_may_be_meant_it_is_harmless(
    night: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, name: str
) -> None:
    (tmp_path / "here").mkdir()
    shutil.copy(night.parent / "log.csv", tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    (parameter,) = [each for of, each in ALL if (of, each.name) == (command, name)]
    before = files(night)
    for number, word in enumerate(WORDS.values()):
        answer = shortlist(command, *arguments(command, parameter, word))
        # Nobody is named so: an answer that says so, or an error that does.
        assert answer.code in (0, 2, 3), answer
        assert not set(answer.out + answer.err) & {"\x1b", "\x00"}
        printed = shortlist(command, "--json", *arguments(command, parameter, word))
        assert printed.code == answer.code or command == "rollback"
        if printed.out:
            json.loads(printed.out)
        if command == "rollback":
            publish(night, "homefeed", D3, LISTS, attempt=2**60 + number)
    if command != "rollback":
        assert files(night) == before
    assert [each.name for each in (tmp_path / "here").iterdir()] == ["log.csv"]


# Words that are as good a name as any other.
RIGHT = {("--name", WORDS["infinite"]), ("--name", WORDS["none"])}
JOBS = sorted(path.stem for path in (CHECKOUT / "jobs").glob("*.py"))


class FoundError(Exception):
    """The parser of a job, at the moment at which it would parse."""


def job(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"hostile_{name}", CHECKOUT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def parser_of(name: str, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    """The parser that a job makes."""

    def show(parser: argparse.ArgumentParser, _: object = None) -> None:
        raise FoundError(parser)

    with monkeypatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", show)
        with pytest.raises(FoundError) as found:
            job(name)([])
    parser: argparse.ArgumentParser = found.value.args[0]
    return parser


@pytest.mark.parametrize("name", JOBS)
def test_every_argument_of_a_job_refuses_hostile_words(
    home: Path,
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    actions = [each for each in parser_of(name, monkeypatch)._actions if each.option_strings and each.nargs != 0]
    assert {"--config", "--set"} <= {option for each in actions for option in each.option_strings}
    for action in actions:
        others = [
            part
            for each in actions
            if each.required and each is not action
            for part in (each.option_strings[0], "2017-11-30")
        ]
        config = [] if action.dest == "config" else ["--config", str(home / "shortlist.yaml")]
        for word in [each for each in WORDS.values() if (action.option_strings[0], each) not in RIGHT]:
            with pytest.raises((SettingsError, SystemExit)) as refused:
                job(name)([*others, *config, f"{action.option_strings[0]}={word}"])
            code = (
                refused.value.exit_code
                if isinstance(refused.value, SettingsError)
                else getattr(refused.value, "code", None)
            )
            printed = capsys.readouterr().err + str(refused.value)
            assert code == 2
            assert any(name in printed for name in (action.option_strings[0], "settings file", "unknown setting"))
            assert not set(printed) & {"\x1b", "\x00"}
    assert not warehouse.exists()
