"""The command line asks of one subject and item what Spark asks of everybody: both must answer alike."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.cli.eligibility import Knowledge
from shortlist.config import InteractionsConfig, SurfaceConfig
from shortlist.generation.batches import Reading, rarity_of, read_batch
from shortlist.generation.items import collect_items, count_users
from shortlist.generation.subject_frames import gather_items, gather_users
from shortlist.rules import eligible_items
from shortlist.rules.categories import repeat_intervals
from shortlist.subjects import SUBJECTS
from shortlist.transforms.interactions import build_interactions
from tests import tiny

DAY = date(2017, 11, 4)
ITEMS = [item for group in tiny.GROUPS.values() for item in group]


@pytest.fixture(scope="module")
def interactions(_spark: SparkSession) -> DataFrame:
    """The tiny landing up to DAY, one user hiding two items, as build_interactions makes them."""
    events = [event for day in tiny.days(last=DAY) for event in tiny.events_of(day)]
    hides = [
        {**events[0], "event_id": f"hide-{item}", "event_type": "hide", "item_id": item} for item in ("a00", "b01")
    ]
    columns = ["event_id", "event_type", "event_ts", "user_id", "item_id"]
    rows = [tuple(event[name] for name in columns) for event in [*events, *hides]]
    frame = _spark.createDataFrame(rows, columns).withColumn("event_ts", F.col("event_ts").cast("timestamp"))
    frame = frame.withColumn("event_date", F.to_date("event_ts"))
    return build_interactions(frame, DAY, InteractionsConfig()).persist()


CATALOG = [
    (
        item,
        "retired" if number % 7 == 0 else "active",
        number % 5 != 0,
        [item[0], str(number % 3)] if number % 4 else None,
        None if number % 6 == 5 else number % 9 + 0.5,
        None if number % 8 == 7 else datetime(2017, 10, 1, tzinfo=UTC) + timedelta(days=number % 13),
        None if number % 10 == 9 else f"c{number % 4}",
    )
    for number, item in enumerate(ITEMS)
    if number % 11 != 0  # some items nobody has described
]


# 2.5 and 7.5 are prices of items; at the end of DAY an item is 23 to 35 days old.
LIMITS = {
    "min_price": 2.5,
    "max_price": 7.5,
    "min_item_age_days": 25,
    "max_item_age_days": 33,
    "blocked_items": ["a03", "b08", "nobody's"],
    "blocked_creators": ["c1"],
}


@pytest.mark.parametrize("subject", ["user", "item"])
@pytest.mark.parametrize("floor", [1, 4])
@pytest.mark.parametrize("rules", [None, (True, False), (False, True), (True, True), (False, False)])
@pytest.mark.parametrize(
    "masks", [{}, {"mask_seen": False}, {"mask_seen": False, "pause": {"share": 1.5, "min_repeats": 3}}, LIMITS]
)
def test_both_sides_answer_alike(
    interactions: DataFrame,
    _spark: SparkSession,
    subject: str,
    floor: int,
    rules: tuple[bool, bool] | None,
    masks: dict[str, object],
) -> None:
    if subject == "item" and "pause" in masks:
        pytest.skip("items buy nothing")
    active, buyable = rules or (True, True)
    surface = SurfaceConfig.model_validate(
        {
            "subject": subject,
            "sources": ["als"],
            "min_item_support": floor,
            "active_items_only": active,
            "buyable_items_only": buyable,
            **masks,
        }
    )
    described = _spark.createDataFrame(
        CATALOG,
        "item_id string, status string, buyable boolean, category array<string>, price double, created_at timestamp, "
        "creator string",
    )
    columns = ["category", "price", "created_at", "creator"]
    known_items = None if rules is None else described
    items = collect_items(count_users(interactions, DAY, 28), DAY, known_items, [], columns)
    eligible = eligible_items(items.facts, surface)
    names = np.array(items.ids.to_pylist(), object)
    supports = dict(zip(names[eligible].tolist(), items.facts.support[eligible].tolist(), strict=True))
    gathered = gather_users(interactions, None) if subject == "user" else gather_items(_spark, items.supported(floor))
    rows_of = gathered.toArrow().combine_chunks().to_batches()[0]
    categories = items.categories(surface.category_level)
    intervals = repeat_intervals(categories, items.repeat_seconds, items.repeats, 3)
    reading = Reading(DAY, items.ids, rarity_of(items.log_popularity), surface, intervals=intervals)
    batch = read_batch(rows_of, SUBJECTS[surface.subject], reading)
    starts, masked = batch.masked
    subjects = {
        name: set(names[masked[starts[row] : starts[row + 1]]].tolist())
        for row, name in enumerate(rows_of["subject_id"].to_pylist())
    }

    rows = pl.DataFrame(pl.from_arrow(interactions.toArrow()))
    catalog = pl.DataFrame(CATALOG, ["item_id", "status", "buyable", *columns], orient="row").lazy()
    known = Knowledge(rows.lazy(), None if rules is None else catalog, surface, DAY)

    assert dict(known.eligible().select("item_id", "support").rows()) == supports
    assert {item for item in [*ITEMS, "nobody's"] if not known.ineligibility_reasons(item)} == set(supports)
    everybody = [*tiny.USERS, "u99", *ITEMS[:10]]
    assert {each for each in everybody if known.is_subject(each)} == set(subjects) & set(everybody)
    for each in sorted(set(subjects) & set(everybody))[:4]:
        forbidden = {item for item in ITEMS if known.mask(each, item) is not None}
        assert forbidden == subjects[each]
        assert known.left_for(each) == len(set(supports) - subjects[each])
