"""Source candidates to published candidates: blend, check, commit, verify, announce.

A surface whose checks fail is held: nothing of it is written, its last published day stays served, publications says why.
"""

from collections.abc import Sequence

from shortlist.checks.publication import check_surface
from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.errors import HeldError
from shortlist.generation.candidates import build_candidates
from shortlist.records.manifest import ShortLists
from shortlist.tables import CATALOG, INTERACTIONS, SOURCE_CANDIDATES, candidates_table
from shortlist.transforms.scope import surface_scope
from shortlist.transforms.shortfall import short_lists
from shortlist.warehouse.publishing import hold, last_published, publish, published_candidates
from shortlist.warehouse.run import Run, open_run


def publish_surface(run: Run, name: str) -> str | None:
    """Publish one surface, or hold it and return what its checks say."""
    settings, catalog = run.settings, run.snapshot(CATALOG)
    surface = settings.surfaces[name]
    proposed = run.read(SOURCE_CANDIDATES, surface=name)
    candidates = build_candidates(proposed, catalog, name, settings, run.run_date, run.arguments.run_id).persist()
    scope = surface_scope(run.read(INTERACTIONS), catalog, surface).persist()
    expected = scope.subjects.count()
    short = short_lists(candidates, scope, surface.k).collect()
    run.manifest.short_lists[name] = [ShortLists(**row.asDict()) for row in short]
    last = last_published(run, name, before=run.run_date)
    table = candidates_table(name)
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


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("publish_candidates", __doc__), argv)
    with open_run(arguments) as run:
        held = [why for why in (publish_surface(run, name) for name in arguments.settings.surfaces) if why]
        if held:
            raise HeldError.failed_checks("candidates", f"run_date={run.run_date}", held)


if __name__ == "__main__":
    run_main(main)
