"""Interactions and models to the lists of each surface: subjects are gathered once, then each surface is one pass over them."""

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from itertools import groupby
from typing import Final

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, HIDDEN, SURFACE, WEIGHT
from shortlist.config import SurfaceConfig
from shortlist.generation.artefacts import TABLES, ModelItems, share_artefacts
from shortlist.generation.batches import HISTORY
from shortlist.generation.items import Items, collect_items, count_users
from shortlist.generation.lists import SurfaceItems, listed, make_lists, needed_artefacts, proposed, short
from shortlist.generation.subject_frames import gather_items, gather_users
from shortlist.models.arrays.scratch import scratch_folder
from shortlist.models.arrays.shared_arrays import share_arrays, unshare
from shortlist.pipeline import producer
from shortlist.rules import eligible_items
from shortlist.sources.inputs import ArtefactName
from shortlist.subjects import SUBJECTS
from shortlist.tables import (
    CATALOG,
    INTERACTIONS,
    SHORT_LISTS,
    SOURCE_CANDIDATES,
    UNCHECKED_CANDIDATES,
    USER_FACTORS,
    Table,
)
from shortlist.warehouse.models import read_model
from shortlist.warehouse.run import Run, log

# The subjects of a surface, by what their history is.
SUBJECT_FRAMES: Final[Mapping[str, Callable[[DataFrame, Items, SurfaceConfig], DataFrame]]] = {
    "interactions": lambda users, items, surface: users,
    "itself": lambda users, items, surface: gather_items(users.sparkSession, items.supported(surface.min_item_support)),
}


def generate(run: Run) -> None:
    """Write source_candidates, unchecked_candidates and short_lists of every surface."""
    settings, interactions = run.settings, run.read(INTERACTIONS).persist()
    needed = needed_artefacts(settings)
    models = read_models(run, needed)
    with (
        scratch_folder(run.spark, settings.als.scratch) as folder,
        closing(ModelItems(settings, models, folder)) as model_items,
    ):
        counts = count_users(interactions, run.run_date, settings.sources.popularity.window_days)
        items = collect_items(counts, run.snapshot(CATALOG), model_items.ids())
        users = gather_users(interactions, models.get(USER_FACTORS.name)).persist()
        if not users_without_vector(run, users, needed):
            needed.discard("fold_in")
        artefacts = share_artefacts(run.spark, needed, model_items, items)
        for name, surface in settings.surfaces.items():
            eligible = eligible_items(items.facts, surface).astype(np.uint8)
            shared = share_arrays(run.spark, folder, SurfaceItems(items.ids, eligible))
            subjects = SUBJECT_FRAMES[SUBJECTS[surface.subject].history](users, items, surface)
            lists = make_lists(subjects, surface, settings, run.run_date, artefacts, shared).persist()
            write(run, name, proposed(lists), SOURCE_CANDIDATES)
            write(run, name, listed(lists), UNCHECKED_CANDIDATES)
            write(run, name, short(lists, surface.k), SHORT_LISTS)
            lists.unpersist()
            unshare(shared)


def read_models(run: Run, needed: Collection[ArtefactName]) -> dict[str, DataFrame]:
    """The tables that artefacts are made from, by name; those of one training together. Nothing is read for no source."""
    tables = {TABLES[name].name: TABLES[name] for name in sorted(needed) if name in TABLES}
    by_producer = sorted(tables.values(), key=lambda table: (producer(table.name), table.name))
    frames: dict[str, DataFrame] = {}
    for _, group in groupby(by_producer, key=lambda table: producer(table.name)):
        together = list(group)
        frames |= {table.name: frame for table, frame in zip(together, read_model(run, *together), strict=True)}
    return frames


def users_without_vector(run: Run, users: DataFrame, needed: Collection[ArtefactName]) -> bool:
    """Whether some user took something and has no stored vector; the log says how many, and what becomes of them."""
    if "item_vectors" not in needed:
        return False
    if "user_vectors" not in needed:
        log.info("als: no user vectors are stored (als.store_user_factors), every user is folded in")
        return True
    took = F.exists(HISTORY, lambda entry: (entry[WEIGHT] > 0) & ~entry[HIDDEN])
    count = users.where(F.col(FACTORS).isNull() & took).count()
    if not count:
        log.info("als: every user that took something has a stored vector, nobody is folded in")
    elif "fold_in" in needed:
        log.info("als: %d users without a stored vector are folded in", count)
    else:
        engine = run.settings.als.engine
        log.info("als: %d users without a stored vector are left out, engine %s has none for them", count, engine)
    return count > 0


def write(run: Run, surface: str, rows: DataFrame, table: Table) -> None:
    """Replace a surface's rows of the run date."""
    run.replace(rows.withColumn(SURFACE, F.lit(surface)), table, surface=surface)
