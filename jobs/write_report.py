"""A run date's tables and manifests to self-contained HTML pages, for people: the day's report, and one for each gate."""

from shortlist.config.arguments import run_main
from shortlist.jobs.write_report import main

if __name__ == "__main__":
    run_main(main)
