"""`python -m shortlist.cli` is `shortlist`."""

from shortlist.cli.program import run

run()
