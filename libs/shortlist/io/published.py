"""What a published day really holds, by delta-rs and Polars, which share no code with the writer."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from shortlist.columns import RUN_DATE, SUBJECT_ID
from shortlist.io.digest import DIGESTED, Digest, digest_rows
from shortlist.io.ledger import UNREADABLE, Publication


@dataclass(frozen=True)
class DayContent:
    """Rows and digest of a day, and how many subjects have a list."""

    digest: Digest
    subjects: int

    def differences(self, rows: int, subjects: int, digest: str) -> list[str]:
        """What differs from what was announced, in words; empty when nothing does."""
        pairs = [
            ("rows", rows, self.digest.rows),
            ("subjects", subjects, self.subjects),
            ("digest", digest, str(self.digest)),
        ]
        return [f"{what} {seen} instead of {wanted}" for what, wanted, seen in pairs if wanted != seen]


def read_day(path: str, version: int | None, run_date: date) -> DayContent:
    """Every row of a day at a version of a candidates table; None reads the newest version.

    Raises:
        one of `UNREADABLE`: the version or one of its files is gone or broken.
    """
    rows = pl.scan_delta(path, version=version).filter(pl.col(RUN_DATE) == run_date).select(DIGESTED).collect()
    return DayContent(digest_rows(rows.to_arrow()), rows[SUBJECT_ID].n_unique())


def findings(path: str, publication: Publication, version: int | None) -> list[str]:
    """Why a day is not what publications says of it, at a version of its table; empty when it is."""
    try:
        content = read_day(path, version, publication.run_date)
    except UNREADABLE as error:
        return [f"it cannot be read ({str(error)[:300]})"]
    return content.differences(publication.rows, publication.subjects, publication.digest or "")
