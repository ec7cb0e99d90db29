"""Interactions and models to the lists of each surface: subjects are gathered once, then each surface is one pass over them."""

import logging
from collections.abc import Collection, Mapping
from functools import reduce
from itertools import groupby

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import SURFACE
from shortlist.config import SurfaceConfig
from shortlist.generation.allocation import allocate
from shortlist.generation.artefacts import TABLES
from shortlist.generation.lists import listed, make_lists, needed_artefacts, scored, short
from shortlist.generation.loading import History
from shortlist.generation.prepared import prepare
from shortlist.models.arrays.shared_arrays import unshare
from shortlist.pipeline import producer
from shortlist.records.manifest import ItemRules
from shortlist.rules import eligible_items, left_out
from shortlist.rules.facts import ItemFacts
from shortlist.sources.inputs import ArtefactName
from shortlist.steps.audiences import lapsing_users, listed_subjects, say_who
from shortlist.steps.learned_blends import newest_blends
from shortlist.steps.passed_over import passed_over, without_passed_over
from shortlist.steps.preflight import preflight_generation
from shortlist.steps.promotions import promoting
from shortlist.tables import AUDIENCES, CATALOG, INTERACTIONS, SHORT_LISTS, SOURCE_CANDIDATES, UNCHECKED_CANDIDATES
from shortlist.warehouse.models import read_model
from shortlist.warehouse.run import Run

log = logging.getLogger("shortlist")


def generate(run: Run) -> None:
    """Write source_candidates, unchecked_candidates and short_lists of every surface, and audiences of those that have one."""
    settings, interactions = run.settings, run.read(INTERACTIONS).persist()
    preflight_generation(run, interactions)
    needed = needed_artefacts(settings, settings.surfaces)
    models, blends = read_models(run, needed), newest_blends(run)
    history = History(run.run_date, interactions, run.engagements)
    promoted = promoting(run, run.run_date)
    with prepare(settings, needed, history, run.snapshot(CATALOG), models, promoted) as prepared:
        run.manifest.item_rules = {
            name: _item_rules(name, surface, prepared.items.facts) for name, surface in settings.surfaces.items()
        }
        shared = {name: prepared.items_of(surface) for name, surface in settings.surfaces.items()}
        passed = {name: passed_over(run, name, surface, interactions) for name, surface in settings.surfaces.items()}
        audiences = _audiences(run, passed)
        lists = {
            name: make_lists(
                without_passed_over(prepared.subjects(surface), passed[name])
                if name not in audiences
                else listed_subjects(prepared.subjects(surface), audiences[name]),
                surface,
                settings,
                run.run_date,
                prepared.artefacts,
                shared[name],
                blends.get(name),
            ).persist()
            for name, surface in settings.surfaces.items()
        }
        made_of, lists = lists, {name: _allocated(run, name, made) for name, made in lists.items()}
        run.replace(
            _together({name: scored(made, settings.surfaces[name]) for name, made in lists.items()}), SOURCE_CANDIDATES
        )
        run.replace(_together({name: listed(made) for name, made in lists.items()}), UNCHECKED_CANDIDATES)
        if audiences:
            run.replace(_together(audiences), AUDIENCES)
        shorter = {name: short(made, settings.surfaces[name].k) for name, made in lists.items()}
        run.replace(_together(shorter), SHORT_LISTS)
        for made in (*lists.values(), *made_of.values()):
            made.unpersist()
        for items in shared.values():
            unshare(items)


def _item_rules(name: str, surface: SurfaceConfig, facts: ItemFacts) -> ItemRules:
    """What the surface's rules of items leave; the log says it too."""
    eligible = int(eligible_items(facts, surface).sum())
    found = ItemRules(len(facts.support), eligible, left_out(facts, surface))
    by = ", ".join(f"{rule} {count}" for rule, count in found.left_out.items() if count)
    log.info("%s: %d of %d items may be shown; rules leave out: %s", name, eligible, found.items, by or "none")
    return found


def _allocated(run: Run, name: str, lists: DataFrame) -> DataFrame:
    """The lists of a surface once all of them are looked at together, where it asks for that."""
    surface = run.settings.surfaces[name]
    return lists if surface.longest_list == surface.k else allocate(lists, surface, run.settings.seed).persist()


def _audiences(run: Run, passed: Mapping[str, DataFrame | None]) -> dict[str, DataFrame]:
    """Whom surfaces address that do not address everybody, by name."""
    found = {}
    for name, surface in run.settings.surfaces.items():
        if surface.lapsing is not None:
            found[name] = lapsing_users(run, name, surface.lapsing, passed[name]).persist()
            say_who(name, found[name])
    return found


def _together(rows: Mapping[str, DataFrame]) -> DataFrame:
    """The rows of all surfaces, to be written in one commit."""
    return reduce(DataFrame.unionByName, (frame.withColumn(SURFACE, F.lit(name)) for name, frame in rows.items()))


def read_models(run: Run, needed: Collection[ArtefactName]) -> dict[str, DataFrame]:
    """The tables that artefacts are made from, by name; those of one training together. Nothing is read for no source."""
    tables = {TABLES[name].name: TABLES[name] for name in sorted(needed) if name in TABLES}
    by_producer = sorted(tables.values(), key=lambda table: (producer(table.name), table.name))
    frames: dict[str, DataFrame] = {}
    for _, group in groupby(by_producer, key=lambda table: producer(table.name)):
        together = list(group)
        frames |= {table.name: frame for table, frame in zip(together, read_model(run, *together), strict=True)}
    return frames
