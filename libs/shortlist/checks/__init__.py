"""Gates: a table's contract as Great Expectations rules, and a surface's day against its last one.

Importing anything here is cheap: Great Expectations takes seconds to load, so the first call that needs it loads it,
and `--help` and refused settings answer at once.
"""
