"""The job: a page and a manifest, the same bytes again, and no Spark anywhere near it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shortlist.errors import SettingsError
from shortlist.jobs.write_report import main
from tests.unit.reports.world import D, write_settings, write_world


def arguments(home: Path, *more: str) -> list[str]:
    return ["--config", str(home / "shortlist.yaml"), "--run-date", str(D), *more]


def test_main__writes_page_and_manifest_twice_the_same(home: Path) -> None:
    write_world(write_settings(home))
    main(arguments(home))
    page = home / "reports" / "2017-11-30.html"
    first = page.read_bytes()
    manifest = json.loads(
        (home / "warehouse" / "_manifests" / "run_date=2017-11-30" / "write_report.json").read_text(encoding="utf-8")
    )
    assert (manifest["job"], manifest["report"], manifest["problems"]) == ("write_report", str(page), [])
    checks = home / "reports" / "checks" / "2017-11-30" / "index.html"
    assert manifest["check_pages"] == str(checks)
    assert checks.is_file()
    main(arguments(home))
    assert page.read_bytes() == first


def test_main__a_day_for_which_nothing_ran_has_a_page(home: Path) -> None:
    write_settings(home)
    main(arguments(home))
    assert "Nothing was decided" in (home / "reports" / "2017-11-30.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("wrong", [["--run-date", "yesterday"], ["--set", "surfaces.homefeed.k=0"]])
def test_main__wrong_use_is_refused_before_anything_is_written(home: Path, wrong: list[str]) -> None:
    write_settings(home)
    with pytest.raises(SettingsError):
        main(arguments(home, *wrong))
    assert not (home / "reports").exists()


def test_program__starts_no_spark(home: Path) -> None:
    write_settings(home)
    program = (
        "import sys; from shortlist.jobs.write_report import main; main(sys.argv[1:]); print('pyspark' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments(home)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
