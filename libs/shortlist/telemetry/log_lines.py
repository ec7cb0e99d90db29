"""Log lines of a job as JSON objects that say which run they are of."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shortlist.redaction import redact

# What a line may say of a table, given as `extra` where it is logged.
OF_A_TABLE: Final = ("table", "partition", "table_version", "attempt")


class JsonFormatter(logging.Formatter):
    """One JSON object a line, without secrets; a traceback is a field of it."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        """Of lines of one run.

        Args:
            run: what every line says of it; an `attempt` is that of the arguments, null where each table's is chosen.
        """
        super().__init__()
        self._run = dict(run)

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        stated = {name: getattr(record, name) for name in OF_A_TABLE if hasattr(record, name)}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            **self._run,
            **stated,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, default=str)
