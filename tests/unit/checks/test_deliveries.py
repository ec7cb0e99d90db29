"""A mapping is held against the fields that were landed, before a row is looked at."""

import pytest

from shortlist.checks.deliveries import judged_by, require_mapped_fields, unmapped_fields
from shortlist.config import ExtractionConfig, FeedConfig
from shortlist.errors import HeldError
from shortlist.transforms.engagements import REASON_KINDS

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
    message = refused(feed(fields={**FIELDS, "session_id": "session_id"}), COLUMNS)
    assert "no file has the field 'session_id' that extraction.feeds.saves.fields.session_id names" in message
    assert "there are 'sessionId'" in message
    assert "'who.idd'" in refused(feed(fields={**FIELDS, "user_id": "who.idd"}), COLUMNS)
    without = {name: field for name, field in FIELDS.items() if name != "event_id"}
    message = refused(feed(fields=without, event_id_from=("id", "line")), COLUMNS)
    assert "'line' that extraction.feeds.saves.event_id_from names" in message


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


def test_a_history_in_one_folder_is_led_to_the_setting_that_would_take_it() -> None:
    judged = judged_by("saves", ["event is too old for its delivery", "invalid UTF-8", "unknown event_type"])
    message = str(HeldError.too_many_rejected("l/x", 9, 10, 0.01, [], judged))
    assert "next: mend the producer or, where they are right, the settings that they were judged by:\n" in message
    assert (
        "\n  extraction.max_late_days: how much older than its folder an event may be; for a first load of" in message
    )
    assert "infra/shortlist new" in message
    assert "\n  extraction.feeds.saves.event_types or event_types_by_number: " in message
    assert message.endswith("\nthen run this day again")
    only_theirs = str(HeldError.too_many_rejected("l/x", 9, 10, 0.01, [], judged_by("saves", ["invalid UTF-8"])))
    assert only_theirs.endswith("next: mend the producer, then run this day again")


@pytest.mark.parametrize("reason", sorted(REASON_KINDS))
def test_the_settings_behind_a_reason_exist(reason: str) -> None:
    for setting in judged_by("saves", [reason]):
        names = setting.split(":")[0].replace(",", " ").replace(" and ", " ").replace(" or ", " ").split()
        for name in names:
            first = name.removeprefix("extraction.").removeprefix("feeds.saves.").split(".")[0]
            assert first in {**FeedConfig.model_fields, **ExtractionConfig.model_fields}
