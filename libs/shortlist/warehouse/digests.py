"""The digest of a frame, computed by Spark's workers; only one number per partition reaches the driver."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from shortlist.columns import RANK
from shortlist.store.digests import DIGESTED, NOTHING, Digest, digest_rows


def digest_frame(frame: DataFrame, columns: Sequence[str] = DIGESTED) -> Digest:
    """The same as `digest_rows` of the collected rows."""
    parts = frame.select(*columns).mapInArrow(_digesting(columns), "rows long, total string").collect()
    return reduce(add, (Digest(part["rows"], int(part["total"])) for part in parts), NOTHING)


def count_lists(candidates: DataFrame) -> tuple[Digest, int]:
    """The digest of candidates and how many lists begin in them, in one pass."""
    parts = candidates.select(*DIGESTED).mapInArrow(_counting, "rows long, total string, lists long").collect()
    whole = reduce(add, (Digest(part["rows"], int(part["total"])) for part in parts), NOTHING)
    return whole, sum(part["lists"] for part in parts)


def _counting(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    whole, lists = NOTHING, 0
    for batch in batches:
        whole += digest_rows(pa.Table.from_batches([batch]))
        lists += pc.sum(pc.equal(batch[RANK], 1)).as_py() or 0
    yield pa.RecordBatch.from_pydict({"rows": [whole.rows], "total": [str(whole.total)], "lists": [lists]})


def _digesting(columns: Sequence[str]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def digest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        whole = reduce(add, (digest_rows(pa.Table.from_batches([batch]), columns) for batch in batches), NOTHING)
        yield pa.RecordBatch.from_pydict({"rows": [whole.rows], "total": [str(whole.total)]})

    return digest
