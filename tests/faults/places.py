"""Where publishers, readers and the account of a soak find the tables: below their home, unless the environment names a URL."""

import os
from pathlib import Path
from typing import Final

WAREHOUSE: Final = "SHORTLIST_FAULTS_WAREHOUSE"


def warehouse(home: Path) -> str:
    """Folder or URL of the tables."""
    return os.environ.get(WAREHOUSE) or str(home / "warehouse")
