"""Engagements to interactions (one weight per user and item) and baskets (what was engaged with together)."""

from shortlist.config.arguments import run_main
from shortlist.jobs.build_interactions import main

if __name__ == "__main__":
    run_main(main)
