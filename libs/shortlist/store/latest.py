"""What `latest` means, as one expression over the rows of publications: every reader of that table goes by it."""

import polars as pl

from shortlist.columns import RUN_DATE, STATUS, SURFACE, TABLE_VERSION

PUBLISHED = "published"
HELD = "held"
ROLLED_BACK = "rolled_back"


def is_current() -> pl.Expr:
    """Whether a row is what readers of its surface and day are served.

    Of all rows that name a version of the table, published and rolled back, the one with the highest version decides a day:
    versions grow with every commit, whatever the clocks of the machines that wrote the rows said. A held row names none
    and takes nothing away that was published before. The newest day that stands is the latest.
    """
    decides = pl.col(TABLE_VERSION) == pl.col(TABLE_VERSION).max().over(SURFACE, RUN_DATE)
    return ((pl.col(STATUS) == PUBLISHED) & decides).fill_null(False)
