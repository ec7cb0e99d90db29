"""Whom an erasure is asked for, and who was erased: requests in the landing, proofs in the table `erasures`."""

import json
from collections.abc import Iterator
from datetime import date

import polars as pl

from shortlist.columns import RUN_DATE, SUBJECT_DIGEST, TABLE_NAME
from shortlist.config import IdsConfig
from shortlist.errors import LandingError
from shortlist.landing.folders import ERASURE_FEED, Landing
from shortlist.subjects import KINDS, Subject, id_text
from shortlist.tables import ERASURES, PUBLICATIONS
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.run import Run

# The table that an erasure looks at last: a subject that has its row has all of them.
LAST = PUBLICATIONS.name


def requested(landing: Landing, warehouse: Warehouse, run_date: date, ids: IdsConfig) -> list[Subject]:
    """Everybody whose erasure is asked for by the run date's folder, or by an earlier one and not proven yet.

    Requests are landed as any other feed, `<landing>/erasures/<day>/*.json` with a marker, so that an id stands in no
    command line and in no log. Their folder is its producer's to remove once the proof is there.

    Raises:
        HeldError: a folder has no marker.
        LandingError: a line is no request, by file and number.
    """
    days = [day for day in landing.days(ERASURE_FEED) if day <= run_date]
    landing.require_complete(ERASURE_FEED, days)
    proven = {digest for digest, table in _proofs(warehouse, None) if table == LAST}
    asked = {subject: day for day in days for subject in _requests(landing, day, ids)}
    return [subject for subject, day in asked.items() if day == run_date or subject.digest not in proven]


def erased_digests(run: Run) -> list[str]:
    """Digests of everybody who was erased before this run began, whatever the day; sorted."""
    if run.erasures is None:
        return []
    run.inputs.setdefault(ERASURES.name, run.erasures)
    return sorted({digest for digest, _ in _proofs(run.warehouse, run.erasures)})


def _requests(landing: Landing, day: date, ids: IdsConfig) -> Iterator[Subject]:
    for file, number, line in landing.lines(ERASURE_FEED, day):
        if not line.strip():
            continue
        try:
            request = json.loads(line)
        except ValueError:
            raise LandingError.bad_request(file, number, "is no JSON") from None
        if not isinstance(request, dict) or request.get("kind") not in KINDS:
            raise LandingError.bad_request(file, number, f"has no kind among {', '.join(KINDS)}")
        name = request.get("id")
        if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
            raise LandingError.bad_request(file, number, "has no id")
        yield Subject(request["kind"], id_text(str(name), ids))


def _proofs(warehouse: Warehouse, version: int | None) -> set[tuple[str, str]]:
    """Digest and table of every proof."""
    if not warehouse.exists(ERASURES):
        return set()
    rows = pl.scan_delta(warehouse.path(ERASURES), version=version).select(SUBJECT_DIGEST, TABLE_NAME, RUN_DATE)
    return {(digest, table) for digest, table, _ in rows.collect().iter_rows()}
