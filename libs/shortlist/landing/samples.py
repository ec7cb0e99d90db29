"""A sample of somebody's own log: opened by its name, with its columns as texts. Polars only, no JVM."""

import bz2
import csv
import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import polars as pl

from shortlist.errors import SettingsError

Format = Literal["csv", "json", "parquet"]
_FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_PACKED: Final = (".gz", ".bz2", ".zst", ".zstd")
# It is read whole into memory, a few times its size.
_LARGEST: Final = 2 << 30


@dataclass(frozen=True)
class Sample:
    """One file.

    Attributes:
        path: the file.
        format: as a feed names it.
        delimiter: of CSV; a comma for other formats.
        rows: the rows as they are: columns of texts for CSV, of the file's own types for Parquet, and for JSON lines one
            column with the line.
        texts: every field as text, by the name that a mapping uses: of nested objects `a.b`.
    """

    path: Path
    format: Format
    delimiter: str
    rows: pl.DataFrame
    texts: pl.DataFrame


def read_sample(path: Path, delimiter: str | None = None) -> Sample:
    """Read a file whole.

    Args:
        path: CSV with a header, JSON lines or Parquet, the first two packed or not.
        delimiter: of CSV; None: the one that the first line has most of.

    Raises:
        SettingsError: it cannot be read, with the next step.
    """
    names = [suffix.lower() for suffix in path.suffixes]
    suffix = next((name for name in reversed(names) if name not in _PACKED), "")
    if suffix not in _FORMATS:
        raise _refused(path, f"has no ending that says what it is; next: name it as one of {', '.join(_FORMATS)}")
    if not path.is_file():
        raise _refused(path, "is no file; next: name a file with rows of your log")
    if path.stat().st_size > _LARGEST:
        raise _refused(path, f"has more than {_LARGEST >> 30} GB; next: take some days of it as the sample")
    try:
        if _FORMATS[suffix] == "parquet":
            rows = pl.read_parquet(path)
            sample = Sample(path, "parquet", ",", rows, _as_texts(rows))
        elif _FORMATS[suffix] == "json":
            lines = [line for line in _unpacked(path).splitlines() if line.strip()]
            parsed = pl.read_ndjson(io.BytesIO(b"\n".join(lines)), infer_schema_length=None)
            rows = pl.DataFrame({"line": [line.decode("utf-8") for line in lines]})
            sample = Sample(path, "json", ",", rows, _as_texts(parsed))
        else:
            content = _unpacked(path).removeprefix(b"\xef\xbb\xbf")
            given = delimiter or _delimiter(content, suffix)
            rows = pl.read_csv(io.BytesIO(content), separator=given, infer_schema=False)
            sample = Sample(path, "csv", given, rows, rows.fill_null(""))
    except (OSError, UnicodeDecodeError, EOFError, pl.exceptions.PolarsError) as error:
        problem = " ".join(str(error).split())[:300]
        raise _refused(
            path, f"cannot be read as {_FORMATS[suffix]}: {problem}; next: mend it, or name it as what it is"
        ) from None
    if sample.rows.is_empty():
        raise _refused(path, "has no row; next: take a file with some")
    return sample


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".bz2":
        return bz2.decompress(data)
    if path.suffix in (".zst", ".zstd"):
        import pyarrow as pa

        return bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read())
    return data


def _delimiter(content: bytes, suffix: str) -> str:
    first = content[: 1 << 16].split(b"\n", 1)[0].decode("utf-8", errors="replace")
    if suffix == ".tsv":
        return "\t"
    counts = {each: len(next(csv.reader([first], delimiter=each))) for each in ",;\t|"}
    return max(counts, key=lambda each: counts[each])


def _as_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column as text; objects are taken apart, lists are left out: no mapping names what is in one."""
    while structs := [name for name, kind in frame.schema.items() if isinstance(kind, pl.Struct)]:
        parts = [
            pl.col(name).struct.field(field.name).alias(f"{name}.{field.name}")
            for name in structs
            for field in frame.schema[name].fields  # type: ignore[attr-defined]
        ]
        frame = frame.select(pl.exclude(structs), *parts)
    kept = [name for name, kind in frame.schema.items() if not kind.is_nested()]
    times = [name for name in kept if frame.schema[name].is_temporal() and isinstance(frame.schema[name], pl.Datetime)]
    iso = [pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.f") + _offset(frame.schema[name]) for name in times]
    return frame.with_columns(iso).select(pl.col(kept).cast(pl.String).fill_null(""))


def _offset(kind: pl.DataType) -> pl.Expr:
    zoned = isinstance(kind, pl.Datetime) and kind.time_zone
    return pl.lit("Z" if zoned else "")


def _refused(path: Path, problem: str) -> SettingsError:
    return SettingsError.bad_argument("SAMPLE", str(path), problem)
