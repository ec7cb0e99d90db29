"""How the sources of a surface are blended, learned from what followed earlier days."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, timedelta
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.blending.blends import text_of
from shortlist.blending.choice import LEAST_SUBJECTS, Choice, choose_blend
from shortlist.blending.examples import Examples, halves
from shortlist.columns import (
    BLEND,
    CUTS,
    IMPORTANCE,
    JUDGED,
    JUDGED_SUBJECTS,
    KIND,
    REASON,
    SEGMENT,
    SOURCES,
    SUBJECT_ID,
    SURFACE,
)
from shortlist.config.blends import LearnedBlendConfig
from shortlist.generation.artefacts import trainers_of
from shortlist.generation.learning import collect_examples, draw_subjects
from shortlist.generation.lists import sources_of
from shortlist.generation.prepared import Prepared, prepare
from shortlist.models.als.fit import fit as fit_als
from shortlist.models.arrays.shared_arrays import unshare
from shortlist.models.cooccurrence.fit import fit as fit_cooccurrence
from shortlist.steps.cuts import Cut, gather_cuts
from shortlist.steps.learned_blends import newest_blends
from shortlist.steps.preflight import preflight_learning
from shortlist.steps.promotions import promoting
from shortlist.steps.train import none_related, without_run_date
from shortlist.subjects import SUBJECTS
from shortlist.tables import BLENDS, CATALOG, ITEM_FACTORS, RELATED_ITEMS, USER_FACTORS
from shortlist.transforms.truth import ALL, NEW, TRUTHS, Around, engaged_pairs
from shortlist.warehouse.run import Run, log


def learn(run: Run) -> None:
    """Write the blend of every surface that learns one; a surface with too little history keeps what settings say.

    A run date that does not train (`training.days`) learns only for surfaces without a learned blend that fits.
    """
    learning = {name: surface.learn for name, surface in run.settings.surfaces.items() if surface.learn is not None}
    if not learning:
        log.info("no surface learns its blend; next: set surfaces.<name>.learn where one should")
        return
    if not run.settings.training.trains(run.run_date):
        known = newest_blends(run)
        log.info("blends that were learned before are kept (training.days): %s", ", ".join(known) or "none")
        learning = {name: config for name, config in learning.items() if name not in known}
    examples: dict[str, list[Examples]] = {name: [] for name in learning}
    cuts = gather_cuts(run, learning)
    if cuts:
        preflight_learning(run, cuts, learning)
    for cut in cuts:
        with _prepared(run, cut) as prepared:
            for name in cut.surfaces:
                examples[name].append(_examples_of(run, name, learning[name], cut.day, prepared))
        cut.unpersist()
    for name, config in learning.items():
        chosen = choose(name, examples[name], config)
        if chosen is not None:
            run.replace(_rows(run, name, chosen, config.cut_days(run.run_date)), BLENDS, surface=name)


def choose(name: str, cuts: list[Examples], config: LearnedBlendConfig) -> Choice | None:
    """The blend of a surface, from the earliest cut to the latest; None where too few subjects had something relevant."""
    # Of a single cut one half of the subjects teaches and the other one judges.
    parts = halves(cuts[0], config.seed) if len(cuts) == 1 else tuple(cuts)
    taught, judging = sum(cut.subjects for cut in parts[:-1]), parts[-1].subjects if parts else 0
    if judging < LEAST_SUBJECTS or not taught:
        log.warning(
            "%s: %d subjects to learn a blend from and %d to judge it by, at least 1 and %d are needed; what settings say is "
            "used until there is more history",
            name,
            taught,
            judging,
            LEAST_SUBJECTS,
        )
        return None
    *earlier, latest = parts
    chosen = choose_blend(earlier, latest, config)
    log.info("%s: %s", name, chosen.reason)
    return chosen


@contextmanager
def _prepared(run: Run, cut: Cut) -> Iterator[Prepared]:
    """Everything that sources of a cut's surfaces need, trained with what was known then."""
    models: dict[str, DataFrame] = {}
    for job in sorted(trainers_of(cut.needed)):
        models |= TRAINERS[job](run, cut)
    catalog, promoted = run.snapshot(CATALOG, cut.day), promoting(run, cut.day)
    with prepare(run.settings, cut.needed, cut.history, catalog, models, promoted) as prepared:
        yield prepared
    for frame in models.values():
        frame.unpersist()


def _train_als(run: Run, cut: Cut) -> dict[str, DataFrame]:
    with fit_als(cut.history.interactions, run.settings.als) as fitted:
        return _computed({USER_FACTORS.name: fitted.user_factors, ITEM_FACTORS.name: fitted.item_factors})


def _train_cooccurrence(run: Run, cut: Cut) -> dict[str, DataFrame]:
    rows = cut.baskets
    if rows is None or rows.isEmpty():
        return _computed({RELATED_ITEMS.name: none_related(run)})
    with fit_cooccurrence(rows, run.settings.cooccurrence) as found:
        return _computed({RELATED_ITEMS.name: found})


def _computed(models: dict[str, DataFrame]) -> dict[str, DataFrame]:
    """The models in memory: what they are made from is gone when they are used."""
    kept = {name: frame.persist() for name, frame in models.items()}
    for frame in kept.values():
        frame.count()
    return kept


# How each model is trained with what was known on an earlier day, by the job that trains it every night.
TRAINERS: Final[Mapping[str, Callable[[Run, Cut], dict[str, DataFrame]]]] = {
    "train_als": _train_als,
    "train_cooccurrence": _train_cooccurrence,
}


def _examples_of(run: Run, name: str, config: LearnedBlendConfig, day: date, prepared: Prepared) -> Examples:
    settings, surface = run.settings, run.settings.surfaces[name]
    subject = SUBJECTS[surface.subject]
    until = day + timedelta(days=config.horizon_days)
    engagements = run.engagements(settings.interactions.lookback_days + config.horizon_days, until)
    types = settings.truth_event_types(name)
    pairs = engaged_pairs(engagements, day, types, settings.interactions.weights)
    truth = TRUTHS[subject.truth](Around(engagements, pairs, day, types, settings.queries))
    judged = truth.where(F.col(SEGMENT) == (NEW if surface.mask_seen and NEW in subject.segments else ALL))
    drawn = draw_subjects(judged, config.subjects, config.seed)
    shared = prepared.items_of(surface)
    subjects = prepared.subjects(surface).join(F.broadcast(drawn), SUBJECT_ID, how="inner")
    found = collect_examples(subjects, surface, settings, day, prepared.artefacts, shared, config)
    unshare(shared)
    log.info("%s: %d subjects with something relevant after %s", name, found.subjects, day)
    return found


def _rows(run: Run, name: str, chosen: Choice, cuts: list[date]) -> DataFrame:
    row = {
        SURFACE: name,
        KIND: chosen.kind,
        BLEND: text_of(chosen.kind, chosen.blend),
        SOURCES: sources_of(run.settings.surfaces[name]),
        IMPORTANCE: json.dumps(chosen.blend.importance()),
        JUDGED: json.dumps(
            {"kinds": {kind: asdict(one) for kind, one in chosen.judged.items()}, "sources": chosen.sources}
        ),
        JUDGED_SUBJECTS: chosen.subjects,
        CUTS: json.dumps([str(cut) for cut in cuts]),
        REASON: chosen.reason,
    }
    fields = without_run_date(BLENDS)
    return run.spark.createDataFrame([tuple(row[field.name] for field in fields)], fields)
