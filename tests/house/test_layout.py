"""What the house promises of itself: addresses, sizes, names; held by reading the files, not by good intentions."""

import ast
import configparser
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.house.rules import COLLECTING, impure_words, runs_job, silent_tests, words

HOUSE = Path(__file__).parents[2]
LIBS = HOUSE / "libs"
PURE = ("transforms", "sources", "blending", "metrics", "models", "kernels")
TOP = {"setup.cfg", "pyproject.toml", "README.md", "LICENSE", "jobs", "dags", "libs", "schemas", "tests", "infra"}


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files"], cwd=HOUSE, capture_output=True, text=True, check=True).stdout.split()
    return [HOUSE / name for name in names if (HOUSE / name).is_file()]


def modules(*folders: str) -> list[Path]:
    """Modules of packages and of the packages in them; a package's own file counts, a program (`__main__`) does not."""
    found = [path for folder in folders for path in sorted((LIBS / "shortlist" / folder).rglob("*.py"))]
    return [path for path in found if path.name != "__main__.py"]


def short(path: Path) -> str:
    return str(path.relative_to(LIBS / "shortlist"))


@pytest.mark.parametrize("folder", PURE)
def test_every_pure_package_is_looked_at_whole(folder: str) -> None:
    packages = [path.parent for path in (LIBS / "shortlist" / folder).rglob("__init__.py")]
    assert {path.parent for path in modules(folder)} == set(packages) != set()


def test_the_top_level_is_fixed() -> None:
    assert {
        path.relative_to(HOUSE).parts[0] for path in tracked() if not path.relative_to(HOUSE).parts[0].startswith(".")
    } <= TOP


@pytest.mark.parametrize("path", modules(*PURE), ids=short)
def test_pure_floors_touch_no_storage_and_no_clock(path: Path) -> None:
    assert impure_words(ast.parse(path.read_text())) == set()


@pytest.mark.parametrize("path", modules("transforms", "sources", "blending", "metrics"), ids=short)
def test_frames_stay_frames_below_the_models(path: Path) -> None:
    assert words(ast.parse(path.read_text())) & COLLECTING == set()


def test_nobody_reaches_into_the_jvm() -> None:
    reaching = [
        path for path in tracked() if path.suffix == ".py" and path != Path(__file__) and "._jvm" in path.read_text()
    ]
    assert reaching == []


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(HOUSE)): len(path.read_text().splitlines()) for path in tracked() if path.suffix == ".py"
    }
    assert {name: lines for name, lines in long.items() if lines > 450} == {}
    assert {name: lines for name, lines in long.items() if name.startswith("libs/shortlist/jobs/") and lines > 60} == {}
    assert {name: lines for name, lines in long.items() if name.startswith("dags/") and lines > 60} == {}


JOBS = sorted((LIBS / "shortlist" / "jobs").glob("[!_]*.py"))
STARTER = '''"""{summary}"""

from shortlist.config.arguments import run_main
from shortlist.jobs.{job} import main

if __name__ == "__main__":
    run_main(main)
'''


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_every_job_is_a_verb_with_a_main_and_a_test_of_its_own(path: Path) -> None:
    assert "_" in path.stem
    assert {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)} >= {"main"}
    test = HOUSE / "tests" / "jobs" / f"test_{path.stem}.py"
    assert test.exists(), f"{path.name} needs a test of its own, tests/jobs/{test.name}, that runs it"
    assert runs_job(ast.parse(test.read_text()), path.stem), f"tests/jobs/{test.name} never runs {path.stem}"


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_every_job_has_a_starter_that_says_what_it_does_and_starts_it(path: Path) -> None:
    summary = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert (HOUSE / "jobs" / path.name).read_text() == STARTER.format(summary=summary, job=path.stem)
    assert path.read_text().endswith('if __name__ == "__main__":\n    run_main(main)\n')


