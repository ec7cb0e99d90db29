"""Models between the job that trains them and the jobs that use them: written with a digest, read while it is still true."""

import hashlib
from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import RUN_DATE
from shortlist.config import Settings
from shortlist.errors import ModelError
from shortlist.pipeline import model_settings, producer
from shortlist.store.fences import run_partition
from shortlist.store.model_commits import (
    DIGEST,
    MODEL,
    SETTINGS,
    TRAINED_ON,
    Stamp,
    digest_text,
    of_one_training,
    read_stamp,
)
from shortlist.tables import Table
from shortlist.warehouse.digests import digest_frame
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run, log


def model_fingerprint(settings: Settings) -> str:
    """Changes with any setting that a model is trained with."""
    return settings.fingerprint(*model_settings())


def replace_model(run: Run, parts: Sequence[tuple[DataFrame, Table]], trained_on: date | None = None) -> None:
    """Replace the run date's model, a commit for each of its tables; all of them name the same model.

    Args:
        run: the run.
        parts: rows without run_date, and their table.
        trained_on: the earlier run date that trained the model; None: this one.
    """
    # Kept from the digest to the commit, or rows that are made where they are read would be made twice.
    stamped = [(frame.withColumn(RUN_DATE, F.lit(run.run_date)).persist(), table) for frame, table in parts]
    digests = [row_digest(frame, table) for frame, table in stamped]
    settings = model_fingerprint(run.settings)
    model = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:12]
    for (frame, table), digest in zip(stamped, digests, strict=True):
        facts = {MODEL: model, DIGEST: digest, TRAINED_ON: str(trained_on or run.run_date), SETTINGS: settings}
        run.commit(frame, table, run_partition(run.run_date), equals(**{RUN_DATE: run.run_date}), **facts)
        frame.unpersist()


def read_model(run: Run, *tables: Table) -> list[DataFrame]:
    """The run date's model, if its tables are of one training and hold what was trained.

    Raises:
        InputMissingError: naming the job that trains it.
        ModelError: the tables are of different trainings, or a table's rows are not those that were written.
    """
    frames = [run.read(table) for table in tables]
    stamps = [read_stamp(run.warehouse.path(table), run.version(table), run.run_date) for table in tables]
    partition = run_partition(run.run_date)
    job = producer(tables[0].name)
    models = {table.name: stamp.model for table, stamp in zip(tables, stamps, strict=True)}
    if not of_one_training(models.values()):
        raise ModelError.of_several_trainings(partition, models, job)
    for frame, table, stamp in zip(frames, tables, stamps, strict=True):
        _require_as_trained(frame, table, stamp, partition)
    return frames


def earlier_model(run: Run, table: Table, since: date) -> tuple[DataFrame, date] | None:
    """The model of the newest earlier run date, and the run date that trained it.

    None where it was trained before a day, or with other settings than those of this run.

    Raises:
        ModelError: its rows are not those that were written.
    """
    day = run.earlier_day(table)
    if day is None:
        return None
    stamp = read_stamp(run.warehouse.path(table), run.version(table), day)
    if stamp.trained_on is None or stamp.trained_on < since or stamp.settings != model_fingerprint(run.settings):
        return None
    frame = run.table(table, equals(**{RUN_DATE: day}))
    _require_as_trained(frame, table, stamp, run_partition(day))
    return frame, stamp.trained_on


def _require_as_trained(frame: DataFrame, table: Table, stamp: Stamp, partition: str) -> None:
    if stamp.changed:
        log.info("%s %s: rows were taken away since it was trained; its digest is not looked at", table.name, partition)
        return
    found = row_digest(frame, table)
    if found != stamp.digest:
        job = producer(table.name)
        raise ModelError.not_what_was_trained(table.name, partition, str(stamp.digest), found, job)


def row_digest(frame: DataFrame, table: Table) -> str:
    """The digest of all rows over every column of the contract, whatever their order."""
    return digest_text(digest_frame(frame, table.columns))
