"""The DAGs of the wheel, as a scheduler without a checkout finds them."""

import os
import subprocess
import sys
from pathlib import Path

from tests.wheel import DAGS_OF_A_FOLDER, dags_found, install_wheel


def test_dags_and_their_jobs_are_in_the_wheel(tmp_path: Path) -> None:
    installed = install_wheel(tmp_path)
    settings = tmp_path / "settings.yaml"
    settings.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}\n")
    parsed = subprocess.run(
        [sys.executable, "-c", DAGS_OF_A_FOLDER, str(installed / "shortlist_airflow" / "dags")],
        env={
            **os.environ,
            "PYTHONPATH": str(installed),
            "SHORTLIST_CONFIG": str(settings),
            "SHORTLIST_HOME": str(tmp_path),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    errors, programs = dags_found(parsed.stdout)
    assert (errors, set(programs)) == ("{}", {"backtest", "candidates_daily", "erasure", "maintenance"})
    for program in {each for found in programs.values() for each in found}:
        assert Path(program).is_file()
        assert Path(program).parent == installed / "shortlist" / "jobs"
