"""Whether every executor of the cluster can run a night: Python, packages, code, kernels, jars, threads, folders.

Asks all executors at once, compares them with the driver, and lets each write a part of a small Delta table below the
warehouse, which is removed. Changes no table. Run it before the first night on a cluster, and after its machines changed.
"""

from collections.abc import Sequence

from shortlist.config import load_settings
from shortlist.config.arguments import job_parser, run_main
from shortlist.errors import SettingsError
from shortlist.steps.check_cluster import check_cluster
from shortlist.warehouse.run import log_to_stderr
from shortlist.warehouse.session import spark_session

# A cluster with fewer slots than asked for is told of in seconds, not after Spark's ten minutes; executors stay where they are.
_CHECKING = {
    "spark.scheduler.barrier.maxConcurrentTasksCheck.interval": "5s",
    "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures": "3",
    "spark.dynamicAllocation.enabled": "false",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, ask, tell."""
    parser = job_parser("check_cluster", __doc__, run_date=False)
    parser.add_argument(
        "--executors", type=int, metavar="N", help="how many there must be (default: as many as there are)"
    )
    options = parser.parse_args(argv)
    settings = load_settings(options.config, options.overrides)
    if options.executors is not None and not 1 <= options.executors <= 100_000:
        raise SettingsError.bad_argument("--executors", options.executors, "must be a number from 1 to 100000")
    log_to_stderr()
    with spark_session("check_cluster", _CHECKING) as spark:
        executors = check_cluster(spark, settings, options.executors)
        master = spark.sparkContext.master
    for each in executors:
        print(f"executor {each.executor}: Python {each.python}, {len(each.packages)} packages, code {each.code}")
    print(f"{master}: {len(executors)} executor(s) can run a night")


if __name__ == "__main__":
    run_main(main)
