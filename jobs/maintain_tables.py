"""Upkeep of every table: drop days beyond their retention, put small files together, remove files that nobody needs."""

from shortlist.config.arguments import run_main
from shortlist.jobs.maintain_tables import main

if __name__ == "__main__":
    run_main(main)
