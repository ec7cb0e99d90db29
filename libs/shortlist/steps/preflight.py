"""What a job will cost, said and put into the manifest before it begins, and refused where it is beyond the budget."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

from pydantic import BaseModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BASKET_ID, ITEM_ID, QUERY, USER_ID
from shortlist.config import Settings, SurfaceConfig
from shortlist.config.blends import LearnedBlendConfig
from shortlist.errors import HeldError
from shortlist.generation.costs import Counts, generation_cost
from shortlist.generation.learning_costs import CutCounts, learning_cost
from shortlist.generation.lists import sources_of
from shortlist.models.costs import BasketCounts, Cost, als_cost, cooccurrence_cost
from shortlist.steps.cuts import Cut
from shortlist.subjects import SUBJECTS
from shortlist.tables import CATALOG
from shortlist.warehouse.run import Run, log

Config = TypeVar("Config", bound=BaseModel)
# A change of settings, and what the job would cost with it.
Option = tuple[str, Cost]


def preflight_als(run: Run, interactions: DataFrame) -> None:
    """Before factors are trained.

    Raises:
        HeldError: it would cost more than the budget, with the setting that mends it.
    """
    config = run.settings.als
    observations, users, items = _count(interactions)
    changes = [
        *_changes("als", config, {"factors": _halves(config.factors), "epochs": _fewer(config.epochs)}),
        ("als.factors=1, als.epochs=1", config.model_copy(update={"factors": 1, "epochs": 1})),
    ]
    options = ((text, als_cost(observations, users, items, changed)) for text, changed in changes)
    counts = {"observations": observations, "users": users, "items": items}
    _require(run, counts, als_cost(observations, users, items, config), options, "lower interactions.lookback_days")


def _count(interactions: DataFrame) -> tuple[int, int, int]:
    """Pairs of user and item, and about how many users and items."""
    counted = interactions.agg(F.count("*"), *map(F.approx_count_distinct, (USER_ID, ITEM_ID))).first()
    assert counted is not None
    return counted[0], counted[1], counted[2]


def preflight_cooccurrence(run: Run, baskets: DataFrame) -> None:
    """Before baskets are counted.

    Raises:
        HeldError: it would cost more than the budget, with the setting that mends it.
    """
    config, budget = run.settings.cooccurrence, run.settings.budget
    counts = _count_baskets(baskets)
    most = run.settings.baskets[config.basket_kind].max_items
    # Half of the operations may be those of pairs, which cost two each.
    limits = [limit for limit in (budget.pairs, budget.flops and budget.flops / 4) if limit is not None]
    capped = max(2, min([most - 1, *(int(limit / counts.rows) for limit in limits)]))
    options: list[Option] = []
    if capped < most:
        # No basket has more than `capped` items: the squared sizes are at most so many times the rows.
        fewer = counts._replace(squared_sizes=min(counts.squared_sizes, counts.rows * capped))
        text = f"baskets.{config.basket_kind}.max_items={capped} and build_interactions again"
        options.append((text, cooccurrence_cost(*fewer, config)))
    shorter = _changes("cooccurrence", config, {"neighbours": _halves(config.neighbours)})
    options += [(text, cooccurrence_cost(*counts, changed)) for text, changed in shorter]
    _require(
        run, counts._asdict(), cooccurrence_cost(*counts, config), options,
        f"lower baskets.{config.basket_kind}.lookback_days",
    )  # fmt: skip


def _count_baskets(baskets: DataFrame) -> BasketCounts:
    sizes = baskets.groupBy(BASKET_ID).agg(F.count("*").alias("size"))
    counted = sizes.agg(F.sum("size"), F.count("*"), F.sum(F.col("size") * F.col("size"))).first()
    distinct = baskets.agg(F.approx_count_distinct(ITEM_ID)).first()
    assert counted is not None
    assert distinct is not None
    rows, count, squared = counted
    return BasketCounts(rows or 0, count, distinct[0], squared or 0)


def preflight_generation(run: Run, interactions: DataFrame) -> None:
    """Before lists are made.

    Raises:
        HeldError: it would cost more than the budget, with the setting that mends it.
    """
    settings = run.settings
    counts = _counts(run, interactions, run.run_date, settings.surfaces)
    changes = (*_without_a_source(settings), *_smaller_spectrum(settings))
    options = [(text, generation_cost(counts, changed)) for text, changed in changes]
    costs = {
        name: generation_cost(counts, _with_surfaces(settings, {name: each}))
        for name, each in settings.surfaces.items()
    }
    dearest = max(costs, key=lambda name: costs[name].flops)
    _require(
        run, vars(counts), generation_cost(counts, settings), sorted(options, key=lambda option: -option[1].flops),
        f"take sources out of surfaces.{dearest}.sources, which costs most",
    )  # fmt: skip


def _counts(run: Run, interactions: DataFrame, day: date, surfaces: Iterable[str]) -> Counts:
    """What the passes over the subjects of some surfaces are counted by, as known when a day ended."""
    pairs, users, items = _count(interactions)
    catalog, queries = run.snapshot(CATALOG, day), 0
    described = 0 if catalog is None else catalog.count()
    if any(SUBJECTS[run.settings.surfaces[name].subject].history == "clicks" for name in surfaces):
        asked = run.engagements(run.settings.queries.lookback_days, day).agg(F.approx_count_distinct(QUERY)).first()
        queries = 0 if asked is None else asked[0]
    return Counts(pairs, users, max(items, described), queries)


def _without_a_source(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Each source left out of each surface that has others."""
    for name, surface in settings.surfaces.items():
        for source in surface.sources if len(surface.sources) > 1 else ():
            left = surface.model_copy(update={"sources": tuple(each for each in surface.sources if each != source)})
            yield (
                f"surfaces.{name}.sources without {source}",
                _with_surfaces(settings, {**settings.surfaces, name: left}),
            )


