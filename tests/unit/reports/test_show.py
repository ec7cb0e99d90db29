"""The terminal's text: lines that fit, words that cannot act, and exit codes."""

from dataclasses import replace
from pathlib import Path

import pytest

from shortlist.config import SurfaceConfig
from shortlist.reports.evaluation import Estimate, what_counts
from shortlist.reports.facts import gather
from shortlist.reports.page import write_page
from shortlist.reports.show import WIDTH, main, shown
from shortlist.reports.surfaces import Candidate, Named, Sample
from shortlist.reports.untrusted import width
from tests.unit.reports.world import HOSTILE, D, write_settings, write_world


def test_shown__lists_beside_history(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    lines = list(shown(gather(settings, D), settings.paths.reports))
    text = "\n".join(lines)
    start = next(n for n, line in enumerate(lines) if line.startswith("user u1: did last"))
    assert [line.split(maxsplit=1) for line in lines[start + 1 : start + 3]] == [
        ["2017-11-29", "Bread" + " " * 32 + "1 Corn"],
        ["2017-11-22", "Apples" + " " * 33 + "als: goes with c"],
    ]
    assert "held: guardrail: overlap fell to 2 %" in text
    assert "recall_capped@10      0.5000 (0.4500-0.5500)  0.4000 (0.3500-0.4500)" in text
    assert "40 subjects, 3 of them without a list (they count as 0)." in " ".join(lines)
    assert "not written yet: run jobs/write_report.py --run-date 2017-11-30" in text
    assert "delta_scan(" in text
    write_page(gather(settings, D), settings.paths.reports)
    assert str(home / "reports" / "2017-11-30.html") in "\n".join(shown(gather(settings, D), settings.paths.reports))


def test_shown__a_reason_that_goes_without_saying_is_left_out(home: Path) -> None:
    facts = gather(write_settings(home), D)
    goes_with_figs = (Candidate(1, Named("corn", "Corn"), "cooccurrence", None),)
    related = next(surface for surface in facts.surfaces if surface.name == "related")
    sample = Sample(subject=Named("figs", "Figs"), history=(), candidates=goes_with_figs)
    lines = list(shown(replace(facts, surfaces=(replace(related, samples=(sample,)),)), "reports"))
    start = lines.index("item Figs, figs")
    assert lines[start + 1].split() == ["1", "Corn", "cooccurrence"]


def test_shown__a_list_of_a_query_is_said_to_be_one(home: Path) -> None:
    facts = gather(write_settings(home), D)
    searched = SurfaceConfig(subject="query", sources=("words",), fallback=None, mask_seen=False, depth=50)
    oat = (Candidate(1, Named("oat", "Oat milk"), "words", "has the words of the query"),)
    related = next(surface for surface in facts.surfaces if surface.name == "related")
    sample = Sample(subject=Named("oat drink", "oat drink"), history=(), candidates=oat)
    made = replace(facts, surfaces=(replace(related, config=searched, samples=(sample,)),))
    lines = list(shown(made, "reports"))
    assert lines[lines.index("query oat drink") + 1].split()[:3] == ["1", "Oat", "milk"]


@pytest.mark.parametrize("segment", ["all", "new"])
def test_what_counts__of_queries_and_of_events_of_a_surface_s_own(segment: str) -> None:
    searched = SurfaceConfig(subject="query", sources=("words",), fallback=None, mask_seen=False)
    assert "clicked for" in what_counts(searched, segment)
    coupons = SurfaceConfig(subject="user", sources=("als",), truth_event_types=("outbound",))
    assert what_counts(coupons, segment).endswith("Relevant are events of type outbound only.")


def test_shown__means_of_many_sources_are_whole(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    facts = gather(settings, D)
    verdict = facts.evaluation.verdicts[0]
    sources = [verdict.sources[0], *(f"source_{number}" for number in range(7))]
    estimate = Estimate(0.0156, 0.0112, 0.0213)
    estimates = {(source, metric, k): estimate for source in sources for metric, k in verdict.tables[""]}
    many = replace(verdict, sources=tuple(sources), estimates=estimates)
    lines = list(shown(replace(facts, evaluation=replace(facts.evaluation, verdicts=(many,))), "reports"))
    heads = [line.split() for line in lines if "source_" in line]
    assert heads == [sources[:4], sources[4:]]
    assert all(any(line.startswith(f"{metric}@{k} ") for line in lines) for metric, k in verdict.tables[""])
    metrics = len(verdict.tables[""])
    assert sum(line.count("0.0156 (0.0112-0.0213)") for line in lines) == 8 * metrics


def test_shown__hostile_titles_neither_act_nor_push_columns(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings, title="奶酪" * 60 + HOSTILE)
    lines = list(shown(gather(settings, D), settings.paths.reports))
    assert not any(char in line for line in lines for char in "\x1b\u202e\n")
    wide = [
        line for line in lines if width(line) > WIDTH and "warehouse" not in line and "The whole report" not in line
    ]
    assert wide == []


def test_shown__nothing_ran(home: Path) -> None:
    settings = write_settings(home)
    text = "\n".join(shown(gather(settings, D), settings.paths.reports))
    assert "Nothing was decided for homefeed and related" in text
    assert "No evaluation yet" in text
    assert "Nothing has been published yet, so there is no table to read." in text


def test_main(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = write_settings(home)
    write_world(settings)
    assert main(["--run-date", str(D), "--config", str(home / "shortlist.yaml")]) == 0
    assert "2017-11-30: Held in part." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--run-date", "30.11.2017"], "--run-date '30.11.2017': is no day"),
        (["--run-date", "2017-11-30", "--set", "als.factorz=3"], "unknown setting 'als.factorz'"),
    ],
)
def test_main__wrong_use(home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str) -> None:
    write_settings(home)
    assert main([*argv, "--config", str(home / "shortlist.yaml")]) == 2
    assert said in capsys.readouterr().err
