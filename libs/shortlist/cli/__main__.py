"""`python -m shortlist.cli` is `shortlist`."""

from shortlist.cli.app import run

run()
