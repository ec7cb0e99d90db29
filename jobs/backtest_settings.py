"""How good the lists of past days would have been with other settings, beside those served; nothing that is served is touched."""

from shortlist.config.arguments import run_main
from shortlist.jobs.backtest_settings import main

if __name__ == "__main__":
    run_main(main)
