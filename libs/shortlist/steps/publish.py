"""Generated lists to published candidates: stamp, check, commit, verify, announce.

A surface whose checks fail is held: nothing of it is written, its last published day stays served, publications says why.
"""

from datetime import date

from pyspark.sql import functions as F

from shortlist.checks.publication import check_surface
from shortlist.columns import LENGTH, RANK, RUN_DATE, SURFACE
from shortlist.errors import HeldError
from shortlist.generation.candidates import stamp
from shortlist.pipeline import model_settings
from shortlist.records.manifest import ShortLists
from shortlist.tables import (
    CATALOG,
    INTERACTIONS,
    SHORT_LISTS,
    SOURCE_CANDIDATES,
    UNCHECKED_CANDIDATES,
    candidates_table,
)
from shortlist.transforms.reasons import with_reasons
from shortlist.transforms.shortfall import summarise
from shortlist.warehouse.delta import equals
from shortlist.warehouse.publishing import hold, last_published, publish, published_candidates
from shortlist.warehouse.run import Run


def publish_all(run: Run) -> None:
    """Publish every surface that passes its checks.

    Raises:
        HeldError: with what the checks of the others say.
    """
    held = [why for why in (publish_surface(run, name) for name in run.settings.surfaces) if why]
    if held:
        raise HeldError.failed_checks("candidates", f"run_date={run.run_date}", held)


def publish_surface(run: Run, name: str) -> str | None:
    """Publish one surface, or hold it and return what its checks say."""
    settings = run.settings
    for known in (INTERACTIONS, SOURCE_CANDIDATES):
        run.version(known)  # the commit names it: what `shortlist why` reads of that day
    surface, table = settings.surfaces[name], candidates_table(name)
    wording = {source: config.reason for source, config in settings.sources}
    generated = run.read(UNCHECKED_CANDIDATES, surface=name).where(F.col(RANK) <= surface.k)
    lists = with_reasons(generated, run.snapshot(CATALOG), wording)
    model = settings.fingerprint(*model_settings())
    candidates = stamp(lists, run.run_date, run.arguments.run_id, model).persist()

    within = equals(**dict[str, date | str]({RUN_DATE: run.run_date, SURFACE: name}))
    short = run.table(SHORT_LISTS, within).persist()
    run.manifest.short_lists[name] = [ShortLists(**row.asDict()) for row in summarise(short, surface.k).collect()]
    expected = candidates.where(F.col(RANK) == 1).count() + short.where(F.col(LENGTH) == 0).count()

    last = last_published(run, name, before=run.run_date)
    earlier = None if last is None else published_candidates(run, last)
    minutes = settings.checks.timeout_minutes
    checked = check_surface(candidates, table, surface, run.run_date, expected, earlier, minutes)
    run.manifest.checks += checked.records
    failures = [str(failure) for failure in checked.critical_failures]
    if failures:
        hold(run, name, candidates.count(), expected, failures)
        return f"{table.name}: " + "; ".join(failures)
    publish(run, name, candidates)
    return None
