"""The wheel by itself: the command line, jobs and contracts are in it, and places are named where no checkout has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shortlist.contracts import contract_names
from shortlist.pipeline import JOBS
from shortlist.warehouse.executors import look
from tests.wheel import CHECKOUT, install_wheel

OLDER = "shortlist-0.0.9-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    (folder / OLDER).touch()
    return install_wheel(folder)


def run(installed: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python in a folder of its own, with the wheel on its path and nothing that names a checkout or a state."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHORTLIST_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env={**kept, "PYTHONPATH": str(installed), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_older_wheel_goes(installed: Path) -> None:
    """The lines that install name the wheel by a pattern."""
    (wheel,) = installed.parent.glob("shortlist-*.whl")
    assert wheel.name != OLDER


def test_an_upgrade_replaces_the_code_though_its_version_is_the_same() -> None:
    """By pip alone: tests/slow/test_wheel.py runs these lines."""
    page = (CHECKOUT / "infra" / "operations.md").read_text()
    loop = page.partition("for side in jobs airflow; do")[2].partition("\ndone")[0]
    forced = [line for line in loop.splitlines() if "pip install --force-reinstall --no-deps " in line]
    assert [line.split()[-1] for line in forced] == ["/opt/shortlist/wheel/shortlist-*.whl"]


def test_the_wheel_has_every_package_and_every_file_that_is_read(installed: Path) -> None:
    for package, where in (("shortlist", "libs/shortlist"), ("shortlist_airflow", "libs/shortlist_airflow")):
        assert names(installed / package) >= names(CHECKOUT / where)
    assert names(installed / "shortlist/schemas") >= {f"{name}.odcs.yaml" for name in contract_names()}
    assert names(installed / "shortlist_airflow/dags") >= names(CHECKOUT / "dags")


def names(folder: Path) -> set[str]:
    kept = {".py", ".yaml", ".j2"}
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in kept}


def test_the_command_line_is_the_wheel_s(installed: Path) -> None:
    where = run(installed, "-c", "import shortlist; print(shortlist.__file__)")
    assert where.stdout.strip() == str(installed / "shortlist" / "__init__.py")
    helped = run(installed, "-m", "shortlist.cli", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "doctor" in helped.stdout


@pytest.mark.parametrize("job", JOBS)
def test_every_job_is_a_program_of_the_wheel(installed: Path, job: str) -> None:
    program = run(
        installed, "-c", f"from shortlist.config import job_program; print(job_program({job!r}))"
    ).stdout.strip()
    assert program == str(installed / "shortlist" / "jobs" / f"{job}.py")
    helped = run(installed, program, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert f"usage: {job}.py" in helped.stdout


def test_what_a_checkout_would_say_is_asked_for_by_name(installed: Path, tmp_path: Path) -> None:
    unset = run(installed, "-m", "shortlist.cli", "status")
    assert unset.returncode == 2
    assert "SHORTLIST_CONFIG is not set" in unset.stderr
    assert "next: export SHORTLIST_CONFIG=..., or pass --config FILE" in unset.stderr
    settings = tmp_path / "settings.yaml"
    settings.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}\n")
    homeless = run(installed, "-m", "shortlist.cli", "status", SHORTLIST_CONFIG=str(settings))
    assert homeless.returncode == 2
    assert "SHORTLIST_HOME is not set" in homeless.stderr
    found = "from shortlist.config import load_settings; print(load_settings().paths.warehouse)"
    named = run(installed, "-c", found, SHORTLIST_CONFIG=str(settings), SHORTLIST_HOME=str(tmp_path))
    assert (named.stdout.strip(), named.stderr) == (f"{tmp_path}/warehouse", "")


def test_the_wheel_s_code_is_known_as_the_checkout_s(installed: Path) -> None:
    """By this the check of a cluster finds executors whose code is another."""
    program = "from shortlist.warehouse.executors import look; print(look('x', [], {}, '').code)"
    there = run(installed, "-c", program)
    assert (there.stdout.strip(), there.returncode) == (look("x", [], {}, "").code, 0)
