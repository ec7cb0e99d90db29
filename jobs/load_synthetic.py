"""Land days of synthetic engagement: popularity by a power law, groups of users with tastes; the same for the same seed."""

from shortlist.config.arguments import run_main
from shortlist.jobs.load_synthetic import main

if __name__ == "__main__":
    run_main(main)
