"""A night on whatever cluster spark-submit was told of: every job in the DAG's order, in one session.

infra/submit tests/slow/cluster_night.py HOME DAY

HOME holds a deployment (settings.yaml). What the jobs say goes to standard error.
"""

import sys
from datetime import date
from pathlib import Path

from shortlist.warehouse.session import spark_session
from tests.jobs.conftest import Deployment


def main(home: Path, day: date) -> None:
    """Run it."""
    with spark_session("night"):
        Deployment(home).night(day)


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
