"""Quarantine of one day to engagements, after a mapping was mended."""

from shortlist.config.arguments import run_main
from shortlist.jobs.replay_quarantine import main

if __name__ == "__main__":
    run_main(main)
