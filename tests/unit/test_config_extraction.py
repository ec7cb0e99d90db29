"""A feed's mapping is refused by name before Spark starts."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from shortlist.columns import EVENT_DATE, INGEST_DATE
from shortlist.config import EngagementColumn, ExtractionConfig, FeedConfig, ReasonKind, load_settings
from shortlist.errors import SettingsError
from shortlist.tables import ENGAGEMENTS
from shortlist.transforms.engagements import REASON_KINDS

MINIMAL = "surfaces: {homefeed: {subject: user, sources: [als]}}\n"
FIELDS = {"event_id": "id", "event_type": "what", "event_ts": "at", "user_id": "who.id", "item_id": "pin"}


def refused(tmp_path: Path, feed: Any, name: str = "saves") -> str:
    path = tmp_path / "settings.yaml"
    path.write_text(MINIMAL)
    with pytest.raises(SettingsError) as error:
        load_settings(path, [json.dumps({"extraction": {"feeds": {name: feed}}})])
    assert error.value.exit_code == 2
    return str(error.value)


@pytest.mark.parametrize(
    ("feed", "parts"),
    [
        ({"formt": "csv"}, ["extraction.feeds.saves.formt", "did you mean format?"]),
        ({"format": "xml"}, ["extraction.feeds.saves.format = 'xml'"]),
        ({"fields": {**FIELDS, "user": "x"}}, ["extraction.feeds.saves.fields.user", "'user_id'"]),
        ({"fields": {"user_id": "x"}}, ["the mapping gives no event_id, event_type, event_ts, item_id"]),
        ({"fields": FIELDS, "constants": {"user_id": "x"}}, ["user_id is both in fields and in constants"]),
        ({"fields": {**FIELDS, "surface": "who"}}, ["field 'who' is read as text, and 'who.id' as an object"]),
        ({"fields": {**FIELDS, "surface": "a..b"}}, ["field 'a..b' has an empty part"]),
        ({"constants": {"event_type": "stare"}}, ["constants.event_type 'stare' is none of impression"]),
        ({"constants": {"event_ts": "2017-11-30"}}, ["event_ts cannot be a constant"]),
        ({"constants": {"position": "first"}}, ["constants.position 'first' is no whole number"]),
        ({"constants": {"value": "cheap"}}, ["constants.value 'cheap' is no number"]),
        ({"event_types": {"looked": "look"}}, ["extraction.feeds.saves.event_types.looked = 'look'"]),
        ({"constants": {"event_type": "save"}, "event_types": {"a": "save"}}, ["nothing to translate"]),
        (
            {"constants": {"event_type": "save"}, "event_types_by_number": {4: "save"}},
            ["event_type is a constant"],
        ),
        ({"event_types": {"a": "save"}, "event_types_by_number": {4: "save"}}, ["next: keep one"]),
        ({"event_types_by_number": {"good": "save"}}, ["extraction.feeds.saves.event_types_by_number.good"]),
        ({"timestamp": {"zone": "Mars/Olympus"}}, ["timestamp.zone = 'Mars/Olympus'", "no such time zone"]),
        ({"timestamp": {"format": "yyyy-MM-dd EEE"}}, ["EEE cannot be read"]),
        ({"timestamp": {"format": "HH:mm"}}, ["a pattern needs year, month and day", "it has no y, M, d"]),
        ({"timestamp": {"format": "yyyy-MM-dd'T"}}, ["a quote in the pattern is not closed"]),
        (
            {"format": "csv", "fields": FIELDS, "csv": {"columns": ["id", "what", "at", "pin"]}},
            ["who.id is not among csv"],
        ),
        ({"format": "csv", "csv": {"columns": ["id", "id"]}}, ["must be names that differ"]),
        ({"format": "csv", "csv": {"delimiter": '"'}}, ["delimiter and quote are both"]),
        ({"format": "csv", "csv": {"escape": ","}}, ["escape ',' is the delimiter or the quote too"]),
        (
            {"fields": FIELDS, "event_id_from": ["order", "line"]},
            ["event_id is both in fields and made of event_id_from"],
        ),
        ({"day_folders": "%Y/%m"}, ["it names a day by %Y, %m and %d, each once"]),
        ({"day_folders": "../%Y-%m-%d"}, ["it is the name of a folder below the feed's"]),
        ({"day_zone": "Mars/Olympus"}, ["day_zone = 'Mars/Olympus'", "no such time zone"]),
    ],
)
def test_a_wrong_mapping_is_refused_by_name(tmp_path: Path, feed: dict[str, Any], parts: list[str]) -> None:
    message = refused(tmp_path, feed)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("word", ["4.0", "5", "no", "null", "2017-11-30"])
def test_a_word_that_yaml_reads_as_no_text_is_asked_for_in_quotes(tmp_path: Path, word: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(f"{MINIMAL}extraction: {{feeds: {{ratings: {{event_types: {{{word}: save}}}}}}}}\n")
    with pytest.raises(SettingsError) as error:
        load_settings(path)
    assert "extraction.feeds.ratings.event_types = " in str(error.value)
    assert "next: write it in quotes" in str(error.value)
    assert "event_types_by_number" in str(error.value)
    path.write_text(path.read_text().replace(f"{word}:", f'"{word}":'))
    assert load_settings(path).extraction.feeds["ratings"].event_types == {word: "save"}


@pytest.mark.parametrize("name", ["../saves", "Saves", "", "catalog"])
def test_a_feed_is_a_folder(tmp_path: Path, name: str) -> None:
    assert f"{name!r} cannot be a feed" in refused(tmp_path, {}, name)


def test_shares_by_reason_are_shares_of_known_kinds(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(MINIMAL)
    for given, text in (("future: 0", "'future_event'"), ("future_event: 2", "future_event: 2.0 is no share")):
        with pytest.raises(SettingsError) as error:
            load_settings(path, [f"extraction.max_share_by_reason={{{given}}}"])
        assert text in str(error.value)


def test_constants_stand_beside_the_contracts_own_names() -> None:
    feed = FeedConfig(constants={"event_type": "save"})
    assert "event_type" not in feed.mapped
    assert feed.mapped["user_id"] == "user_id"


def test_a_search_log_needs_no_item() -> None:
    fields = {name: field for name, field in FIELDS.items() if name not in ("item_id", "event_type")}
    feed = FeedConfig.model_validate({"fields": fields, "constants": {"event_type": "search"}})
    assert "item_id" not in feed.mapped


def test_dots_lead_into_objects_but_not_in_csv() -> None:
    assert FeedConfig().path("who.id") == ("who", "id")
    assert FeedConfig(format="csv").path("who.id") == ("who.id",)


def test_an_event_id_may_be_made_of_several_fields() -> None:
    fields = {name: field for name, field in FIELDS.items() if name != "event_id"}
    feed = FeedConfig.model_validate({"fields": fields, "event_id_from": ["order.id", "line"]})
    assert "event_id" not in feed.mapped
    assert [feed.paths[name] for name in ("event_id_part_0", "event_id_part_1")] == [("order", "id"), ("line",)]
    assert "event_id" not in FeedConfig(event_id_from=("order",)).mapped


def test_conflicting_duplicates_have_a_limit_of_their_own() -> None:
    assert ExtractionConfig().max_conflicting_share == 0.001
    assert ExtractionConfig(max_share_by_reason={"future_event": 0}).max_conflicting_share == 0.001
    assert ExtractionConfig(max_share_by_reason={"conflicting_duplicate": 0.5}).max_conflicting_share == 0.5


def test_settings_know_the_contracts_columns_and_every_kind_of_reason() -> None:
    assert list(get_args(EngagementColumn)) == [
        name for name in ENGAGEMENTS.columns if name not in (INGEST_DATE, EVENT_DATE)
    ]
    assert set(REASON_KINDS.values()) == set(get_args(ReasonKind))
