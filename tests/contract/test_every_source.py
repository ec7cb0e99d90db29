"""Promises that every candidate source keeps on Spark; its arithmetic is tested in tests/unit/sources."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from shortlist.config import CooccurrenceConfig, Settings
from shortlist.config.base import OWN_MEASURES
from shortlist.config.surfaces import FOR_QUERIES, ONLY_FOR_QUERIES
from shortlist.generation.artefacts import catalog_columns, share_artefacts
from shortlist.generation.items import collect_items, count_users
from shortlist.generation.lists import SurfaceItems, make_lists, needed_artefacts, scored
from shortlist.generation.loading import History, Loading, ModelItems
from shortlist.generation.subject_frames import gather_items, gather_users
from shortlist.models.als import fit as als
from shortlist.models.arrays.shared_arrays import share_arrays
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.rules import eligible_items
from shortlist.rules.facts import ItemTraits
from shortlist.sources import SOURCES
from shortlist.transforms.proposals import proposals

USERS, ITEMS = 12, 12
DAY = date(2017, 11, 30)
MEASURES = ("cosine", *OWN_MEASURES.values())
# Some sources know only what a subject took, which is masked elsewhere; those for queries have a suite of their own.
AGAIN = ("repeat", "conversion")
TOGETHER = tuple(name for name in SOURCES if name not in {*AGAIN, *ONLY_FOR_QUERIES})
# The sources that are asked in each kind of world.
ASKED = {"users": TOGETHER, "users, folded in": TOGETHER, "items": TOGETHER, "users, again": AGAIN}
# They bought what they took; the others did not.
BUYERS = {"u10", "u11"}
WITHHELD = {("u00", "i10"), ("u01", "i11")}
# u02 took i04 and then hid it, and hid i11 at sight; u99 only hid.
HIDDEN = [("u02", "i04", 1.0), ("u02", "i11", 0.0), ("u99", "i00", 0.0)]
OUT_OF_STOCK = "i06"


def checkerboard(spark: SparkSession) -> DataFrame:
    """User u took every item of its own parity, but for the pairs that are withheld; some hid some."""
    hidden = {(user, item): weight for user, item, weight in HIDDEN}
    taken = {
        (f"u{u:02d}", f"i{i:02d}"): 1.0
        for u in range(USERS)
        for i in range(ITEMS)
        if u % 2 == i % 2 and (f"u{u:02d}", f"i{i:02d}") not in WITHHELD
    }
    day = datetime(2017, 11, 29)
    bought = {True: (1, day, day), False: (0, None, None)}
    rows = [
        (user, item, weight, int(weight > 0), day, (user, item) in hidden, *bought[user in BUYERS])
        for (user, item), weight in (taken | hidden).items()
    ]
    schema = (
        "user_id string, item_id string, weight float, events int, last_ts timestamp, hidden boolean, "
        "purchases int, first_purchase_ts timestamp, last_purchase_ts timestamp"
    )
    return spark.createDataFrame(rows, schema)


def catalog(spark: SparkSession) -> DataFrame:
    """Items of one parity share a category and a word; the later ones are younger."""
    rows = [
        (
            f"i{i:02d}",
            "inactive" if f"i{i:02d}" == OUT_OF_STOCK else "active",
            True,
            f"{'odd' if i % 2 else 'even'} thing number{i // 4}",
            ["odd" if i % 2 else "even"],
            datetime(2017, 11, 1 + 2 * i),
        )
        for i in range(ITEMS)
    ]
    columns = (
        "item_id string, status string, buyable boolean, title string, category array<string>, created_at timestamp"
    )
    return spark.createDataFrame(rows, columns)


def events_of(interactions: DataFrame) -> DataFrame:
    """One checkout for each pair that somebody took, all of a user in one session, in the order of the items."""
    took = interactions.where("weight > 0")
    day = F.to_date("last_ts")
    return took.select(
        "user_id",
        "item_id",
        day.alias("event_date"),
        F.col("last_ts").alias("event_ts"),
        F.lit("checkout").alias("event_type"),
        F.concat(F.lit("session of "), "user_id").alias("session_id"),
    )


@dataclass(frozen=True)
class World:
    """What lists are made from.

    Attributes:
        interactions: the checkerboard.
        models: tables by name; of users, vectors of somebody who left too.
        subject: whom lists are for.
        folder: seen by all tasks; None: arrays are broadcast.
        stored: whether user vectors are.
        parts: partitions of all frames.
        only: eligible items; None: all.
        depth: items that each source proposes.
        again: whether subjects may be given what they took.
    """

    interactions: DataFrame
    models: dict[str, DataFrame]
    subject: str
    folder: Path | None
    stored: bool
    parts: int = 2
    only: tuple[str, ...] | None = None
    depth: int = 100
    again: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What tells two worlds apart that were made from the same frames."""
        return self.subject, self.folder, self.stored, self.parts, self.only, self.depth, self.again

    def settings(self, sources: Sequence[str]) -> Settings:
        surface = {
            "subject": self.subject,
            "sources": list(sources),
            "fallback": None,
            "mask_seen": not self.again,
            "min_item_support": 1,
            "k": 1,
            "depth": self.depth,
        }
        fitted = {"factors": 2, "epochs": 15, "regularization": 0.1, "store_user_factors": self.stored}
        by_source = {"content": {"most_share": 1.0}, "spectral": {"factors": 2}}
        measures = {"measures": MEASURES}
        given = {"surfaces": {"any": surface}, "als": fitted, "sources": by_source, "cooccurrence": measures}
        return Settings.model_validate(given)

    def lists(self, sources: Sequence[str]) -> list[Row]:
        """What each source proposes: subject_id, item_id, source, rank, score."""
        spark, settings = self.interactions.sparkSession, self.settings(sources)
        surface = settings.surfaces["any"]
        interactions = self.interactions.repartition(self.parts, "item_id")
        frames = {name: frame.repartition(self.parts) for name, frame in self.models.items()}
        with closing(ModelItems(settings, frames, self.folder)) as models:
            needed = needed_artefacts(settings, ["any"])
            counts = count_users(interactions, DAY, 28)
            items = collect_items(counts, DAY, catalog(spark), models.ids(), catalog_columns(needed))
            eligible = eligible_items(items.facts, surface)
            if self.only is not None:
                eligible &= np.isin(np.array(items.ids.to_pylist(), object), self.only)
            users = gather_users(interactions, frames.get("user_factors") if self.stored else None)
            subjects = users if self.subject == "user" else gather_items(spark, items.supported(1))
            history = History(DAY, interactions, lambda _: events_of(interactions))
            artefacts = share_artefacts(needed, Loading(spark, models, items, history))
            flags = eligible.astype(np.uint8)
            none, never = ItemTraits.none(len(flags)), np.full(len(flags), np.inf, np.float32)
            shared = share_arrays(spark, self.folder, SurfaceItems(items.ids, flags, items.log_popularity, none, never))
            made = make_lists(subjects.repartition(self.parts), surface, settings, DAY, artefacts, shared)
            return sorted(proposals(scored(made, surface)).collect())


