"""Generated lists to published candidates; a surface whose checks fail is held."""

from shortlist.config.arguments import run_main
from shortlist.jobs.publish_candidates import main

if __name__ == "__main__":
    run_main(main)
