"""Whether every executor of the cluster can run a night: Python, packages, code, kernels, jars, threads, folders."""

from shortlist.config.arguments import run_main
from shortlist.jobs.check_cluster import main

if __name__ == "__main__":
    run_main(main)
