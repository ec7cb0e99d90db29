"""Generated lists to published candidates: stamp, check, commit, verify, announce.

A surface whose checks fail is held: nothing of it is written, its last published day stays served, publications says why.
"""

from datetime import date

from pyspark.sql import functions as F

from shortlist.checks.publication import check_surface
from shortlist.columns import RANK, REMOVED, ROWS, RUN_DATE, SUBJECTS, SURFACE, WHY, WITHOUT_LIST
from shortlist.errors import HeldError
from shortlist.generation.candidates import stamp
from shortlist.records.manifest import ShortLists
from shortlist.rules import LIST_RULES, PAIR_RULES, TABLE_RULES
from shortlist.tables import (
    AUDIENCE_MEMBERS,
    CATALOG,
    INTERACTIONS,
    PROMOTIONS,
    SHORT_LISTS,
    SOURCE_CANDIDATES,
    UNCHECKED_CANDIDATES,
    candidates_table,
)
from shortlist.transforms.reasons import with_reasons
from shortlist.transforms.shortfall import summarise
from shortlist.warehouse.digests import count_lists
from shortlist.warehouse.models import model_fingerprint
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.publishing import hold, last_published, publish, published_candidates
from shortlist.warehouse.run import Run


def publish_all(run: Run) -> None:
    """Publish every surface that passes its checks.

    Raises:
        HeldError: with what the checks of the others say.
    """
    decided = {name: publish_surface(run, name) for name in run.settings.surfaces}
    held = {name: why for name, why in decided.items() if why}
    if held:
        raise HeldError.surfaces(run.run_date.isoformat(), held, [name for name in decided if name not in held])


def publish_surface(run: Run, name: str) -> str | None:
    """Publish one surface, or hold it and return what its checks say."""
    settings = run.settings
    for known in (INTERACTIONS, SOURCE_CANDIDATES):
        run.version(known)  # the commit names it: what `shortlist why` reads of that day
    for described in (PROMOTIONS, AUDIENCE_MEMBERS):
        if settings.surfaces[name].promotions is not None and run.exists(described):
            run.version(described)
    surface, table = settings.surfaces[name], candidates_table(name)
    wording = {source: config.reason for source, config in settings.sources}
    generated = run.read(UNCHECKED_CANDIDATES, surface=name).where(F.col(RANK) <= surface.k)
    lists = with_reasons(generated, run.snapshot(CATALOG), wording)
    model = model_fingerprint(settings)
    candidates = stamp(lists, run.run_date, run.arguments.run_id, model).persist()

    within = equals(**dict[str, date | str]({RUN_DATE: run.run_date, SURFACE: name}))
    short = summarise(run.table(SHORT_LISTS, within), surface.k, [*PAIR_RULES], [*LIST_RULES, *TABLE_RULES]).collect()
    run.manifest.short_lists[name] = [ShortLists(row[WHY], row[SUBJECTS], row[ROWS], row[REMOVED]) for row in short]
    digest, subjects = count_lists(candidates)
    expected = subjects + sum(row[WITHOUT_LIST] for row in short)

    last = last_published(run, name, before=run.run_date)
    earlier = None if last is None else published_candidates(run, last)
    minutes = settings.checks.timeout_minutes
    checked = check_surface(candidates, table, surface, run.run_date, expected, earlier, minutes, digest.rows)
    run.manifest.checks += checked.records
    failures = [str(failure) for failure in checked.critical_failures]
    if failures:
        hold(run, name, digest.rows, expected, failures)
        return f"{table.name}: " + "; ".join(failures)
    publish(run, name, candidates, (digest, subjects))
    return None
