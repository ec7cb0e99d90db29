"""Where an item was lost, why a list is short: every answer, by hand."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from shortlist.cli.eligibility import Knowledge
from shortlist.config import SurfaceConfig
from shortlist.rules import LIST_RULES
from tests.published import decide, publish, write
from tests.unit.cli.conftest import D2, D3, Shortlist
from tests.unit.cli.night import write_night


@pytest.fixture
def night(warehouse: Path) -> Path:
    write_night(warehouse)
    return warehouse


@pytest.mark.parametrize(
    ("subject", "item", "verdict", "said"),
    [
        ("u1", "c", "published", "published at rank 1 of 1, score 1; source als; proposed by als, cooccurrence"),
        ("u1", "a", "seen", "had engaged with it before"),
        ("u1", "f", "not_eligible", "below the support floor: 1 users, min_item_support is 2"),
        (
            "u1",
            "nothing",
            "not_eligible",
            "below the support floor: 0 users, min_item_support is 2; the catalog does not",
        ),
        ("u1", "d", "not_eligible", "its catalog status is retired"),
        ("u1", "e", "not_eligible", "the catalog does not describe it"),
        ("u1", "g", "below_k", "proposed by als at rank 2, popularity at rank 2, but 1 others rank above it"),
        ("u1", "h", "fallback_not_needed", "only the fallback proposed it (popularity at rank 3)"),
        ("u2", "g", "not_proposed", "no source proposed it; 100 items each were asked of: als"),
        ("u9", "c", "not_a_subject", "user u9 has no history"),
    ],
)
def test_an_item(night: Path, shortlist: Shortlist, subject: str, item: str, verdict: str, said: str) -> None:
    answer = shortlist("why", "homefeed", subject, item, "--json")
    assert (answer.code, answer.facts["verdict"]) == (0, verdict)
    assert said in answer.facts["says"]
    assert answer.facts["next"]
    assert said.split(";")[0] in " ".join(shortlist("why", "homefeed", subject, item).out.split())


def test_a_hidden_item(night: Path, shortlist: Shortlist) -> None:
    """b has support only with a lower floor: floors come first, for they hold for everybody."""
    assert shortlist("why", "homefeed", "u1", "b", "--json").facts["verdict"] == "not_eligible"
    lower = '{"surfaces": {"homefeed": {"min_item_support": 1}}}'
    assert shortlist("why", "homefeed", "u1", "b", "--json", "--set", lower).facts["verdict"] == "hidden"


def test_an_item_that_cannot_be_bought(night: Path, shortlist: Shortlist) -> None:
    buyable = '{"surfaces": {"homefeed": {"buyable_items_only": true}}}'
    facts = shortlist("why", "homefeed", "u3", "c", "--json", "--set", buyable).facts
    assert (facts["verdict"], facts["says"]) == (
        "not_eligible",
        "not eligible: it cannot be bought, buyable_items_only is on",
    )


@pytest.mark.parametrize(
    ("subject", "item", "pause", "verdict"),
    [
        # At the end of D3 1.5 days have gone by; the one repeated category comes round every 10 days.
        ("u3", "g", {"share": 0.15, "min_repeats": 2}, "not_proposed"),
        ("u3", "g", {"share": 0.2, "min_repeats": 2}, "paused"),
        ("u3", "g", {"share": 0.15, "min_repeats": 3}, "paused"),  # too few repeats: nobody knows when it returns
        ("u3", "h", {"share": 9, "min_repeats": 2}, "not_proposed"),  # never bought
        ("u2", "a", {"share": 0.01, "min_repeats": 2}, "paused"),  # bought once, in a category without repeats
    ],
)
def test_an_item_that_was_just_bought(
    night: Path, shortlist: Shortlist, subject: str, item: str, pause: dict[str, float], verdict: str
) -> None:
    again = json.dumps({"surfaces": {"homefeed": {"mask_seen": False, "pause": pause}}})
    facts = shortlist("why", "homefeed", subject, item, "--json", "--set", again).facts
    assert facts["verdict"] == verdict
    if verdict == "paused":
        assert facts["says"] == "the subject bought it, and it is not due again (pause)"


@pytest.mark.parametrize(
    ("rule", "setting", "said"),
    [
        ("only_relation", "k=2", "it is no such substitute or complement of the subject"),
        ("max_per_category", "max_per_category=1", "better items of its category fill the slots that"),
        ("max_per_creator", "max_per_creator=1", "better items of its creator"),
        ("one_per_content_key", "one_per_content_key=true", "a better item"),
        (
            "kept_slots",
            "fresh={slots: 1, max_age_days: 2}",
            "slots are kept for some items (fresh.slots, first_time.slots, relations)",
        ),
        (
            "fresh_slots",
            "fresh={slots: 1, max_age_days: 2}",
            "slots are kept for some items (fresh.slots, first_time.slots, relations)",
        ),  # as it was
    ],
)
def test_an_item_that_a_rule_of_the_list_left_out(
    warehouse: Path, shortlist: Shortlist, rule: str, setting: str, said: str
) -> None:
    write_night(warehouse, {("u1", "g"): rule})
    rule = "kept_slots" if rule == "fresh_slots" else rule
    asked = ("--json", "--set", f"surfaces.homefeed.{setting}")
    facts = shortlist("why", "homefeed", "u1", "g", *asked).facts
    assert facts["verdict"] == rule
    assert said in facts["says"]
    assert shortlist("why", "homefeed", "u1", "h", *asked).facts["verdict"] == "fallback_not_needed"


@pytest.mark.parametrize(
    ("subject", "verdict", "said"),
    [
        ("u1", "held_back", "user u1 is lapsing and held back: users without a list show what lists achieve"),
        ("u2", "over_budget", "user u2 is lapsing, but 5 others are likelier to return"),
        (
            "u3",
            "not_lapsing",
            "user u3 is not lapsing: that takes 4 active days, and at least 2 and at most 12 of their",
        ),
        ("u4", "no_list", "0 of 2"),
        ("u9", "no_history", "user u9 has no history"),
    ],
)
def test_a_surface_for_lapsing_users(night: Path, shortlist: Shortlist, subject: str, verdict: str, said: str) -> None:
    decisions = {"u1": "held_back", "u2": "over_budget", "u4": "listed"}
    rows = [
        {"surface": "homefeed", "user_id": user, "lateness": 2.5, "decision": decision, "run_date": D3}
        for user, decision in decisions.items()
    ]
    write(night, "audiences", "audiences", rows)
    lapsing = ("--json", "--set", "surfaces.homefeed.lapsing={budget: 5}")
    facts = shortlist("why", "homefeed", subject, *lapsing).facts
    assert facts["verdict"] == verdict
    assert said in facts["says"]
    if verdict in ("held_back", "over_budget", "not_lapsing"):
        asked = shortlist("why", "homefeed", subject, "g", *lapsing).facts
        assert (asked["verdict"], asked["says"]) == ("not_a_subject", f"no item can be given: {facts['says']}")


def land_exposures(root: Path) -> None:
    """u1 was shown g twice and h three times up to D3, and g once more by an event that came later; u2 was mailed h."""
    shown = [("g", 28, 28), ("g", 30, 30), ("g", 29, 31), ("h", 27, 27), ("h", 28, 28), ("h", 30, 30)]
    rows = [
        ("u1", item, "impression", "feed", datetime(2017, 11, day, 9, tzinfo=UTC), known) for item, day, known in shown
    ]
    rows.append(("u2", "h", "send", "mail", datetime(2017, 11, 20, tzinfo=UTC), 20))
    events = [
        {
            "event_id": f"{kind}-{number}",
            "event_type": kind,
            "event_ts": at,
            "event_date": at.date(),
            "ingest_date": D3.replace(day=known) if known < 31 else D3.replace(month=12, day=1),
            "user_id": user,
            "item_id": item,
            "surface": surface,
        }
        for number, (user, item, kind, surface, at, known) in enumerate(rows)
    ]
    write(root, "engagements", "engagements", events)


@pytest.mark.parametrize(
    ("subject", "item", "rules", "verdict"),
    [
        ("u1", "h", {"fatigue": {"shown": 3, "days": 4}}, "served"),
        ("u1", "h", {"fatigue": {"shown": 3, "days": 3}}, "fallback_not_needed"),  # one of them is too long ago
        ("u1", "h", {"fatigue": {"shown": 3, "days": 4, "surfaces": ["shop"]}}, "fallback_not_needed"),
        ("u1", "g", {"fatigue": {"shown": 2, "days": 4}}, "served"),
        ("u1", "g", {"fatigue": {"shown": 3, "days": 4}}, "below_k"),  # the third came when D3 was over
        ("u2", "g", {"sent": {"surface": "mail", "item_days": 11, "user_days": 10}}, "not_proposed"),
        ("u4", "h", {"sent": {"surface": "mail", "item_days": 11, "user_days": 10}}, "seen"),
        ("u2", "g", {"sent": {"surface": "mail", "item_days": 11, "user_days": 11}}, "not_a_subject"),
        ("u2", None, {"sent": {"surface": "mail", "item_days": 11, "user_days": 11}}, "sent_lately"),
        ("u1", None, {"blocked_audience": "club"}, "blocked"),
        ("u2", None, {"blocked_audience": "club"}, "short_too_few_proposed"),
        ("u1", None, {"active_within_days": 1}, "inactive"),  # the last that they did was the day before
        ("u1", None, {"active_within_days": 1, "blocked_audience": "club"}, "blocked"),
        ("u2", None, {"active_within_days": 2}, "short_too_few_proposed"),
    ],
)
def test_what_was_shown_or_sent_and_who_is_blocked(
    night: Path, shortlist: Shortlist, subject: str, item: str | None, rules: dict[str, object], verdict: str
) -> None:
    land_exposures(night)
    write_promotions(night)
    settings = json.dumps({"surfaces": {"homefeed": rules}})
    asked = shortlist("why", "homefeed", subject, *([item] if item else []), "--json", "--set", settings)
    assert asked.facts["verdict"] == verdict


def write_promotions(root: Path) -> None:
    """Live when D3 ends, in two audiences: c and g of campaign x, h of y, a of x; b's is over."""
    begun, over, ends = (datetime(2017, *day, tzinfo=UTC) for day in ((11, 1), (12, 1), (12, 9)))
    rows = [("c", "x", "club", ends), ("g", "x", "club", ends), ("h", "y", "club", ends), ("a", "x", "staff", ends)]
    promotions = [
        {"promotion_id": f"p{item}", "item_id": item, "campaign": campaign, "audience": audience,
         "starts_at": begun, "ends_at": end, "snapshot_date": D3.replace(day=1)}
        for item, campaign, audience, end in [*rows, ("b", "x", "club", over)]
    ]  # fmt: skip
    members = [
        {"audience": audience, "user_id": user, "snapshot_date": D3.replace(day=1)}
        for audience, user in [("club", "u1"), ("staff", "u3")]
    ]
    write(root, "promotions", "promotions", promotions)
    write(root, "audience_members", "audience_members", members)


