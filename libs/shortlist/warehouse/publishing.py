"""Write, audit, publish: one atomic commit, an independent reader, and only then a row in `publications`.

The newest run date that readers of a surface are served, at the table version of its newest row, is what `latest` means (see
`SurfaceHistory.current`).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame

from shortlist.columns import RUN_DATE
from shortlist.errors import PublicationError
from shortlist.records.publications import HELD, PUBLISHED, Publication, SurfaceHistory
from shortlist.store.commits import commit_time
from shortlist.store.digests import Digest
from shortlist.store.fences import run_partition
from shortlist.store.publications import read_history
from shortlist.store.published_days import read_day
from shortlist.store.reading_errors import UNREADABLE
from shortlist.tables import PUBLICATIONS, Table, candidates_table
from shortlist.warehouse.digests import count_lists
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run


def last_published(run: Run, surface: str, before: date | None = None) -> Publication | None:
    """The published day that readers of a surface are served, None when there is none yet.

    Args:
        run: the run whose view of publications counts.
        surface: the surface.
        before: look only at run dates before this day.
    """
    history = _history(run, surface)
    return history.latest if before is None else history.before(before)


def publication_of(run: Run, surface: str, day: date) -> Publication | None:
    """How a given day was published last; None when it never was, or was rolled back."""
    return _history(run, surface).current_of(day)


def _history(run: Run, surface: str) -> SurfaceHistory:
    """What was decided about a surface, as the run saw publications first."""
    if not run.exists(PUBLICATIONS):
        return SurfaceHistory()
    return read_history(run.warehouse.path(PUBLICATIONS), surface, run.version(PUBLICATIONS))


def published_candidates(run: Run, publication: Publication) -> DataFrame:
    """The rows of a published day, at the version that was verified."""
    table = candidates_table(publication.surface)
    return run.warehouse.read(table, publication.table_version, equals(**{RUN_DATE: publication.run_date}))


def publish(run: Run, surface: str, candidates: DataFrame, counted: tuple[Digest, int] | None = None) -> Publication:
    """Commit a checked day, have it verified by another reader, and announce it.

    Args:
        run: the run; its attempt is the fence.
        surface: the surface.
        candidates: checked rows with the contract's columns, persisted by the caller.
        counted: what `count_lists` says of them, where the caller has asked.

    Raises:
        FencedError: a newer attempt owns the day.
        PublicationError: the reader found something else than was committed; the day is not announced.
    """
    table = candidates_table(surface)
    # As many subjects as lists: the reader that verifies counts the subjects themselves.
    digest, subjects = counted or count_lists(candidates)
    facts = {"surface": surface, "rows": digest.rows, "subjects": subjects, "digest": str(digest)}
    version = run.commit(candidates, table, run_partition(run.run_date), equals(**{RUN_DATE: run.run_date}), **facts)
    verify(run.warehouse.path(table), table, version, run.run_date, digest, subjects)
    committed = commit_time(run.warehouse.path(table), version)
    return _announce(
        run,
        Publication(
            surface,
            committed,
            run.run_date,
            version,
            run.arguments.run_id,
            digest.rows,
            subjects,
            str(digest),
            PUBLISHED,
            None,
        ),
    )


def announce_again(
    run: Run, earlier: Publication, version: int, why: str, changed: tuple[Digest, int] | None = None
) -> Publication:
    """Make another version of a published day the one that publications names.

    Args:
        run: the run.
        earlier: how the day was published.
        version: the version to name from now on.
        why: why the day is announced anew.
        changed: digest and subjects of the day where it has other files than were published: it is then verified as a new
            one is. None where it has the same files, which were verified when they were published.

    Raises:
        PublicationError: the version holds something else; it is not announced.
    """
    table = candidates_table(earlier.surface)
    path = run.warehouse.path(table)
    named = replace(earlier, table_version=version, published_at=commit_time(path, version), why=why)
    if changed is None:
        return _announce(run, named)
    digest, subjects = changed
    verify(path, table, version, earlier.run_date, digest, subjects)
    return _announce(run, replace(named, rows=digest.rows, subjects=subjects, digest=str(digest)))


def hold(run: Run, surface: str, rows: int, subjects: int, why: Sequence[str]) -> Publication:
    """Note that a day was held, and why; what was published before stays served."""
    # The one line that reads the clock: nothing was committed whose time would be the decision's.
    decided = datetime.now(UTC)
    return _announce(
        run,
        Publication(
            surface, decided, run.run_date, None, run.arguments.run_id, rows, subjects, None, HELD, "; ".join(why)
        ),
    )


def verify(path: str, table: Table, version: int, run_date: date, digest: Digest, subjects: int) -> None:
    """Read a committed day with delta-rs, which shares no code with the writer, and compare.

    Raises:
        PublicationError: with every difference.
    """
    try:
        found = read_day(path, version, run_date)
    except UNREADABLE as error:
        raise PublicationError.not_verified(table.name, version, [f"it cannot be read ({error})"]) from error
    differences = found.differences(digest.rows, subjects, str(digest))
    if differences:
        raise PublicationError.not_verified(table.name, version, differences)


def _announce(run: Run, publication: Publication) -> Publication:
    run.warehouse.append([publication.as_dict()], PUBLICATIONS)
    run.manifest.publications.append(publication)
    return publication
