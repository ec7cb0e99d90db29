"""What Airflow's pages say of a task: derived from the registry of jobs and from the program's own docstring."""

import ast

from shortlist.config import job_program
from shortlist.pipeline import JOBS, left_behind
from shortlist_airflow.exits import MEANINGS, final_codes


def job_doc(job: str) -> str:
    """The page of a job's task: what it does, reads and writes, and what its failure means.

    Args:
        job: a job of the registry.
    """
    program = ast.parse(job_program(job).read_text(encoding="utf-8"))
    does = (ast.get_docstring(program) or "").partition("\n")[0]
    stated = JOBS[job]
    final = ", ".join(f"{code} ({MEANINGS[code]})" for code in final_codes())
    # The window that Airflow shows it in is small: what somebody needs whom a failure woke comes first.
    lines = {
        "when it fails": left_behind(job, "the day"),
        "is tried again": f"unless its exit code is {final}, or one that no job has",
        "look first at": "the line `FAILED` at the end of its log, then `infra/shortlist status`",
        "run by hand": f"`infra/submit jobs/{job}.py --run-date DAY`",
        "waits for": _names(stated.after),
        "reads": _names(stated.reads),
        "writes": _names(stated.writes),
    }
    table = [f"| {name} | {text} |" for name, text in lines.items() if text]
    return "\n".join([does, "", "| | |", "|---|---|", *table])


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