def _with_surfaces(settings: Settings, surfaces: Mapping[str, SurfaceConfig]) -> Settings:
    return settings.model_copy(update={"surfaces": dict(surfaces)})


def _smaller_spectrum(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Source `spectral` with larger blocks, fewer passes, fewer factors; nothing where no surface names it."""
    if not any("spectral" in sources_of(surface) for surface in settings.surfaces.values()):
        return
    config = settings.sources.spectral
    values = {
        "block_pairs": [config.block_pairs << shift for shift in range(1, 16)],
        "iterations": _fewer(config.iterations),
        "factors": _halves(config.factors),
    }
    for text, changed in _changes("sources.spectral", config, values):
        sources = settings.sources.model_copy(update={"spectral": changed})
        yield text, settings.model_copy(update={"sources": sources})


def preflight_learning(run: Run, cuts: Sequence[Cut], learning: Mapping[str, LearnedBlendConfig]) -> None:
    """Before models are trained once more, as of earlier days, for blends to be learned.

    Args:
        run: of the job.
        cuts: at least one.
        learning: how each surface learns.

    Raises:
        HeldError: it would cost more than the budget, with the setting that mends it.
    """
    settings, day = run.settings, run.run_date
    known = {cut.day: _count_cut(run, cut) for cut in cuts}
    # The message names the counts of one cut; those of the others are much like them.
    largest = max(known.values(), key=lambda each: each.counts.interactions)
    counts = {"cuts": len(cuts), **vars(largest.counts)}
    if largest.baskets is not None:
        counts["basket_rows"] = largest.baskets.rows
    options = [(text, learning_cost(known, changed, settings, day)) for text, changed in _learning_less(learning)]
    costs = {name: learning_cost(known, {name: config}, settings, day).flops for name, config in learning.items()}
    dearest = max(costs, key=costs.__getitem__)
    _require(
        run, counts, learning_cost(known, learning, settings, day), sorted(options, key=lambda option: -option[1].flops),
        f"set surfaces.{dearest}.learn=null, which costs most, and that of others",
    )  # fmt: skip


def _count_cut(run: Run, cut: Cut) -> CutCounts:
    counts = _counts(run, cut.history.interactions, cut.day, cut.surfaces)
    return CutCounts(counts, None if cut.baskets is None else _count_baskets(cut.baskets))


def _learning_less(
    learning: Mapping[str, LearnedBlendConfig],
) -> Iterator[tuple[str, Mapping[str, LearnedBlendConfig]]]:
    """One surface with fewer cuts, with fewer subjects, or not at all."""
    for name, config in learning.items():
        values = {"cuts": _fewer(config.cuts), "subjects": _halves(config.subjects)}
        for text, changed in _changes(f"surfaces.{name}.learn", config, values):
            yield text, {**learning, name: changed}
        yield f"surfaces.{name}.learn=null", {other: each for other, each in learning.items() if other != name}


def _changes(prefix: str, config: Config, values: Mapping[str, Iterable[int]]) -> Iterator[tuple[str, Config]]:
    """A section of settings with one of these values each, and how to set it."""
    for name, tried in values.items():
        for value in tried:
            yield f"{prefix}.{name}={value}", config.model_copy(update={name: value})


def _halves(value: int) -> list[int]:
    """A half, a quarter, and so on down to 1."""
    return [value >> shift for shift in range(1, value.bit_length())]


def _fewer(value: int) -> range:
    """One less, two less, and so on down to 1."""
    return range(value - 1, 0, -1)


def _require(run: Run, counts: Mapping[str, int], cost: Cost, options: Iterable[Option], otherwise: str) -> None:
    """Say what the job will cost.

    Args:
        run: of the job.
        counts: what the formulas were given.
        cost: what they gave.
        options: changes that may bring it into the budget, the smallest first.
        otherwise: what to do where none of them does.

    Raises:
        HeldError: it is beyond the budget.
    """
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    run.manifest.cost = {"counts": dict(counts), **cost.as_dict()}
    log.info(
        "%s will cost about %.3g pairs, %.3g flops, %.3g GB moved, %.3g GB in one process, by %s",
        run.arguments.job, cost.pairs, cost.flops, cost.of("shuffle_gigabytes"), cost.of("memory_gigabytes"), said,
    )  # fmt: skip
    budget = run.settings.budget
    over = cost.over(budget)
    if over:
        mended = next((f"set {change}" for change, changed in options if not changed.over(budget)), otherwise)
        raise HeldError.over_budget(run.arguments.job, over, said, mended)
