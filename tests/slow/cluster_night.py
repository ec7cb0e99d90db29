"""Nights on whatever cluster spark-submit was told of: every job in the DAG's order, in one session.

infra/submit tests/slow/cluster_night.py HOME DAY [DAY...]

HOME holds a deployment (settings.yaml). What the jobs say goes to standard error, after a line `begins: JOB` for each.
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from shortlist.warehouse.session import spark_session
from tests.jobs.conftest import NIGHTLY, Deployment


def main(home: Path, days: Sequence[date]) -> None:
    """Run them."""
    with spark_session("night"):
        for day in days:
            for job in NIGHTLY:
                print(f"begins: {job}", file=sys.stderr, flush=True)
                Deployment(home).run(job, day)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [date.fromisoformat(day) for day in sys.argv[2:]])
