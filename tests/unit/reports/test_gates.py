"""The gates' pages: every gate that ran, every rule as it ended, nothing from elsewhere, nothing that breaks out."""

import re
from pathlib import Path
from typing import Any

import pytest

from shortlist.config import Settings
from shortlist.reports.facts import gather
from shortlist.reports.gates import gate_pages, write_gate_pages
from shortlist.reports.page import render_page
from shortlist.store.manifests import read_manifests
from tests.unit.reports.test_page import Page
from tests.unit.reports.world import HOSTILE, D, manifest, write_settings, write_world


def check(table: str, rule: str, **values: Any) -> dict[str, Any]:
    """A result as a manifest keeps it; satisfied unless told otherwise."""
    good: dict[str, Any] = {
        "table": table,
        "rule": rule,
        "description": f"{rule} is demanded.",
        "expectation": "expect_it",
    }
    good |= {"column": "user_id", "severity": "critical", "success": True, "raised": None, "observed": "0 of 9 rows"}
    good |= {"unexpected_count": 0, "unexpected_share": 0.0, "samples": [], "off": None, "partition": f"run_date={D}"}
    return good | values


def write_checks(settings: Settings) -> None:
    extracted = [
        check("engagements", "key_unique"),
        check("engagements", "value_not_negative", severity="warning", success=False, observed="2 of 9 rows",
              unexpected_count=2, samples=["-1.0", "-2.5"]),
        check("traffic", "checkout_volume_at_least", off="fewer than 100 events a day on store", unexpected_count=None),
    ]  # fmt: skip
    published = [
        check("candidates_homefeed", "rank_within_k"),
        check("candidates_related", "overlap_with_last_day", success=False, observed="2.0% over 7 subjects"),
        check("candidates_related", "reason_given", severity="warning", raised="no such column"),
    ]
    manifest(settings, "extract_engagements", checks=extracted)
    manifest(settings, "publish_candidates", checks=published)


@pytest.fixture
def settings(home: Path) -> Settings:
    settings = write_settings(home)
    write_world(settings)
    return settings


def written(settings: Settings) -> dict[str, Page]:
    index = Path(write_gate_pages(gather(settings, D), settings.paths.reports))
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in sorted(index.parent.iterdir())}


def test_gate_pages__every_gate_of_the_day_in_the_order_of_the_run(settings: Settings) -> None:
    write_checks(settings)
    records, _ = read_manifests(settings.paths.manifests, D)
    pages = {page.name: page for page in gate_pages(records, ["homefeed", "related"])}
    assert list(pages) == [
        *("engagements", "traffic", "catalog", "promotions", "audience_members"),
        *("candidates_homefeed", "candidates_related"),
    ]
    assert [(page.verdict, page.state) for page in pages.values()] == [
        ("Passed, with warnings", "unknown"),
        ("Passed", "good"),
        ("No results", "unknown"),
        ("No results", "unknown"),
        ("No results", "unknown"),
        ("Passed", "good"),
        ("Held", "bad"),
    ]
    assert pages["traffic"].effect == "Nothing was held; 1 of 1 rules had nothing to judge."
    assert pages["candidates_related"].effect == "It was not published, and what was published before stays served."
    assert pages["engagements"].counts == {
        "failed": 0,
        "warning": 1,
        "not evaluated": 0,
        "not applicable": 0,
        "satisfied": 1,
    }
    # What is off is not counted as satisfied, and what needs eyes comes first.
    assert pages["traffic"].counts["not applicable"] == 1
    assert pages["traffic"].counts["satisfied"] == 0
    assert [rule.rule for rule in pages["candidates_related"].checks] == ["overlap_with_last_day", "reason_given"]
    assert (pages["catalog"].file, pages["traffic"].job) == ("", "extract_engagements")


