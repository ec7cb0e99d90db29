"""Reasons against a landed row that its reader gives: what cannot be taken apart into fields."""

from typing import Final

NO_JSON: Final = "no valid JSON object"
AFTER_OBJECT: Final = "text after the JSON object"
NO_CSV: Final = "no valid CSV row"
OPEN_QUOTE: Final = "a quote is not closed in its row"
NO_TEXT: Final = "a mapped value is bytes that are no UTF-8"
# All of them; a row has at most one.
FAULTS: Final = (NO_JSON, AFTER_OBJECT, NO_CSV, OPEN_QUOTE, NO_TEXT)
