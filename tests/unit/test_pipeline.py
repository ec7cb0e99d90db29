"""The registry of jobs: whole, in an order that can be run, and the only place that states what it states."""

from pathlib import Path

import pytest

from shortlist.contracts import contract_names
from shortlist.pipeline import (
    CANDIDATES,
    JOBS,
    NIGHTLY,
    PUBLISHES,
    left_behind,
    model_settings,
    model_tables,
    nightly_jobs,
    producer,
    stages,
    waits_for,
)

HOUSE = Path(__file__).parents[2]


def test_every_job_has_its_file_and_the_other_way_round() -> None:
    for folder in ("jobs", "libs/shortlist/jobs"):
        assert set(JOBS) == {path.stem for path in (HOUSE / folder).glob("[!_]*.py")}, folder


def test_every_table_is_written_by_a_job_and_every_name_has_a_contract() -> None:
    written = {table for job in JOBS.values() for table in job.writes}
    assert written == set(contract_names())
    assert {table for job in JOBS.values() for table in job.reads} <= written


def test_jobs_stand_after_what_they_wait_for_and_read_what_was_written() -> None:
    known: set[str] = set()
    written: set[str] = set()
    for name, job in JOBS.items():
        if job.dag != NIGHTLY:
            continue
        assert set(job.after) <= known, name
        # What comes from an earlier night is written by the job itself, or by one beside the nightly run.
        later = set(job.reads) - written - set(job.writes)
        assert {producer(table) for table in later} <= {"erase_subject"}, name
        known.add(name)
        written |= set(job.writes)


def test_a_job_beside_the_night_waits_for_nobody() -> None:
    assert [name for name, job in JOBS.items() if job.dag != NIGHTLY and job.after] == []


@pytest.mark.parametrize(
    ("table", "job"),
    [
        ("engagements", "extract_engagements"),  # replay_quarantine writes it too
        ("item_factors", "train_als"),
        ("candidates_homefeed", "publish_candidates"),
        ("candidates", "publish_candidates"),
        ("erasures", "erase_subject"),
    ],
)
def test_the_producer_of_a_table(table: str, job: str) -> None:
    assert producer(table) == job


def test_a_table_that_nobody_writes_has_no_producer() -> None:
    with pytest.raises(KeyError, match="'banners'; next: name it in JOBS"):
        producer("banners")


def test_models_and_what_changes_them() -> None:
    assert model_tables() == {"train_als": ("user_factors", "item_factors"), "train_cooccurrence": ("related_items",)}
    assert model_settings() == ("als", "baskets", "cooccurrence", "interactions", "seed")


def test_jobs_that_wait_for_the_same_share_a_stage() -> None:
    assert stages(nightly_jobs()) == [
        ["extract_engagements"],
        ["build_interactions"],
        ["train_als", "train_cooccurrence", "learn_blend"],
        ["generate_candidates"],
        ["publish_candidates", "evaluate_candidates"],
    ]


def test_every_failure_says_what_it_leaves_behind() -> None:
    for name in (*JOBS, "check_settings"):
        text = left_behind(name, "2017-11-30")
        assert text
        assert "{" not in text
    assert left_behind("check_settings", "2017-11-30").startswith("nothing was published for 2017-11-30")
    assert CANDIDATES in JOBS["publish_candidates"].writes


def test_what_publication_waits_for() -> None:
    assert waits_for("extract_engagements") == frozenset()
    assert waits_for(PUBLISHES) == {
        "extract_engagements",
        "build_interactions",
        "train_als",
        "train_cooccurrence",
        "learn_blend",
        "generate_candidates",
    }
