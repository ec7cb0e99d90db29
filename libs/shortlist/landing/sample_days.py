"""A file of many days as a landing: a folder for each day with its marker, a catalog, and what cannot be used beside them."""

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from shortlist import columns as c
from shortlist.landing.sample_fields import CATEGORY, QUANTITY, TITLE
from shortlist.landing.sample_times import parse
from shortlist.landing.samples import Sample

_FILES: Final = {"csv": "part-00000.csv.gz", "json": "part-00000.json.gz", "parquet": "part-00000.parquet"}
_DAY: Final = "_shortlist_day"
_NO_TIME: Final = "its time cannot be read"
_NEGATIVE: Final = "a cancellation or correction: quantity or value is below zero"


@dataclass(frozen=True)
class Days:
    """A sample by its days.

    Attributes:
        rows: the sample's rows, with day; without what is left out.
        left_out: rows that no day can have, with `reason`.
        without: share of the rows of the worst day that lack a user or an item, for the limit of unusable lines.
        lacking: rows that lack a user or an item.
    """

    rows: pl.DataFrame
    left_out: pl.DataFrame
    without: float
    lacking: int

    @property
    def days(self) -> list[date]:
        """Days that have rows, oldest first."""
        return sorted(self.rows[_DAY].unique())

    def counts(self) -> pl.DataFrame:
        """day and rows, newest first."""
        return self.rows.group_by(pl.col(_DAY).alias("day")).len("rows").sort("day", descending=True)


def by_day(sample: Sample, fields: Mapping[str, str], formats: list[str], zone: str) -> Days:
    """Give every row its day (UTC); leave out what has none, and cancellations, which no setting can tell from purchases.

    Args:
        sample: the file.
        fields: role: field.
        formats: of the times; with more than one, times are written anew as ISO 8601, because a feed has one.
        zone: of times without one.
    """
    time = parse(sample.texts[fields[c.EVENT_TS]], formats, zone)
    below = [
        sample.texts[fields[role]].cast(pl.Float64, strict=False) < 0 for role in (QUANTITY, c.VALUE) if role in fields
    ]
    negative = (
        pl.select(pl.any_horizontal(below)).to_series().fill_null(value=False) if below else time.is_null() & False
    )
    reason = pl.select(
        pl.when(time.is_null()).then(pl.lit(_NO_TIME)).when(negative).then(pl.lit(_NEGATIVE)).alias("reason")
    ).to_series()
    rows = sample.rows
    if len(formats) > 1:
        iso = time.dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias(fields[c.EVENT_TS])
        rows = rows.with_columns(
            pl.when(iso.is_not_null()).then(iso).otherwise(pl.col(fields[c.EVENT_TS])).alias(iso.name)
        )
    kept = reason.is_null()
    lacking = pl.select(
        pl.any_horizontal(
            sample.texts[fields[role]].str.strip_chars() == "" for role in (c.USER_ID, c.ITEM_ID) if role in fields
        )
    ).to_series()
    day = time.dt.date().alias(_DAY)
    worst = pl.DataFrame({"day": day, "lacking": lacking}).filter(kept).group_by("day").agg(pl.col("lacking").mean())
    return Days(
        rows=rows.with_columns(day).filter(kept),
        left_out=rows.with_columns(reason).filter(~kept),
        without=float(worst["lacking"].max() or 0),  # type: ignore[arg-type]
        lacking=int((lacking & kept).sum()),
    )


def write_days(days: Days, sample: Sample, folder: Path, marker: str) -> None:
    """A folder for each day: its rows in the sample's own format, then the marker."""
    for (day,), rows in days.rows.partition_by(_DAY, as_dict=True, include_key=False).items():
        day_folder = folder / day.isoformat()
        day_folder.mkdir(parents=True)
        (day_folder / _FILES[sample.format]).write_bytes(_content(rows, sample))
        (day_folder / marker).touch()


def write_left_out(days: Days, path: Path) -> None:
    """What is in no folder, each row with its reason."""
    days.left_out.write_csv(path)


def catalog(sample: Sample, fields: Mapping[str, str]) -> pl.DataFrame | None:
    """item_id, title, category, price, buyable, status: an item's most frequent title and category, its median price."""
    described = {role: fields[role] for role in (TITLE, CATEGORY, c.VALUE) if role in fields}
    if TITLE not in described and CATEGORY not in described:
        return None
    texts = sample.texts.select(
        pl.col(fields[c.ITEM_ID]).str.strip_chars().alias(c.ITEM_ID),
        *(pl.col(field).str.strip_chars().replace("", None).alias(role) for role, field in described.items()),
    ).filter(pl.col(c.ITEM_ID) != "")
    most = [
        pl.col(role).drop_nulls().sort().mode().sort().first().alias(role)
        for role in (TITLE, CATEGORY)
        if role in described
    ]
    price = pl.col(c.VALUE).cast(pl.Float64, strict=False)
    median = [price.filter(price > 0).median().round(4).alias(c.PRICE)] if c.VALUE in described else []
    items = texts.group_by(c.ITEM_ID).agg(*most, *median).sort(c.ITEM_ID)
    wide = {TITLE: pl.lit(None, pl.String), CATEGORY: pl.lit(None, pl.String), c.PRICE: pl.lit(None, pl.Float64)}
    items = items.with_columns(value.alias(name) for name, value in wide.items() if name not in items.columns)
    categories = pl.when(pl.col(CATEGORY).is_not_null()).then(pl.concat_list(CATEGORY))
    return items.select(
        c.ITEM_ID,
        TITLE,
        categories.alias(c.CATEGORY),
        c.PRICE,
        pl.lit(value=True).alias(c.BUYABLE),
        pl.lit("active").alias(c.STATUS),
    )


def write_catalog(items: pl.DataFrame, folder: Path, day: date, marker: str) -> None:
    """The catalog as it was known from the first day on."""
    day_folder = folder / day.isoformat()
    day_folder.mkdir(parents=True)
    items.write_parquet(day_folder / "part-00000.parquet")
    (day_folder / marker).touch()


def _content(rows: pl.DataFrame, sample: Sample) -> bytes:
    if sample.format == "json":
        return gzip.compress("".join(f"{line}\n" for line in rows["line"]).encode(), mtime=0)
    buffer = io.BytesIO()
    if sample.format == "parquet":
        rows.write_parquet(buffer)
        return buffer.getvalue()
    rows.write_csv(buffer, separator=sample.delimiter)
    return gzip.compress(buffer.getvalue(), mtime=0)