@pytest.mark.parametrize(
    ("subject", "item", "limits", "verdict", "said"),
    [
        ("u1", "c", {}, "published", "published at rank 1 of 1"),
        ("u1", "a", {}, "audience", "no live promotion of it is for this user"),
        ("u1", "b", {}, "not_eligible", "no promotion of it is live when the lists begin to be served"),
        ("u2", None, {}, "not_addressed", "no promotion that is live when 2017-11-30 ends is for user u2"),
        ("u2", "g", {}, "not_a_subject", "no item can be given: no promotion that is live"),
        ("u1", "g", {"max_per_campaign": 2}, "below_k", "proposed by als at rank 2"),
        ("u1", "g", {"max_per_campaign": 1}, "max_per_campaign", "better items of its campaign"),
        ("u1", "g", {"max_campaigns": 1}, "below_k", "proposed by als at rank 2"),
        ("u1", "h", {"max_campaigns": 1}, "max_campaigns", "other campaigns have better items"),
        # 2 lists of 2 places: a campaign that may have a tenth of them may have none.
        ("u1", "g", {"max_campaign_share": 0.1}, "campaign_share", "its campaign has all the slots, over all lists"),
        ("u1", "g", {"max_campaign_share": 0.5}, "below_k", "proposed by als at rank 2"),
        ("u1", None, {}, "short_too_few_proposed", "1 of 2: 3 eligible items are left"),
    ],
)
def test_a_surface_of_promotions(
    warehouse: Path,
    shortlist: Shortlist,
    subject: str,
    item: str | None,
    limits: dict[str, float],
    verdict: str,
    said: str,
) -> None:
    write_night(warehouse, {(subject, item): verdict} if item and verdict in LIST_RULES else {})
    write_promotions(warehouse)
    settings = json.dumps({"surfaces": {"homefeed": {"promotions": limits}}})
    answer = shortlist("why", "homefeed", subject, *([item] if item else []), "--json", "--set", settings)
    assert answer.facts["verdict"] == verdict
    assert said in answer.facts["says"]


