"""Descriptions that producers land whole: the catalog of items, promotions, and the users of their audiences."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.checks.audit import audit
from shortlist.columns import FILE, OFFSET, RAW, REASONS, RECEIPT, SNAPSHOT_DATE
from shortlist.config import DescriptionConfig, LandingFormat
from shortlist.errors import HeldError
from shortlist.landing.files import LandedFile, Receipt
from shortlist.landing.folders import Landing
from shortlist.landing.reading import Reader
from shortlist.landing.spark_reading import read_landed
from shortlist.steps.erasure_requests import erased_digests
from shortlist.steps.landed_days import as_read, changes
from shortlist.store.fences import run_partition
from shortlist.tables import AUDIENCE_MEMBERS, CATALOG, PROMOTIONS, Table
from shortlist.transforms.descriptions import description_paths, description_rows
from shortlist.transforms.erasure import digests_in, names_erased
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run, log

_ENDINGS: dict[str, LandingFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".avro": "avro",
}
_PACKED = (".gz", ".zst", ".zstd", ".bz2")


def extract_snapshot(run: Run, landing: Landing, table: Table) -> None:
    """The newest complete description of a catalog-like feed up to the run date, unless the table has it already.

    A feed without any delivery is an input that this deployment does not have: the rules that need it are off, and say so.

    Raises:
        HeldError: a check says so, or a file changed while it was read.
    """
    days = [day for day in landing.complete_days(table.name) if day <= run.run_date]
    if not days:
        log.warning("%s: nothing landed up to %s; rules that need it are off", table.name, run.run_date)
        return
    day = days[-1]
    where = equals(**{SNAPSHOT_DATE: day})
    if run.exists(table) and run.warehouse.has_rows(table, where=where):
        return
    config = _config_of(run, table)
    files = landing.listing(table.name, [day], config.format).files
    if not files:
        raise HeldError.empty_landing(landing.folder(table.name, day))
    landed = read_snapshot(run, landing, table, files, config).persist()
    receipts = {
        row[0]: Receipt.of(row[1]) for row in landed.where(F.col(RECEIPT).isNotNull()).select(FILE, RECEIPT).collect()
    }
    now = landing.listing(table.name, [day], config.format).files
    problems = changes({file.name: file for file in files}, receipts, {file.name: file for file in now})
    if problems:
        raise HeldError.unreadable_landing(problems)
    rows = require_described(landed, table, day)
    rows = rows.where(~names_erased(digests_in(table, {}), erased_digests(run))).persist()
    checked = audit(rows, table, run_partition(run.run_date), {}, run.settings.checks.timeout_minutes)
    run.manifest.checks += checked.records
    checked.raise_if_failed()
    run.manifest.snapshots.extend({"file": file.name, **as_read(file, receipts[file.name])} for file in files)
    run.commit(rows, table, f"{SNAPSHOT_DATE}={day.isoformat()}", where)


def _config_of(run: Run, table: Table) -> DescriptionConfig:
    extraction = run.settings.extraction
    return {
        CATALOG.name: extraction.catalog,
        PROMOTIONS.name: extraction.promotions,
        AUDIENCE_MEMBERS.name: extraction.audience_members,
    }[table.name]


def read_snapshot(
    run: Run, landing: Landing, table: Table, files: Sequence[LandedFile], config: DescriptionConfig
) -> DataFrame:
    """Every landed row of a description, by `description_rows`; its files may differ in format and in their columns."""
    by_format: dict[LandingFormat, list[LandedFile]] = {}
    for file in files:
        by_format.setdefault(config.format or format_of(file.name), []).append(file)
    parts = []
    for format_name, same in by_format.items():
        paths = description_paths(table, config, nested=format_name != "csv")
        dialect = config.csv
        if (
            config.format is None
            and dialect.delimiter == ","
            and all(_bare(file.name).endswith(".tsv") for file in same)
        ):
            dialect = dialect.model_copy(update={"delimiter": "\t"})
        lines = read_landed(run.spark, landing, same, Reader(format_name, dialect, paths))
        parts.append(description_rows(lines, table, config, run.settings.extraction.ids, paths))
    return reduce(DataFrame.unionByName, parts)


def require_described(landed: DataFrame, table: Table, day: date) -> DataFrame:
    """The rows as their table states them, when all of them can be used.

    Raises:
        HeldError: naming each file with rows that cannot be used, their reasons and one of them.
    """
    rows = landed.where(F.col(RECEIPT).isNull())
    wrong = rows.where(F.size(REASONS) > 0).select(FILE, OFFSET, RAW, F.explode(REASONS).alias(REASONS))
    counted = wrong.groupBy(FILE, REASONS).agg(F.count("*"), F.min(OFFSET), F.min(RAW)).orderBy(FILE, REASONS)
    unusable = [tuple(row) for row in counted.limit(20).collect()]
    if unusable:
        raise HeldError.unusable_description(table.name, unusable)
    return rows.withColumn(SNAPSHOT_DATE, F.lit(day)).select(*table.columns)


def format_of(name: str) -> LandingFormat:
    """The format that a file's name says, Parquet where it says none."""
    return next((found for ending, found in _ENDINGS.items() if _bare(name).endswith(ending)), "parquet")


def _bare(name: str) -> str:
    """A name without the ending of what packed it."""
    return next((name.removesuffix(ending) for ending in _PACKED if name.endswith(ending)), name).lower()
