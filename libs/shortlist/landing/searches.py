"""Searches before purchases, made up for Complete Journey, which logs none: so that a surface for queries has something to learn.

Synthetic and marked so: event ids begin with `synthetic-search-`, request_id is `synthetic`. A share of all purchases is
taken to have been searched for with the first words of the product's title; the product is what was clicked.
"""

import gzip
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from shortlist import columns as c
from shortlist.landing.complete_journey import Journey, title
from shortlist.landing.delivering import GZIP_LEVEL, deliver, lines_by_day

FEED = "searches"
MARK = "synthetic"
# Words of a title that a query may have.
_MOST_WORDS = 3
_PARTS = 10_000


def search_events(journey: Journey, share: float) -> pl.DataFrame:
    """One `click` on surface `search` for a share of the transaction lines, ten minutes before the purchase.

    Args:
        journey: the published tables.
        share: of the lines, from 0 to 1; which ones depends on basket and product alone.

    Returns:
        event_id, event_type, event_ts (UTC), user_id, item_id, surface, session_id, query, request_id.
    """
    basket, product = pl.col("basket_id"), pl.col("product_id")
    draw = (basket.cast(pl.UInt64) * 7919 + product.cast(pl.UInt64) * 104_729) % _PARTS
    # What comes before the first comma says what it is; after it stand sizes and brands.
    words = (
        title().str.split(",").list.first().str.to_lowercase().str.extract_all(r"\b[a-z]{3,}\b").list.head(_MOST_WORDS)
    )
    products = journey.products.select("product_id", words.alias("words")).filter(pl.col("words").list.len() > 0)
    searched = journey.transactions.filter(draw < round(share * _PARTS)).join(products, on="product_id", how="inner")
    # One word, or two, or all of them.
    count = 1 + (basket.cast(pl.UInt64) + product.cast(pl.UInt64)) % pl.col("words").list.len()
    return searched.select(
        pl.format("synthetic-search-{}-{}", "basket_id", "product_id").alias(c.EVENT_ID),
        pl.lit("click").alias(c.EVENT_TYPE),
        (pl.col("transaction_timestamp") - timedelta(minutes=10)).alias(c.EVENT_TS),
        pl.col("household_id").cast(pl.String).alias(c.USER_ID),
        product.cast(pl.String).alias(c.ITEM_ID),
        pl.lit("search").alias(c.SURFACE),
        basket.cast(pl.String).alias(c.SESSION_ID),
        pl.col("words").list.head(count).list.join(" ").alias(c.QUERY),
        pl.lit(MARK).alias(c.REQUEST_ID),
    )


def land_searches(
    landing: Path, journey: Journey, since: date, until: date, *, share: float, marker: str = "_SUCCESS"
) -> int:
    """Land the searches of the days [since, until] (UTC) as a feed of its own, a folder a day.

    A folder that has its marker is left alone. Returns how many searches were written.
    """
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    pending = [day for day in days if not (landing / FEED / day.isoformat() / marker).exists()]
    lines = lines_by_day(pending, search_events(journey, share))
    for day in pending:
        packed = gzip.compress("".join(lines.get(day, [])).encode(), compresslevel=GZIP_LEVEL, mtime=0)
        deliver(landing / FEED / day.isoformat(), "part-00000.json.gz", packed, marker)
    return sum(map(len, lines.values()))
