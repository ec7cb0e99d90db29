"""The registry of jobs: what each one reads and writes, which jobs it waits for, and what its failure leaves behind.

Everything else that names several jobs or asks who makes a table (error texts, the report, the command line, Airflow's
messages) is derived from `JOBS`; tests compare the DAGs and the folder `jobs/` with it. Imports nothing of the house, so
that Airflow's side and the command line can read it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NIGHTLY: Final = "candidates_daily"
# The job after which readers are served.
PUBLISHES: Final = "publish_candidates"
# Means the candidates table of every surface.
CANDIDATES: Final = "candidates"

_NOTHING_PUBLISHED: Final = "nothing was published for {day}; every surface keeps its last published day"
_ALREADY_PUBLISHED: Final = (
    "surfaces of {day} that publications lists as published are served; what {job} writes is missing"
)

# Tasks of the DAGs that are no jobs, and begin when a job has ended: what their failure leaves behind.
_OTHER_TASKS: Final = {
    "approve_erasure": "nobody was erased; the requests stay in the landing, and the next run asks for them again",
    "announce_publications": "what publications lists for {day} is served; readers that wait for an asset event are not told",
    "check_backtest": "no day was looked at",
}


@dataclass(frozen=True)
class Job:
    """One job, `jobs/<name>.py`.

    Attributes:
        reads: tables that it reads; `candidates` for those of every surface.
        writes: tables that it writes, in the order in which the report shows them.
        after: jobs of the same DAG that must have ended well before it begins.
        dag: the DAG that runs it; None where people run it.
        model: whether its tables are the model of one training, written and read with a digest.
        model_settings: sections of settings that change what models learn through this job.
        on_failure: what its failure leaves behind, for people on call; `{day}` and `{job}` are filled in.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    on_failure: str
    after: tuple[str, ...] = ()
    dag: str | None = NIGHTLY
    model: bool = False
    model_settings: tuple[str, ...] = ()


# In the order in which a night runs them.
JOBS: Final[dict[str, Job]] = {
    "extract_engagements": Job(
        reads=("engagements", "catalog", "erasures"),
        writes=("engagements", "quarantine", "catalog", "promotions", "audience_members"),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "build_interactions": Job(
        reads=("engagements",),
        writes=("interactions", "baskets"),
        after=("extract_engagements",),
        model_settings=("interactions", "baskets", "seed"),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "train_als": Job(
        reads=("interactions", "item_factors"),
        writes=("user_factors", "item_factors"),
        after=("build_interactions",),
        model=True,
        model_settings=("als",),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "train_cooccurrence": Job(
        reads=("baskets",),
        writes=("related_items",),
        after=("build_interactions",),
        model=True,
        model_settings=("cooccurrence",),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "learn_blend": Job(
        reads=("engagements", "catalog", "promotions", "audience_members", "blends"),
        writes=("blends",),
        after=("build_interactions",),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "generate_candidates": Job(
        reads=(
            "interactions",
            "engagements",
            "catalog",
            "promotions",
            "audience_members",
            "user_factors",
            "item_factors",
            "related_items",
            "blends",
        ),
        writes=("source_candidates", "unchecked_candidates", "short_lists", "audiences"),
        after=("train_als", "train_cooccurrence", "learn_blend"),
        on_failure=_NOTHING_PUBLISHED,
    ),
    "publish_candidates": Job(
        reads=(
            "unchecked_candidates",
            "short_lists",
            "source_candidates",
            "interactions",
            "catalog",
            "promotions",
            "audience_members",
            "publications",
            CANDIDATES,
        ),
        writes=(CANDIDATES, "publications"),
        after=("generate_candidates",),
        on_failure="a held surface keeps its last published day; publications says which and why for {day}",
    ),
    "evaluate_candidates": Job(
        reads=(CANDIDATES, "publications", "source_candidates", "engagements", "catalog"),
        writes=("evaluations",),
        # It judges earlier days: a surface that is held tonight keeps nobody's earlier lists from being judged.
        after=("generate_candidates",),
        on_failure=_ALREADY_PUBLISHED,
    ),
    "write_report": Job(
        reads=("engagements", "quarantine", "catalog", "audiences", CANDIDATES, "publications", "evaluations"),
        writes=(),
        after=("publish_candidates", "evaluate_candidates"),
        on_failure=_ALREADY_PUBLISHED,
    ),
    "erase_subject": Job(
        reads=("erasures", "publications"),
        writes=("erasures", "publications"),
        dag="erasure",
        on_failure="there is no proof in erasures yet; running it again begins the erasure anew",
    ),
    "maintain_tables": Job(
        reads=("publications",),
        writes=(),
        dag="maintenance",
        on_failure="tables and publications are whole; some are not yet compacted or vacuumed",
    ),
    "backtest_settings": Job(
        reads=("engagements", "catalog", "promotions", "audience_members", "erasures", CANDIDATES, "publications"),
        writes=("backtests",),
        dag="backtest",
        on_failure="nothing that is served was touched; what {job} had found of {day} before, if anything, stands",
    ),
    "replay_quarantine": Job(
        reads=("quarantine", "engagements", "erasures"),
        writes=("engagements", "quarantine"),
        dag=None,
        on_failure="lines that were not replayed are still in quarantine; running it again changes nothing twice",
    ),
    "check_cluster": Job(
        reads=(),
        writes=(),
        dag=None,
        on_failure="no table was read or written; mend what it names before a night begins",
    ),
    "land_complete_journey": Job(
        reads=(), writes=(), dag=None, on_failure="folders without a marker are not whole; running it again mends them"
    ),
    "load_synthetic": Job(
        reads=(), writes=(), dag=None, on_failure="folders without a marker are not whole; running it again mends them"
    ),
}


def nightly_jobs() -> tuple[str, ...]:
    """Jobs of the nightly run that write tables, in its order: those that a report tells of."""
    return tuple(name for name, job in JOBS.items() if job.dag == NIGHTLY and job.writes)


def waits_for(name: str) -> frozenset[str]:
    """The jobs that must have ended well before a job begins, directly or through others."""
    return frozenset(JOBS[name].after).union(*map(waits_for, JOBS[name].after))


def producer(table: str) -> str:
    """The job that writes a table, the nightly one where several do.

    Args:
        table: its name; `candidates` and `candidates_<surface>` have one producer.

    Raises:
        KeyError: no job writes it.
    """
    name = CANDIDATES if table.startswith(f"{CANDIDATES}_") else table
    for job, stated in JOBS.items():
        if name in stated.writes:
            return job
    raise KeyError(f"no job of shortlist.pipeline writes {table!r}; next: name it in JOBS where it is written")


def model_tables() -> dict[str, tuple[str, ...]]:
    """The tables of each model, by the job that trains it."""
    return {name: job.writes for name, job in JOBS.items() if job.model}


def model_settings() -> tuple[str, ...]:
    """Sections of settings that change a model: the same data and the same of these give the same model."""
    return tuple(sorted({section for job in JOBS.values() for section in job.model_settings}))


def stages(jobs: Iterable[str]) -> list[list[str]]:
    """Some jobs in their order; those that wait for the same jobs run side by side and share a stage."""
    found: list[list[str]] = []
    for name in jobs:
        if found and JOBS[name].after == JOBS[found[-1][0]].after:
            found[-1].append(name)
        else:
            found.append([name])
    return found


def left_behind(task: str, day: str) -> str:
    """What the failure of a task of a DAG leaves behind; before the first job nothing had begun."""
    job = JOBS.get(task)
    said = _OTHER_TASKS.get(task, _NOTHING_PUBLISHED) if job is None else job.on_failure
    return said.format(day=day, job=task)
