"""How to read a published table, as text to copy: three tools, one version."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Snippet:
    """A few lines for one tool."""

    tool: str
    code: str


def reading_snippets(path: str, version: int | None, run_date: date) -> tuple[Snippet, ...]:
    """The same day of the same table with Polars, DuckDB and Spark.

    Args:
        path: Folder or URL of the table.
        version: Version that publications names; None reads the newest.
        run_date: The day.
    """
    day = run_date.isoformat()
    pinned = "" if version is None else f", version={version}"
    option = "" if version is None else f'.option("versionAsOf", {version})'
    quoted = path.replace("'", "''")
    return (
        Snippet(
            "Polars",
            f"import datetime, polars as pl\n"
            f"lists = pl.scan_delta({path!r}{pinned})\n"
            f"lists.filter(pl.col('run_date') == datetime.date.fromisoformat('{day}')).head().collect()",
        ),
        Snippet(
            "DuckDB (its delta_scan reads the newest version)",
            f"INSTALL delta; LOAD delta;\nFROM delta_scan('{quoted}') WHERE run_date = DATE '{day}' LIMIT 5;",
        ),
        Snippet(
            "Spark",
            f'lists = spark.read.format("delta"){option}.load({path!r})\n'
            f"lists.where(\"run_date = '{day}'\").show(5, truncate=False)",
        ),
    )
