"""Promises that every source of a surface for queries keeps on Spark; its arithmetic is tested in tests/unit/sources."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from shortlist.config import Settings
from shortlist.config.base import OWN_MEASURES
from shortlist.config.surfaces import FOR_QUERIES
from shortlist.generation.lists import make_lists, needed_artefacts, scored
from shortlist.generation.loading import History
from shortlist.generation.prepared import prepare
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.transforms.proposals import proposals
from tests.contract.test_every_source import catalog, checkerboard, events_of, of_source, pairs

DAY = date(2017, 11, 30)
QUERIES, ITEMS = 12, 12
# Even queries were clicked to even items; query 0 lacks i10, and i11 was never clicked, nor taken by anybody.
WITHHELD, NEVER_TAKEN, RETIRED = ("thing number0", "i10"), "i11", "i06"


def name_of(query: int) -> str:
    """Every query has a word of its own and one that is in all titles."""
    return f"{'thing' if query % 2 == 0 else 'odd thing'} number{query}"


def clicks(spark: SparkSession) -> DataFrame:
    """Two users clicked each pair of one parity; a query that only one of them asked is theirs."""
    clicked = [
        (f"u{user:02d}", f"i{item:02d}", name_of(query))
        for query in range(QUERIES)
        for item in range(ITEMS - 1)
        for user in (2, 4)
        if query % 2 == item % 2 and (name_of(query), f"i{item:02d}") != WITHHELD
    ]
    full = [
        (user, item, query, date(2017, 11, 29), datetime(2017, 11, 29), "click", f"s {user}", None)
        for user, item, query in [*clicked, ("u02", "i00", "private")]
    ]
    schema = (
        "user_id string, item_id string, query string, event_date date, event_ts timestamp, event_type string, "
        "session_id string, position int"
    )
    return spark.createDataFrame(full, schema)


@dataclass(frozen=True)
class World:
    """What lists are made from."""

    spark: SparkSession
    folder: Path | None
    parts: int = 2
    depth: int = 100

    def lists(self) -> list[Row]:
        """What each source proposes: subject_id, item_id, source, rank, score."""
        surface = {"subject": "query", "sources": sorted(FOR_QUERIES), "fallback": None, "mask_seen": False, "k": 1,
                   "min_item_support": 0, "depth": self.depth}  # fmt: skip
        given = {
            "surfaces": {"any": surface},
            "sources": {"content": {"most_share": 1.0}},
            "cooccurrence": {"measures": ["cosine", *OWN_MEASURES.values()], "min_support": 1, "least_lift": 1.0},
            "als": {"scratch": None if self.folder is None else str(self.folder)},
        }
        settings = Settings.model_validate(given)
        took = checkerboard(self.spark).where(F.col("item_id") != NEVER_TAKEN).repartition(self.parts)
        asked = clicks(self.spark).unionByName(events_of(took), allowMissingColumns=True).repartition(self.parts)
        needed = needed_artefacts(settings, ["any"])
        baskets = took.where("weight > 0").select(F.col("user_id").alias("basket_id"), "item_id")
        with cooccurrence.fit(baskets, settings.cooccurrence) as related:
            models = {"related_items": related} if needed & {"neighbours", "walks", "lifts"} else {}
            with prepare(
                settings, needed, History(DAY, took, lambda _: asked), catalog(self.spark), models
            ) as prepared:
                surface_items = prepared.items_of(settings.surfaces["any"])
                subjects = prepared.subjects(settings.surfaces["any"]).repartition(self.parts)
                made = make_lists(subjects, settings.surfaces["any"], settings, DAY, prepared.artefacts, surface_items)
                return sorted(proposals(scored(made, settings.surfaces["any"])).collect())


@pytest.fixture(scope="module")
def proposed(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[list[Row]]]:
    """What a source proposes: usually, with other partitions and placement, and at depth 3; all sources are asked together."""
    world = World(_spark, tmp_path_factory.mktemp("shared"))
    made = [some.lists() for some in (world, replace(world, parts=5, folder=None), replace(world, depth=3))]
    return lambda source: [of_source(rows, source) for rows in made]


@pytest.mark.parametrize("source", sorted(FOR_QUERIES))
class TestEverySourceForQueries:
    def test_ranked_pairs_of_shared_queries_and_eligible_items(
        self, proposed: Callable[[str], list[list[Row]]], source: str
    ) -> None:
        found = proposed(source)[0]
        assert {row.subject_id for row in found} == {name_of(query) for query in range(QUERIES)}
        assert RETIRED not in {row.item_id for row in found}
        for subject in {row.subject_id for row in found}:
            ranked = sorted((row.rank, -row.score, row.item_id) for row in found if row.subject_id == subject)
            assert [rank for rank, _, _ in ranked] == list(range(1, len(ranked) + 1))
            assert [entry[1:] for entry in ranked] == sorted(entry[1:] for entry in ranked)

    def test_partitions_placement_and_depth_do_not_change_a_bit(
        self, proposed: Callable[[str], list[list[Row]]], source: str
    ) -> None:
        expected, moved, short = proposed(source)
        assert moved == expected
        assert short == [row for row in expected if row.rank <= 3] != []


@pytest.mark.parametrize("source", ["query_neighbours", "cooccurrence", "rp3beta", "log_lift"])
def test_what_was_clicked_for_similar_queries_is_found(proposed: Callable[[str], list[list[Row]]], source: str) -> None:
    assert WITHHELD in pairs(row for row in proposed(source)[0] if row.score > 0)


def test_clicks_give_what_was_clicked_alone(proposed: Callable[[str], list[list[Row]]]) -> None:
    found = pairs(proposed("query_clicks")[0])
    assert WITHHELD not in found
    assert (name_of(0), "i02") in found


@pytest.mark.parametrize("source", ["words", "word_parts"])
def test_words_find_what_nobody_took(proposed: Callable[[str], list[list[Row]]], source: str) -> None:
    # The title of i11 is "odd thing number2".
    found = proposed(source)[0]
    assert (name_of(1), NEVER_TAKEN) in pairs(found)
    assert {row.subject_id for row in found if row.rank <= 2}
