"""What a reader may meet in a table with broken files."""

from typing import Final

from deltalake.exceptions import DeltaError
from polars.exceptions import PanicException, PolarsError

# Polars panics over a truncated file, and a panic is no Exception: unnamed it would leave a job as an unforeseen crash.
UNREADABLE: Final = (DeltaError, PolarsError, PanicException, OSError)
