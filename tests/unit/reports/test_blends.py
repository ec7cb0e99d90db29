"""What the report says of a learned blend."""

import json
from datetime import date
from pathlib import Path

from shortlist.reports.blends import read_blend
from shortlist.reports.facts import gather
from shortlist.reports.page import render_page
from shortlist.store.pinned_tables import Lake
from tests.unit.reports.world import BEFORE, LATER, SETTINGS, D, append, write_settings, write_world

LEARNING = SETTINGS.replace("k: 2}", "k: 2, learn: {}}")


def row(day: date, als: float) -> dict[str, object]:
    judged = {
        "kinds": {"single": {"mean": 0.03}, "z_sum": {"mean": 0.0456}},
        "sources": {"cooccurrence": 0.02, "als": 0.03},
    }
    return {
        "surface": "homefeed",
        "kind": "z_sum",
        "blend": "{}",
        "sources": ["als", "cooccurrence", "popularity"],
        "importance": json.dumps({"cooccurrence": 0.25, "als": als}),
        "judged": json.dumps(judged),
        "judged_subjects": 687,
        "cuts": json.dumps([str(BEFORE)]),
        "reason": "z_sum is the simplest kind within one standard error of the best, which is z_sum",
        "run_date": day,
    }


def test_read_blend__the_newest_up_to_the_day(home: Path) -> None:
    settings = write_settings(home, LEARNING)
    append(settings, "blends", [row(BEFORE, 0.5), row(LATER, 0.75)], {})
    found = read_blend(Lake(settings.paths.warehouse), D, "homefeed", settings.surfaces["homefeed"])
    assert found is not None
    assert (found.learned_on, found.parts) == (BEFORE, (("als", 0.5), ("cooccurrence", 0.25)))
    assert (found.blended, found.subjects, found.sources) == (0.0456, 687, (("als", 0.03), ("cooccurrence", 0.02)))


def test_read_blend__none_where_nothing_is_learned(home: Path) -> None:
    settings = write_settings(home, LEARNING)
    lake = Lake(settings.paths.warehouse)
    assert read_blend(lake, D, "homefeed", settings.surfaces["homefeed"]) is None
    append(settings, "blends", [row(LATER, 0.75)], {})
    lake = Lake(settings.paths.warehouse)
    assert read_blend(lake, D, "homefeed", settings.surfaces["homefeed"]) is None
    assert read_blend(lake, LATER, "related", settings.surfaces["related"]) is None


def test_the_page_says_what_each_source_counts(home: Path) -> None:
    settings = write_settings(home, LEARNING)
    write_world(settings)
    assert "No blend has been learned yet" in render_page(gather(settings, D))
    append(settings, "blends", [row(D, 1.0)], {})
    page = render_page(gather(settings, D))
    assert "als</" in page
    assert "1.00" in page
    assert "judged by 687 subjects on what followed" in page
    assert "the blend 0.0456" in page