def test_setup_cfg_lists_every_package() -> None:
    setup = configparser.ConfigParser()
    setup.read(HOUSE / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    found = {".".join(path.parent.relative_to(LIBS).parts) for path in LIBS.rglob("__init__.py")}
    elsewhere = {"shortlist.schemas", "shortlist_airflow.dags"}
    assert listed == found | elsewhere


@pytest.mark.parametrize(("side", "only_here"), [("jobs", {"setuptools"}), ("airflow", {"setuptools", "pytest"})])
def test_extras_name_with_bounds_what_is_locked(side: str, only_here: set[str]) -> None:
    """Who installs the wheel gets what was tried, or a later release that promises to be compatible."""
    setup = configparser.ConfigParser()
    setup.read(HOUSE / "setup.cfg")
    extra = {
        canonicalize_name(each.name): each
        for each in map(Requirement, setup["options.extras_require"][side].strip().splitlines())
    }
    folder = HOUSE / "infra" / "requirements"
    asked = [line for line in (folder / f"{side}.in").read_text().splitlines() if line and line[0] not in "#-"]
    assert set(extra) == {canonicalize_name(Requirement(line).name) for line in asked} - only_here
    locked = dict(
        re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", (folder / f"{side}.txt").read_text(), re.MULTILINE)
    )
    for name, requirement in extra.items():
        assert sorted(each.operator for each in requirement.specifier) == ["<", ">="], str(requirement)
        assert requirement.specifier.contains(locked[name]), f"{requirement}: {locked[name]} is locked"


def test_delta_s_package_may_only_be_of_the_version_of_its_jars() -> None:
    setup = configparser.ConfigParser()
    setup.read(HOUSE / "setup.cfg")
    (bounds,) = re.findall(r"delta-spark(.+)", setup["options.extras_require"]["jobs"])
    jars = (HOUSE / "infra" / "requirements" / "delta-jars.sha256").read_text()
    ((major, minor, patch),) = set(re.findall(r"-(\d+)\.(\d+)\.(\d+)\.jar", jars))
    admitted = SpecifierSet(bounds)
    assert admitted.contains(f"{major}.{minor}.{patch}")
    assert not admitted.contains(f"{major}.{minor}.{int(patch) + 1}")


def test_no_machine_no_registry_in_any_file() -> None:
    marks = ("--index-" + "url", "/wo" + "rk/", "/simple" + "/")
    offenders = []
    for path in tracked():
        text = path.read_text(errors="ignore")
        offenders += [f"{path.relative_to(HOUSE)}: {mark}" for mark in marks if mark in text]
    assert offenders == []


# The log of decisions tells of files that were, too.
@pytest.mark.parametrize(
    "path",
    [each for each in tracked() if each.suffix == ".md" and each.stem != "decisions"],
    ids=lambda each: each.name,
)
def test_what_a_page_names_is_there(path: Path) -> None:
    """Files and folders that it links to, and the commands and files of infra/ and tests/ that it names."""
    text = path.read_text()
    linked = {path.parent / link for link in re.findall(r"\]\((?!http)([^)#]+)", text)}
    named = {HOUSE / name.rstrip(".") for name in re.findall(r"(?<![\w/])(?:infra|tests)/[\w./-]+", text)}
    assert linked | named
    assert sorted(str(each) for each in linked | named if not each.exists()) == []


def test_every_test_can_fail() -> None:
    """A test without an assertion, of its own or of a helper that it calls, only shows that nothing crashed."""
    trees = {path: ast.parse(path.read_text()) for path in (HOUSE / "tests").rglob("*.py")}
    tests = [path for path in trees if path.name.startswith("test_")]
    silent = [f"{path.name}:{name}" for path in tests for name in silent_tests(path, HOUSE, trees)]
    assert silent == []


def test_nothing_is_ever_unpickled() -> None:
    """A pickle runs what it holds: models are Delta tables, and nothing else is stored between jobs."""
    modules_that_pickle = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "skops"}
    modules_that_pickle |= {"torch", "jsonpickle", "marshal"}
    reading = {"read_pickle", "to_pickle", "allow_pickle", "unsafe_load", "full_load"}
    found = []
    for path in [each for each in tracked() if each.suffix == ".py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            words = [node.attr] if isinstance(node, ast.Attribute) else []
            words += [word.arg or "" for word in node.keywords] if isinstance(node, ast.Call) else []
            if {name.split(".")[0] for name in names} & modules_that_pickle or set(words) & reading:
                found.append(f"{path.relative_to(HOUSE)}:{getattr(node, 'lineno', 0)}")
    assert found == []
