"""Erase users or items: from every table, from files that only older versions need, from manifests and reports."""

from shortlist.config.arguments import run_main
from shortlist.jobs.erase_subject import main

if __name__ == "__main__":
    run_main(main)