def test_write_gate_pages__each_rule_with_all_there_is_to_say(settings: Settings) -> None:
    write_checks(settings)
    pages = written(settings)
    assert list(pages) == [
        *("01-engagements.html", "02-traffic.html", "06-candidates_homefeed.html", "07-candidates_related.html"),
        "index.html",
    ]
    for said in (
        "engagements, 30 November 2017",
        "Checked by extract_engagements, run_date=2017-11-30.",
        "value not negative warning value_not_negative is demanded. severity warning found 2 of 9 rows",
        "break it 2 such as -1.0 -2.5 looks at user_id expect_it",
        "key unique satisfied",
    ):
        assert said in pages["01-engagements.html"].text, said
    off = pages["02-traffic.html"].text
    assert "checkout volume at least not applicable" in off
    assert "nothing to judge: fewer than 100 events a day on store" in off
    assert "satisfied" not in off
    held = pages["07-candidates_related.html"].text
    assert "Held It was not published" in held
    assert "it could not be evaluated: no such column" in held
    for said in ("catalog no results", "candidates_related held", "overlap with last day : 2.0% over 7 subjects"):
        assert said in pages["index.html"].text, said


def test_write_gate_pages__self_contained_and_linked(settings: Settings) -> None:
    write_checks(settings)
    index = Path(write_gate_pages(gather(settings, D), settings.paths.reports))
    assert index == Path(settings.paths.reports) / "checks" / "2017-11-30" / "index.html"
    report = Path(settings.paths.reports) / "2017-11-30.html"
    report.write_text(render_page(gather(settings, D)), encoding="utf-8")
    for path in [report, *index.parent.iterdir()]:
        html = path.read_text(encoding="utf-8")
        page = Page(html)
        assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base", "form"}
        assert not re.search(r"https?:|//[a-z]|@import|url\(", html.split("<body>")[0])
        links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
        assert links
        assert [link for link in links if link[:1] != "#" and not (path.parent / link).is_file()] == []
    linked = {attrs["href"] for tag, attrs in Page(report.read_text(encoding="utf-8")).tags if tag == "a"}
    assert {f"checks/{D}/{name}" for name in ("index.html", "01-engagements.html", "02-traffic.html")} <= linked


def test_write_gate_pages__again_leaves_nothing_of_before(settings: Settings) -> None:
    write_checks(settings)
    first = Path(write_gate_pages(gather(settings, D), settings.paths.reports))
    whole = {path.name: path.read_bytes() for path in first.parent.iterdir()}
    assert Path(write_gate_pages(gather(settings, D), settings.paths.reports)) == first
    assert {path.name: path.read_bytes() for path in first.parent.iterdir()} == whole
    manifest(settings, "publish_candidates", checks=[])
    write_gate_pages(gather(settings, D), settings.paths.reports)
    assert sorted(path.name for path in first.parent.iterdir()) == [
        "01-engagements.html", "02-traffic.html", "index.html"
    ]  # fmt: skip
    assert [path.name for path in first.parents[1].iterdir()] == ["2017-11-30"]


def test_write_gate_pages__what_people_wrote_cannot_break_them(settings: Settings) -> None:
    hostile = HOSTILE + "x" * 10_000
    result = check(
        f"../../{HOSTILE}", hostile, description=hostile, observed=hostile, samples=[hostile], column=hostile
    )
    manifest(settings, "extract_engagements", checks=[result, {**result, "raised": hostile}])
    pages = written(settings)
    assert list(pages) == ["08--script-alert-x-script-31m.html", "index.html"]
    for page in pages.values():
        assert "script" not in {tag for tag, _ in page.tags}
        assert "\u202e" not in page.text
        assert "\x1b" not in page.text
        assert max(len(word) for word in page.text.split()) < 450


def test_write_gate_pages__a_day_without_a_run(home: Path) -> None:
    pages = written(write_settings(home))
    assert list(pages) == ["index.html"]
    assert pages["index.html"].text.count("There was nothing new to check on this day") == 7
