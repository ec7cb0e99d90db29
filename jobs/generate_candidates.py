"""Interactions and models to what each source proposes and to the lists of each surface, not yet checked."""

from shortlist.config.arguments import run_main
from shortlist.jobs.generate_candidates import main

if __name__ == "__main__":
    run_main(main)
