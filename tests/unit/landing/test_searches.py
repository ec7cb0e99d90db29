"""Synthetic searches: marked, repeatable, words of what was bought, before it was bought."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from shortlist.landing.complete_journey import read_journey
from shortlist.landing.searches import FEED, land_searches, search_events

DAY = date(2017, 1, 2)


def test_a_share_of_the_purchases_was_searched_for() -> None:
    journey = read_journey()
    found = search_events(journey, 0.05)
    assert 0.04 < found.height / journey.transactions.height < 0.06
    assert found["event_id"].n_unique() == found.height
    assert found["event_id"].str.starts_with("synthetic-search-").all()
    assert set(found["request_id"]) == {"synthetic"}
    assert found["query"].str.contains(r"^[a-z]{3,}( [a-z]{3,}){0,2}$").all()
    bought = journey.transactions.select(
        pl.format("synthetic-search-{}-{}", "basket_id", "product_id").alias("event_id"),
        pl.col("transaction_timestamp").alias("bought"),
    )
    waited = found.join(bought, on="event_id", how="inner").select(pl.col("bought") - pl.col("event_ts"))
    assert waited.height == found.height
    assert (waited.to_series() == timedelta(minutes=10)).all()


def test_folders_are_landed_once_and_alike(tmp_path: Path) -> None:
    journey = read_journey()
    made = land_searches(tmp_path, journey, DAY, DAY + timedelta(days=1), share=0.01)
    packed = {path.name: (path / "part-00000.json.gz").read_bytes() for path in (tmp_path / FEED).iterdir()}
    assert set(packed) == {"2017-01-02", "2017-01-03"}
    lines = [json.loads(line) for content in packed.values() for line in gzip.decompress(content).splitlines()]
    assert len(lines) == made > 0
    assert {line["event_ts"][:10] for line in lines} == set(packed)
    assert land_searches(tmp_path, journey, DAY, DAY + timedelta(days=1), share=0.01) == 0
    again = tmp_path / "again"
    land_searches(again, journey, DAY, DAY + timedelta(days=1), share=0.01)
    assert {p.name: (p / "part-00000.json.gz").read_bytes() for p in (again / FEED).iterdir()} == packed
