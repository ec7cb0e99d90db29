"""The digest of a frame, computed by Spark's workers; only one number per partition reaches the driver."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add

import pyarrow as pa
from pyspark.sql import DataFrame

from shortlist.store.digests import DIGESTED, NOTHING, Digest, digest_rows


def digest_frame(frame: DataFrame, columns: Sequence[str] = DIGESTED) -> Digest:
    """The same as `digest_rows` of the collected rows."""
    parts = frame.select(*columns).mapInArrow(_digesting(columns), "rows long, total string").collect()
    return reduce(add, (Digest(part["rows"], int(part["total"])) for part in parts), NOTHING)


def _digesting(columns: Sequence[str]) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def digest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        whole = reduce(add, (digest_rows(pa.Table.from_batches([batch]), columns) for batch in batches), NOTHING)
        yield pa.RecordBatch.from_pydict({"rows": [whole.rows], "total": [str(whole.total)]})

    return digest
