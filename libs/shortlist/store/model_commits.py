"""What the job that trained a model wrote into its commits, and the digest of the rows that are there. No Spark."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from shortlist.columns import RUN_DATE
from shortlist.store.commits import commits_from, stamp_of
from shortlist.store.digests import NOTHING, Digest, digest_rows
from shortlist.store.fences import PARTITION, run_partition

MODEL, DIGEST, TRAINED_ON, SETTINGS = "model", "digest", "trained_on", "settings"
# Operations that take rows away or change them, as an erasure does: what is left cannot be held against the digest.
_TAKING: Final = frozenset({"DELETE", "MERGE", "UPDATE"})
# Rows that are digested at once.
_CHUNK: Final = 20_000


@dataclass(frozen=True)
class Stamp:
    """What the commit of a run date's rows says of them.

    Attributes:
        model: names the training, the same in all its tables; "none" where no commit says so.
        digest: of the rows, None where no commit says so.
        changed: whether rows were taken away since.
        whole: whether the log still holds the commits since the table was made; a stamp may be lost with those it does not.
        trained_on: the run date that trained the model, None where no commit says so.
        settings: fingerprint of the settings that it was trained with, None where no commit says so.
    """

    model: str
    digest: str | None
    changed: bool
    whole: bool
    trained_on: date | None = None
    settings: str | None = None


def read_stamp(path: str, version: int, run_date: date) -> Stamp:
    """The newest stamp of a run date's rows at a version of their table."""
    changed, oldest = False, None
    for oldest, info in commits_from(path, version):
        stamp = stamp_of(info)
        if stamp.get(PARTITION) == run_partition(run_date):
            model, digest, trained_on = (stamp.get(name) for name in (MODEL, DIGEST, TRAINED_ON))
            trained = None if trained_on is None else date.fromisoformat(trained_on)
            return Stamp(str(model or "none"), digest, changed, True, trained, stamp.get(SETTINGS))
        changed = changed or (info.get("operation") in _TAKING and _touched(path, oldest, run_date))
    return Stamp("none", None, changed, whole=oldest == 0)


def of_one_training(models: Collection[str]) -> bool:
    """Whether tables whose stamps name these trainings make one model."""
    return len(set(models)) == 1 and "none" not in models


def _touched(path: str, version: int, run_date: date) -> bool:
    """Whether a commit took files of a run date away; where that is unknown, it may have."""
    day = [(RUN_DATE, "=", run_date.isoformat())]
    try:
        before, after = (
            set(DeltaTable(path, version=each).file_uris(file_pruning_predicate=day)) for each in (version - 1, version)
        )
    except DeltaError:
        return True
    return before != after


def digest_text(digest: Digest) -> str:
    """A digest as stamps hold it: the rows, and the sum of their 64-bit hashes modulo 2^64."""
    return f"{digest.rows}-{digest}"


def stored_digest(path: str, version: int, run_date: date, columns: Sequence[str]) -> str:
    """The digest of a run date's rows at a version, over these columns; a part of them in memory at once.

    Raises:
        one of `UNREADABLE`: the version or one of its files is gone or broken.
    """
    whole = NOTHING
    scanned = pl.scan_delta(path, version=version).filter(pl.col(RUN_DATE) == run_date).select(columns)
    for part in scanned.collect_batches(chunk_size=_CHUNK, maintain_order=False):
        whole += digest_rows(part.to_arrow(), columns)
    return digest_text(whole)