def test_a_surface_of_promotions_of_which_nothing_is_known_says_so(night: Path, shortlist: Shortlist) -> None:
    asked = ("why", "homefeed", "u1", "--json", "--set", "surfaces.homefeed.promotions={}")
    facts = shortlist(*asked).facts
    assert facts["verdict"] == "not_addressed"
    assert "no promotions are known: the surface has no lists" in facts["notes"]
    write_promotions(night)
    shutil.rmtree(night / "audience_members")
    assert any("no members of audiences are known" in note for note in shortlist(*asked).facts["notes"])


def test_a_list_that_rules_left_short(night: Path, shortlist: Shortlist) -> None:
    removed = '{"seen": 1, "max_per_category": 2}'
    row = {
        "surface": "homefeed",
        "subject_id": "u1",
        "length": 1,
        "eligible_left": 3,
        "removed": removed,
        "run_date": D3,
    }
    write(night, "short_lists", "short_lists", [row])
    facts = shortlist("why", "homefeed", "u1", "--json", "--set", "surfaces.homefeed.k=3").facts
    assert (facts["verdict"], facts["says"]) == (
        "short_by_rules",
        "1 of 3: all sources together proposed 3, of which rules of the list took: max_per_category 2",
    )


def test_interactions_from_before_purchases_were_counted_pause_nothing() -> None:
    known = Knowledge(
        pl.LazyFrame({"user_id": ["u"], "item_id": ["a"], "weight": [1.0], "events": [1], "hidden": [False]}),
        None,
        SurfaceConfig.model_validate({"subject": "user", "sources": ["als"], "mask_seen": False, "pause": {}}),
        D3,
    )
    assert known.mask("u", "a") is None


