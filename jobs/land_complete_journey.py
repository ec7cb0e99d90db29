"""Land the public Complete Journey data as a producer would: engagements a day; catalog, promotions, audiences a month."""

from shortlist.config.arguments import run_main
from shortlist.jobs.land_complete_journey import main

if __name__ == "__main__":
    run_main(main)
