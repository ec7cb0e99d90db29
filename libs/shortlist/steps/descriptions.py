"""Descriptions that producers land whole: the catalog of items, and promotions."""

from shortlist.checks.audit import audit
from shortlist.columns import SNAPSHOT_DATE
from shortlist.config import FeedConfig
from shortlist.errors import HeldError
from shortlist.landing.files import Receipt
from shortlist.landing.folders import Landing, read_snapshot
from shortlist.landing.reading import checksum
from shortlist.steps.erasure_requests import erased_digests
from shortlist.steps.landed_days import as_read, changes
from shortlist.store.fences import run_partition
from shortlist.tables import Table
from shortlist.transforms.erasure import digests_in, names_erased
from shortlist.warehouse.delta import equals
from shortlist.warehouse.run import Run, log

# Catalog and promotions are landed as the contract has them.
_DESCRIPTION = FeedConfig(format="parquet")


def extract_snapshot(run: Run, landing: Landing, table: Table) -> None:
    """The newest complete description of a catalog-like feed up to the run date, unless the table has it already.

    A feed without any delivery is an input that this deployment does not have: the rules that need it are off, and say so.

    Raises:
        HeldError: a check says so, or a file changed while it was read.
    """
    days = [day for day in landing.complete_days(table.name) if day <= run.run_date]
    if not days:
        log.warning("%s: nothing landed up to %s; rules that need it are off", table.name, run.run_date)
        return
    day = days[-1]
    where = equals(**{SNAPSHOT_DATE: day})
    if run.exists(table) and run.warehouse.has_rows(table, where=where):
        return
    system, _ = landing.system()
    files = landing.listing(table.name, [day], _DESCRIPTION).files
    receipts = {file.name: Receipt(0, file.size, checksum(file, system)) for file in files}
    landed = read_snapshot(run.spark, landing, table, day)
    rows = landed.where(~names_erased(digests_in(table, {}), erased_digests(run))).persist()
    checked = audit(rows, table, run_partition(run.run_date), {}, run.settings.checks.timeout_minutes)
    run.manifest.checks += checked.records
    checked.raise_if_failed()
    now = landing.listing(table.name, [day], _DESCRIPTION).files
    problems = changes({file.name: file for file in files}, receipts, {file.name: file for file in now})
    if problems:
        raise HeldError.unreadable_landing(problems)
    run.manifest.snapshots.extend({"file": file.name, **as_read(file, receipts[file.name])} for file in files)
    run.commit(rows, table, f"{SNAPSHOT_DATE}={day.isoformat()}", where)
