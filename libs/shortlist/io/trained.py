"""Models between the job that trains them and the jobs that use them: written with a digest, read while it is still true."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import RUN_DATE
from shortlist.errors import ModelError
from shortlist.io.delta import PARTITION, equals
from shortlist.io.fences import run_partition
from shortlist.io.run import PRODUCERS, Run, log
from shortlist.tables import Table

_MODEL, _DIGEST = "model", "digest"
# Operations that take rows away or change them, as an erasure does: what is left cannot be held against the digest.
_TAKING: Final = frozenset({"DELETE", "MERGE", "UPDATE"})


def replace_model(run: Run, parts: Sequence[tuple[DataFrame, Table]]) -> None:
    """Replace the run date's model, a commit for each of its tables; all of them name the same model.

    Args:
        run: the run.
        parts: rows without run_date, and their table.
    """
    # Kept from the digest to the commit, or rows that are made where they are read would be made twice.
    stamped = [(frame.withColumn(RUN_DATE, F.lit(run.run_date)).persist(), table) for frame, table in parts]
    digests = [row_digest(frame, table) for frame, table in stamped]
    model = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:12]
    for (frame, table), digest in zip(stamped, digests, strict=True):
        facts = {_MODEL: model, _DIGEST: digest}
        run.commit(frame, table, run_partition(run.run_date), equals(**{RUN_DATE: run.run_date}), **facts)
        frame.unpersist()


def read_model(run: Run, *tables: Table) -> list[DataFrame]:
    """The run date's model, if its tables are of one training and hold what was trained.

    Raises:
        InputMissingError: naming the job that trains it.
        ModelError: the tables are of different trainings, or a table's rows are not those that were written.
    """
    frames = [run.read(table) for table in tables]
    stamps = [_stamp(run, table) for table in tables]
    partition = run_partition(run.run_date)
    job = PRODUCERS.get(tables[0].name, "JOB")
    models = {table.name: str(stamp.get(_MODEL, "none")) for table, (stamp, _) in zip(tables, stamps, strict=True)}
    if len(set(models.values())) > 1 or "none" in models.values():
        raise ModelError.of_several_trainings(partition, models, job)
    for frame, table, (stamp, changed) in zip(frames, tables, stamps, strict=True):
        if changed:
            log.info(
                "%s %s: rows were taken away since it was trained; its digest is not looked at", table.name, partition
            )
            continue
        found = row_digest(frame, table)
        if found != stamp[_DIGEST]:
            raise ModelError.not_what_was_trained(table.name, partition, str(stamp[_DIGEST]), found, job)
    return frames


def row_digest(frame: DataFrame, table: Table) -> str:
    """Rows and the sum of their 64-bit hashes, whatever their order; Spark's xxhash64 over every column of the contract."""
    hashes = F.xxhash64(*table.columns).cast("decimal(38,0)")
    row = frame.agg(F.count("*").alias("rows"), F.coalesce(F.sum(hashes), F.lit(0)).alias("total")).first()
    assert row is not None
    return f"{row['rows']}-{int(row['total']) % (1 << 64):016x}"


def _stamp(run: Run, table: Table) -> tuple[Mapping[str, Any], bool]:
    """What the commit of the run date's rows says of them, and whether rows were taken away since."""
    opened = deltalake.DeltaTable(run.warehouse.path(table), version=run.version(table))
    changed = False
    for entry in opened.history():
        stamp = json.loads(entry.get("userMetadata") or "{}")
        if stamp.get(PARTITION) == run_partition(run.run_date):
            return stamp, changed
        changed = changed or entry.get("operation") in _TAKING
    return {}, changed
