"""Earlier published candidates against what users did afterwards: metrics with intervals, per source and for the blend."""

from shortlist.config.arguments import run_main
from shortlist.jobs.evaluate_candidates import main

if __name__ == "__main__":
    run_main(main)