def pairs(rows: Iterable[Row]) -> set[tuple[str, str]]:
    return {(row.subject_id, row.item_id) for row in rows}


def of_source(rows: Iterable[Row], source: str) -> list[Row]:
    return [row for row in rows if row.source == source]


@pytest.fixture(scope="module")
def models(_spark: SparkSession) -> dict[str, DataFrame]:
    interactions = checkerboard(_spark)
    model = als.fit(interactions, World(interactions, {}, "user", None, stored=True).settings(["als"]).als)
    left = _spark.createDataFrame([("u77", [1.0, 1.0])], "id string, factors array<float>")
    baskets = interactions.where("weight > 0").select(F.col("user_id").alias("basket_id"), "item_id")
    config = CooccurrenceConfig(min_support=1, measures=MEASURES, smoothing=1.0, least_lift=1.0)
    with cooccurrence.fit(baskets, config) as found:
        related = _spark.createDataFrame(found.toArrow())
    users = model.user_factors.unionByName(left)
    frames = {"user_factors": users, "item_factors": model.item_factors, "related_items": related}
    return {name: _spark.createDataFrame(frame.toArrow()) for name, frame in frames.items()}


@pytest.fixture(scope="module")
def world(
    _spark: SparkSession,
    models: dict[str, DataFrame],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    """Of the kind that the test names."""
    folder = None if request.param == "users, folded in" else tmp_path_factory.mktemp("shared")
    subject = "item" if request.param == "items" else "user"
    stored, again = request.param == "users", request.param == "users, again"
    return World(checkerboard(_spark), models, subject, folder, stored, again=again)


@pytest.fixture(scope="module")
def proposed() -> Callable[[World], list[Row]]:
    """What all sources together propose in a world, made once for each."""
    made: dict[tuple[object, ...], list[Row]] = {}

    def propose(world: World) -> list[Row]:
        if world.key not in made:
            made[world.key] = world.lists(AGAIN if world.again else TOGETHER)
        return made[world.key]

    return propose


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture
def source(request: pytest.FixtureRequest, proposed: Callable[[World], list[Row]]) -> Callable[[World], list[Row]]:
    """What the source that the test names proposes."""
    return lambda world: of_source(proposed(world), request.param)


def test_every_source_is_in_this_suite_or_in_that_for_queries() -> None:
    assert {*chain.from_iterable(ASKED.values()), *FOR_QUERIES} == set(SOURCES)


@pytest.mark.parametrize(
    ("world", "source"), [(kind, name) for kind, names in ASKED.items() for name in names], indirect=True
)
class TestEverySource:
    def test_ranked_pairs_of_eligible_items_and_nothing_masked(
        self, source: Callable[[World], list[Row]], world: World
    ) -> None:
        found = source(world)
        given = [(row.subject_id, row.item_id) for row in found]
        assert len(given) == len(set(given)) > 0
        assert OUT_OF_STOCK not in {item for _, item in given}
        seen = {(row.user_id, row.item_id): row.hidden for row in world.interactions.collect()}
        if world.again:
            own = {pair for pair, hidden in seen.items() if not hidden and pair[1] != OUT_OF_STOCK}
            not_bought = {pair for pair in own if pair[0] not in BUYERS}
            assert set(given) == (not_bought if found[0].source == "conversion" else own)
        else:
            items = {(f"i{i:02d}", f"i{i:02d}") for i in range(ITEMS)}
            assert set(given) & (set(seen) if world.subject == "user" else items) == set()
        for subject in {row.subject_id for row in found}:
            ranked = sorted((row.rank, -row.score, row.item_id) for row in found if row.subject_id == subject)
            assert [rank for rank, _, _ in ranked] == list(range(1, len(ranked) + 1))
            assert [entry[1:] for entry in ranked] == sorted(entry[1:] for entry in ranked)

    def test_at_most_depth_and_the_best_of_them(self, source: Callable[[World], list[Row]], world: World) -> None:
        assert source(replace(world, depth=3)) == [row for row in source(world) if row.rank <= 3] != []

    def test_partitions_and_placement_do_not_change_a_bit(
        self, source: Callable[[World], list[Row]], world: World, elsewhere: Path
    ) -> None:
        expected = source(world)
        for parts, folder in ((1, None), (5, elsewhere)):
            assert source(replace(world, parts=parts, folder=folder)) == expected

    def test_one_eligible_item_or_none(self, source: Callable[[World], list[Row]], world: World) -> None:
        assert {(row.item_id, row.rank) for row in source(replace(world, only=("i10",)))} == {("i10", 1)}
        assert source(replace(world, only=())) == []


@pytest.mark.parametrize(
    ("world", "name"), [("users", "session_next"), ("items", "rp3beta"), ("items", "log_lift")], indirect=["world"]
)
def test_alone_it_proposes_the_same(proposed: Callable[[World], list[Row]], world: World, name: str) -> None:
    assert world.lists([name]) == of_source(proposed(world), name) != []


@pytest.mark.parametrize(
    "name",
    ["als", "cooccurrence", "rp3beta", "log_lift", "spectral", "user_neighbours", "session_neighbours", "session_next"],
)
@pytest.mark.parametrize("stored", [True, False])
def test_the_withheld_item_comes_first_and_who_took_nothing_is_absent(
    _spark: SparkSession, models: dict[str, DataFrame], proposed: Callable[[World], list[Row]], name: str, stored: bool
) -> None:
    found = of_source(proposed(World(checkerboard(_spark), models, "user", None, stored)), name)
    assert pairs(row for row in found if row.rank == 1) >= WITHHELD
    subjects = {subject for subject, _ in pairs(found)}
    assert {"u00", "u01"} <= subjects <= {f"u{u:02d}" for u in range(USERS)}


def test_popularity_counts_recent_users(_spark: SparkSession) -> None:
    old = F.when(F.col("item_id") == "i02", F.lit(datetime(2017, 1, 1))).otherwise(F.col("last_ts"))
    interactions = checkerboard(_spark).withColumn("last_ts", old)
    # No model at all.
    found = World(interactions, {}, "user", None, stored=True).lists(["popularity"])
    scores = {(row.subject_id, row.item_id): row.score for row in found}
    assert scores["u01", "i00"] == 6.0
    assert scores["u01", "i02"] == 0.0  # nobody of late: last, but not absent
    assert scores["u00", "i10"] == 5.0  # withheld from u00, taken by the other five