def test_what_each_source_says_of_the_item_is_listed(night: Path, shortlist: Shortlist) -> None:
    assert shortlist("why", "homefeed", "u1", "g", "--json").facts["sources"] == [
        {"source": "als", "rank": 2, "score": 0.5, "contribution": 0.5, "says": "proposed it at rank 2 of 2"},
        {"source": "cooccurrence", "rank": None, "score": None, "contribution": 0.0,
         "says": "has nothing to propose it by: no list of related items of what votes for the subject holds it"},
        {"source": "popularity", "rank": 2, "score": 0.5, "contribution": 0.5, "says": "proposed it at rank 2 of 3"},
    ]  # fmt: skip
    assert shortlist("why", "homefeed", "u1", "--json").facts["sources"] == [
        {"source": "als", "items": 2},
        {"source": "cooccurrence", "items": 1},
        {"source": "popularity", "items": 3},
    ]


@pytest.mark.parametrize(
    ("subject", "k", "verdict", "said"),
    [
        ("u1", 1, "full", "the list is full: 1 of 1"),
        # c, g and h may be given to u1; a it has, and all else is no candidate.
        ("u1", 2, "short_too_few_proposed", "1 of 2: 3 eligible items are left, but all sources together proposed 3"),
        ("u1", 4, "short_nothing_left", "1 of 4: only 3 eligible items are left that the subject has not seen"),
        ("u3", 1, "no_list", "0 of 1: 1 eligible items are left, but all sources together proposed 0"),
        ("u9", 2, "no_history", "user u9 has no history"),
    ],
)
def test_a_list(night: Path, shortlist: Shortlist, subject: str, k: int, verdict: str, said: str) -> None:
    facts = shortlist("why", "homefeed", subject, "--json", "--set", f"surfaces.homefeed.k={k}").facts
    assert (facts["verdict"], facts["k"]) == (verdict, k)
    assert said in facts["says"]
    assert "settings have changed" in facts["notes"][0]


def test_item_surfaces(night: Path, shortlist: Shortlist) -> None:
    publish(night, "related", D3, {"a": "cg"})
    asked = {
        ("a", "a"): "itself",
        ("a", "c"): "published",
        ("c", "g"): "not_proposed",
        ("f", "a"): "not_a_subject",
        ("f",): "below_floor",
        ("a",): "full",
    }
    found = {args: shortlist("why", "related", *args, "--json").facts["verdict"] for args in asked}
    assert found == asked


def test_the_answer_is_of_the_versions_that_the_publisher_read(night: Path, shortlist: Shortlist) -> None:
    """Interactions of the day are built again later: the list of then is explained by what was known then."""
    before = shortlist("why", "homefeed", "u1", "a", "--json").facts
    row = {"user_id": "u1", "item_id": "z", "weight": 1.0, "events": 1, "hidden": False, "run_date": D3}
    write(night, "interactions", "interactions", [{**row, "last_ts": datetime(2017, 11, 29, tzinfo=UTC)}])
    after = shortlist("why", "homefeed", "u1", "a", "--json").facts
    assert before["verdict"] == after["verdict"] == "seen"


def test_days_that_are_not_kept(night: Path, shortlist: Shortlist) -> None:
    publish(night, "homefeed", D2, {"u1": "c"})
    facts = shortlist("why", "homefeed", "u1", "g", "--json", "--day", "2017-11-23").facts
    assert (facts["verdict"], facts["sources"]) == ("unknown", [])
    assert "interactions have no rows for that day" in facts["says"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--day", "2017-11-30"], "homefeed: nothing is published for 2017-11-30; it was held: a rule"),
        (["--day", "2017-11-16"], "nothing is published for 2017-11-16; next: choose one of 2017-11-23"),
    ],
)
def test_days_that_are_not_published(warehouse: Path, shortlist: Shortlist, argv: list[str], said: str) -> None:
    publish(warehouse, "homefeed", D2, {"u1": "c"})
    decide(warehouse, "homefeed", D3, "held", why="a rule")
    for command in ("why", "show"):
        answer = shortlist(command, "homefeed", "u1", *argv)
        assert answer.code == 2
        assert said in answer.err
