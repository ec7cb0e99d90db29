"""The project as a wheel, in a folder by itself: no checkout, nothing else. Standard library only."""

import subprocess
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
# A program for Airflow's Python: what reading a folder of DAGs finds.
DAGS_OF_A_FOLDER = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("errors", bag.import_errors)
for name in sorted(bag.dags):
    print("dag", name, *sorted({getattr(task, "application", "-") for task in bag.dags[name].tasks} - {"-"}))
"""


def dags_found(said: str) -> tuple[str, dict[str, list[str]]]:
    """What `DAGS_OF_A_FOLDER` printed among other lines: the errors, and the programs of each DAG's jobs."""
    lines = [line.split() for line in said.splitlines() if line.startswith(("errors ", "dag "))]
    errors = " ".join(word for line in lines if line[0] == "errors" for word in line[1:])
    return errors, {line[1]: line[2:] for line in lines if line[0] == "dag"}


def install_wheel(folder: Path) -> Path:
    """Build the wheel and unpack it below `folder`, which is all that installing does with one of Python alone; gives where."""
    subprocess.run([str(CHECKOUT / "infra" / "package"), str(folder)], check=True, capture_output=True)
    (wheel,) = folder.glob("shortlist-*.whl")
    installed = folder / "installed"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)
    return installed
