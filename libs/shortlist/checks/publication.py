"""Everything that must hold before a surface's day is published: its contract, and the guardrails against the last day."""

import math
from datetime import date

from pyspark.sql import DataFrame

from shortlist.checks.audit import audit
from shortlist.checks.guardrails import guardrails
from shortlist.config import SurfaceConfig
from shortlist.records.checks import Audit
from shortlist.rules.promotions import served_from
from shortlist.tables import Table


def check_surface(
    candidates: DataFrame,
    table: Table,
    surface: SurfaceConfig,
    run_date: date,
    expected_subjects: int,
    last: DataFrame | None,
    minutes: float | None = None,
    rows: int | None = None,
) -> Audit:
    """Contract and guardrails of one surface's candidates, in one verdict.

    Args:
        candidates: the day's rows, persisted by the caller.
        table: the surface's candidates table.
        surface: its settings.
        run_date: logical date D.
        expected_subjects: how many subjects should have a list.
        last: candidates of the last published day before D, or None on a first day.
        minutes: how long Great Expectations may take, see `audit`.
        rows: how many candidates there are, where the caller has counted them.
    """
    limits, fallback = surface.guardrails, surface.fallback
    parameters = {
        "k": surface.k,
        "sources": [*surface.sources, *([fallback] if fallback else [])],
        "run_date": run_date,
        "served_from": served_from(run_date),
        "min_subjects": max(1, math.ceil(expected_subjects * (1 - limits.max_short_share))),
    }
    checked = audit(candidates, table, f"run_date={run_date}", parameters, minutes, rows)
    return checked.with_results(
        guardrails(candidates, last, limits, surface.k, fallback, surface.subject, expected_subjects)
    )
