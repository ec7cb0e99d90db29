"""Interactions to user and item factors, by implicit-feedback ALS."""

from shortlist.config.arguments import run_main
from shortlist.jobs.train_als import main

if __name__ == "__main__":
    run_main(main)
