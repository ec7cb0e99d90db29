"""Jobs that a command starts: the command line has no JVM itself."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from shortlist.config import CHECKOUT, IN_CHECKOUT, job_program

# Installed from a wheel, the one on PATH runs with the settings of its own machine.
SUBMIT = str(CHECKOUT / "infra" / "submit") if IN_CHECKOUT else "spark-submit"


def job_arguments(config: Path | None, overrides: Sequence[str] | None) -> list[str]:
    """The settings of a command, for a job that it starts."""
    return [*(["--config", str(config.resolve())] if config else []), *(f"--set={each}" for each in overrides or ())]


def run_job(job: str, arguments: Sequence[str]) -> int:
    """Submit a job and wait for it; its exit code, 5 where a signal ended it.

    Its output is for standard error: standard output belongs to --json.
    """
    code = subprocess.run([SUBMIT, str(job_program(job)), *arguments], stdout=2, check=False).returncode
    return code if code >= 0 else 5
