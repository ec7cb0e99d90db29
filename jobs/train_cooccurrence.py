"""Baskets to related items: for each item its nearest neighbours by several measures, from one pass."""

from shortlist.config.arguments import run_main
from shortlist.jobs.train_cooccurrence import main

if __name__ == "__main__":
    run_main(main)
