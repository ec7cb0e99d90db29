"""The page: well formed, self-contained, true in each state, and not to be broken by what people wrote."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from shortlist.config import Settings
from shortlist.metrics.definitions import DEFINITIONS
from shortlist.reports.facts import gather
from shortlist.reports.page import headline, render_page, stages, write_page
from shortlist.reports.rendering import percent
from shortlist.reports.surfaces import Named, _reason
from shortlist.subjects import SUBJECTS
from tests.unit.reports.world import (
    BEFORE,
    HOSTILE,
    D,
    append,
    candidates,
    manifest,
    publication,
    write_settings,
    write_world,
)

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page and keeps what tests ask for; an unclosed or wrongly closed element is an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(settings: Settings) -> Page:
    return Page(render_page(gather(settings, D)))


def test_page__tells_of_a_published_and_a_held_surface(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    short = {
        "homefeed": [{"why": "too few proposed", "subjects": 1, "rows": 1, "removed": {"hidden": 2, "seen": 1200}}]
    }
    rules = {
        "homefeed": {"items": 1500, "eligible": 900, "left_out": {"minimum_support": 500, "active": 200, "buyable": 0}},
        "related": {"items": 1500, "eligible": 1500, "left_out": {"active": 0}},
    }
    manifest(settings, "generate_candidates", item_rules=rules)
    manifest(settings, "publish_candidates", short_lists=short, seconds=52.0, inputs={"source_candidates": 9})
    text = page_of(settings).text
    for said in (
        "Candidates for 30 November 2017",
        "Held in part",
        "related did not go out: guardrail: overlap fell to 2 %. What was published before stays served. homefeed went",
        "homefeed went out: 2 lists, 3 candidates.",
        "Why: guardrail: overlap fell to 2 %",
        "Nothing has been published before either: readers have no lists yet.",
        "1 subject with 1 candidates together: too few proposed (rules took from them together: hidden 2, seen 1,200).",
        "Of 1,500 items 900 may be shown; rules leave out, some items more than once: minimum_support 500, active 200.",
        "Of 1,500 items 1,500 may be shown.",
        "Mean over 40 subjects with relevant items; 3 of them had no list and count as 0.",
        "Seen items are masked",
        "recall_capped@10 0.5000 0.4500 to 0.5500",
        DEFINITIONS["ndcg"],
        "29 Nov 2017 Bread",
        "Published list minus each source, recall_capped@10, same subjects",
        "als: +0.1000 (-0.0500 to +0.1200), no difference that chance does not explain",
        "related Not judged on this day: nothing of it had been published 7 days before. Lists of items are judged by",
        "als: goes with c",
        "50 % of a list was in the same subject\u2019s list of 23 November 2017",
        "event_type unknown 2",
        "source_candidates 9",
        "als.factors 32 64",
        f"run_date = DATE '{D}'",
    ):
        assert said in text, said
    assert "of December" not in text
    assert "Figs" not in text


def test_page__is_one_file(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    html = render_page(gather(settings, D))
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html.split("<body>")[0])
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert links
    assert {link[1:] for link in links if link and link.startswith("#")} <= set(ids)
    # The only others are the gates' pages, in a folder beside this file.
    assert {link for link in links if link and not link.startswith("#")} == {"checks/2017-11-30/index.html"}
    assert len(ids) == len(set(ids))
    assert "prefers-color-scheme: dark" in html


def test_page__what_people_wrote_cannot_break_it(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings, title=HOSTILE + "x" * 10_000)
    hostile_id = "</style><script>" + "y" * 10_000
    candidates(settings, "related", D, {hostile_id: "abc"})
    publication(settings, "related", D, 0, rows=3, subjects=1, status="published")
    publication(settings, "homefeed", D, None, 0, 0, status=HOSTILE, why=HOSTILE * 1000, minute=1)
    manifest(settings, "train_als", error=HOSTILE * 500, inputs={HOSTILE: 3})
    html = render_page(gather(settings, D))
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "xxxxxxxxxx…" in page.text
    assert max(len(word) for word in page.text.split()) < 450
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_page__nothing_ran(home: Path) -> None:
    text = page_of(write_settings(home)).text
    for said in (
        "Not published",
        "Nothing was decided for homefeed and related: the run has not come to publishing.",
        "No evaluation yet: candidates are judged 7 days later",
        "No lists to show",
        "No engagement has been extracted yet",
        "Unknown: nothing has been extracted yet.",
        "No check has been recorded for this day",
        "No job has left a manifest for this day.",
        "Nothing has been published yet, so there is nothing to read.",
    ):
        assert said in text, said


def test_page__tells_what_it_could_not_read(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    for part in (home / "warehouse" / "evaluations").rglob("*.parquet"):
        part.unlink()
    text = page_of(settings).text
    assert "This page is not complete." in text
    assert "table evaluations" in text
    assert "No evaluation: the table of evaluations cannot be read." in text
    assert "homefeed went out: 2 lists" in text


def test_headline__a_failed_job_is_named(home: Path) -> None:
    settings = write_settings(home)
    manifest(settings, "train_als", error="OSError: no space")
    said = headline(gather(settings, D))
    assert (said.state, said.verdict) == ("unknown", "Not published")
    assert said.sentence == "Nothing was decided for homefeed and related: train_als stopped: OSError: no space."


def test_page__a_day_that_extraction_held_says_why_and_not_that_all_was_used(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    for part in (home / "warehouse" / "quarantine").rglob("*.parquet"):
        part.unlink()
    shutil.rmtree(home / "warehouse" / "quarantine")
    manifest(settings, "extract_engagements", error="HeldError: 2017-11-30: 8 of 130 lines cannot be used")
    text = page_of(settings).text
    assert "every line delivered on this day was used" not in text
    assert "Unknown: extraction of this day stopped. Why: HeldError: 2017-11-30: 8 of 130 lines cannot be used" in text


def test_page__an_item_s_list_does_not_say_that_it_goes_with_the_item(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    candidates(settings, "related", D, {"c": "ab"})
    publication(settings, "related", D, 0, rows=2, subjects=1, minute=1)
    rows = gather(settings, D).surfaces[1].samples[0].candidates
    assert [candidate.reason for candidate in rows] == ["goes with a", "goes with b"]
    assert _reason(SUBJECTS["item"], Named("c", "Corn"), "often in one basket with Corn") is None
    assert _reason(SUBJECTS["item"], Named("c", "c"), "often in one basket with item c") is None
    assert _reason(SUBJECTS["item"], Named("c", "c"), "bought by many lately") == "bought by many lately"
    assert _reason(SUBJECTS["user"], Named("c", "Corn"), "often in one basket with Corn") is not None


def test_page__the_fallback_is_called_so_and_few_subjects_have_no_interval(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    row = {
        "surface": "homefeed",
        "candidates_date": BEFORE,
        "horizon_days": 7,
        "source": "popularity",
        "segment": "all",
    }
    row |= {"metric": "ndcg", "k": 10, "value": 0.2, "ci_low": None, "ci_high": None, "subjects": 12, "without_list": 0}
    row |= {"blend_minus_source": 0.3, "blend_minus_source_low": None, "blend_minus_source_high": None, "run_date": D}
    shutil.rmtree(home / "warehouse" / "evaluations")
    floats = dict.fromkeys(("ci_low", "ci_high", "blend_minus_source_low", "blend_minus_source_high"), pl.Float64)
    append(settings, "evaluations", [row], {name: floats.get(name) for name in row})
    text = page_of(settings).text
    assert "popularity (fallback)" in text
    assert "Fewer than 30 subjects: there are no intervals, and figures may be chance." in text
    assert "popularity (fallback): +0.3000 (no interval), fewer than 30 subjects: this may be chance" in text


def test_headline__everything_went_out(home: Path) -> None:
    settings = write_settings(home)
    for surface in settings.surfaces:
        candidates(settings, surface, D, {"x": "ab"})
        publication(settings, surface, D, 0, rows=2, subjects=1)
    said = headline(gather(settings, D))
    assert (said.state, said.verdict) == ("good", "Published")
    assert said.sentence == "homefeed and related went out: 2 lists, 4 candidates."


def test_stages__jobs_side_by_side_share_a_stage(home: Path) -> None:
    jobs = [[job for job, _ in stage] for stage in stages(gather(write_settings(home), D).tables)]
    assert jobs == [
        ["extract_engagements"], ["build_interactions"], ["train_als", "train_cooccurrence", "learn_blend"],
        ["generate_candidates"], ["publish_candidates", "evaluate_candidates"],
    ]  # fmt: skip


def test_write_page__again_is_the_same_file(home: Path) -> None:
    settings = write_settings(home)
    write_world(settings)
    path = Path(write_page(gather(settings, D), settings.paths.reports))
    first = path.read_bytes()
    assert path == home / "reports" / "2017-11-30.html"
    assert Path(write_page(gather(settings, D), settings.paths.reports)).read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == ["2017-11-30.html"]
    assert Path(write_page(gather(settings, BEFORE), settings.paths.reports)).name == "2017-11-23.html"


@pytest.mark.parametrize(
    ("share", "written"), [(0, "0 %"), (0.0004, "0.0 %"), (0.043, "4.3 %"), (0.5, "50 %"), (1, "100 %")]
)
def test_percent(share: float, written: str) -> None:
    assert percent(share) == written
