"""Landing to engagements, quarantine, catalog, promotions and members of audiences."""

from shortlist.config.arguments import run_main
from shortlist.jobs.extract_engagements import main

if __name__ == "__main__":
    run_main(main)
