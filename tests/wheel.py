"""The project as a wheel, in a folder by itself: no checkout, nothing else. Standard library only."""

import subprocess
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def install_wheel(folder: Path) -> Path:
    """Build the wheel and unpack it below `folder`, which is all that installing does with one of Python alone; gives where."""
    subprocess.run([str(CHECKOUT / "infra" / "package"), str(folder)], check=True, capture_output=True)
    (wheel,) = folder.glob("shortlist-*.whl")
    installed = folder / "installed"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)
    return installed
