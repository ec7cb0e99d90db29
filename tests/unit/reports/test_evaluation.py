"""Verdicts in reading order, and the reason when there is none."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from shortlist.reports.evaluation import Estimate, read_evaluation
from shortlist.store.pinned_tables import Lake
from tests.unit.reports.world import BEFORE, D, evaluations, write_settings


def test_read_evaluation__arranged(home: Path) -> None:
    settings = write_settings(home)
    evaluations(settings)
    evaluations(settings, day=date(2017, 12, 7))
    found = read_evaluation(Lake(settings.paths.warehouse), D, [7], [BEFORE])
    assert [verdict.segment for verdict in found.verdicts] == ["all", "new"]
    verdict = found.verdicts[0]
    assert (verdict.surface, verdict.candidates_date, verdict.horizon_days) == ("homefeed", BEFORE, 7)
    assert (verdict.subjects, verdict.without_list) == (40, 3)
    assert verdict.sources == ("blend", "als", "cooccurrence")  # the blend first, then the better before the worse
    assert verdict.metrics == ("recall", "recall_capped", "ndcg")
    assert (verdict.ks, verdict.shown_k, verdict.charted) == ((5, 10), 10, ("recall_capped", "ndcg"))
    assert verdict.estimates["als", "ndcg", 5] == Estimate(0.4, 0.4 - 0.05, 0.4 + 0.05)
    assert verdict.differences["als", "ndcg", 5] == Estimate(0.5 - 0.4, 0.5 - 0.4 - 0.15, 0.5 - 0.4 + 0.02)
    assert ("blend", "ndcg", 5) not in verdict.differences
    assert (verdict.judged, verdict.few) == (True, False)


@pytest.mark.parametrize(
    ("blend", "said", "alone"),
    [
        (0.7, "the published list is better", "No source alone was better for certain"),
        (0.4, "no difference that chance does not explain", "No source alone was better for certain"),
        (
            0.1,
            "the published list is worse",
            "Better than the published list, for certain: als (recall@5, recall@10, ",
        ),
    ],
)
def test_comparisons__say_what_a_difference_means(home: Path, blend: float, said: str, alone: str) -> None:
    settings = write_settings(home)
    evaluations(settings, blend=blend)
    verdict = read_evaluation(Lake(settings.paths.warehouse), D, [7], [BEFORE]).verdicts[0]
    meanings = {source: meaning for source, _, meaning in verdict.comparisons}
    assert set(meanings) == {"als", "cooccurrence"}
    assert meanings["als"] == said
    assert verdict.best_alone.startswith(alone)


def test_best_alone__nothing_is_said_of_too_few_subjects(home: Path) -> None:
    settings = write_settings(home)
    evaluations(settings, blend=0.1)
    verdict = read_evaluation(Lake(settings.paths.warehouse), D, [7], [BEFORE]).verdicts[0]
    without = {key: Estimate(each.value, None, None) for key, each in verdict.differences.items()}
    assert replace(verdict, differences=without).best_alone == ""


def test_read_evaluation__the_blend_comes_first_also_when_it_is_worse(home: Path) -> None:
    settings = write_settings(home)
    evaluations(settings, blend=0.1)
    verdict = read_evaluation(Lake(settings.paths.warehouse), D, [7], [BEFORE]).verdicts[0]
    assert verdict.sources == ("blend", "als", "cooccurrence")


def test_tables__never_mix_recall_with_capped_recall(home: Path) -> None:
    settings = write_settings(home)
    evaluations(settings)
    tables = read_evaluation(Lake(settings.paths.warehouse), D, [7], [BEFORE]).verdicts[0].tables
    assert tables == {
        "": (("recall_capped", 10), ("ndcg", 10)),
        "first 5": (("recall_capped", 5), ("ndcg", 5)),
        "recall, not capped": (("recall", 5), ("recall", 10)),
    }


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ([D], "The first day that can be evaluated is 2017-12-07."),
        ([date(2017, 11, 28), D], "The first day that can be evaluated is 2017-12-05."),
        ([BEFORE, D], "the candidates of 2017-11-23 can be judged today; next: run jobs/evaluate_candidates.py"),
        ([], "no candidates have been published in time"),
        ([date(2017, 11, 1)], "no candidates have been published in time"),
    ],
)
def test_read_evaluation__says_why_there_is_none(home: Path, published: list[date], said: str) -> None:
    found = read_evaluation(Lake(str(home / "warehouse")), D, [7], published)
    assert found.verdicts == ()
    assert said in found.missing
