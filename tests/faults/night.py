"""A night in a process of its own: every job in the DAG's order, in one session whose JVM has this process's environment.

    python -m tests.faults.night HOME DAY

HOME holds a deployment (settings.yaml). What the jobs, Spark and its workers say goes to standard error.
"""

import sys
from datetime import date
from pathlib import Path

from shortlist.warehouse.session import spark_session
from tests.jobs.conftest import Deployment
from tests.local import LOCAL


def main(home: Path, day: date) -> None:
    """Run it."""
    scratch = home.parent / "scratch"
    places = {"spark.local.dir": str(scratch), "spark.sql.warehouse.dir": str(scratch / "warehouse")}
    with spark_session("night", {**LOCAL, **places}):
        Deployment(home).night(day)


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
