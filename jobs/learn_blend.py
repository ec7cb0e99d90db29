"""How sources are blended on each surface, learned from what followed earlier days."""

from shortlist.config.arguments import run_main
from shortlist.jobs.learn_blend import main

if __name__ == "__main__":
    run_main(main)
