"""replay_quarantine: what a mended mapping can read goes to engagements as if it had been usable at once."""

import json
from typing import Any

import polars as pl

from tests import tiny
from tests.jobs.conftest import Deployment

FIRST, SECOND = tiny.days()[:2]
LENIENT = "extraction.max_rejected_share=0.9"
SAVES = {
    "format": "csv",
    "fields": {name: name for name in ("event_id", "event_type", "event_ts", "user_id", "item_id")},
    "event_types": {"pin": "save"},
}


def feeds(**event_types: str) -> str:
    mended = {**SAVES, "event_types": {**SAVES["event_types"], **event_types}}  # type: ignore[dict-item]
    return json.dumps({"extraction": {"feeds": {"engagements": {}, "saves": mended}, "event_ids": "shared"}})


def versions(deployment: Deployment) -> list[int]:
    logs = [deployment.home / "warehouse" / name / "_delta_log" for name in ("engagements", "quarantine")]
    return [len(list(log.glob("*.json"))) for log in logs]


def land_saves(deployment: Deployment, *rows: bytes) -> None:
    place = deployment.landing / "saves" / FIRST.isoformat()
    place.mkdir(parents=True)
    (place / "part-0.csv").write_bytes(b"\n".join([b"event_id,event_type,event_ts,user_id,item_id", *rows, b""]))
    (place / "_SUCCESS").touch()


def facts(deployment: Deployment) -> dict[str, Any]:
    path = deployment.home / "manifests" / f"run_date={FIRST}" / "replay_quarantine.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_mended_rows_go_to_engagements_and_a_second_replay_changes_nothing(deployment: Deployment) -> None:
    tiny.write_folder(deployment.landing, FIRST, [*tiny.events_of(FIRST), "{broken"])
    at = FIRST.isoformat().encode()
    land_saves(
        deployment,
        b"s1,pin," + at + b",u01,a01",
        b"s2,repin," + at + b',u01,"a0\n2"',
        b"s3,repin," + at + b",u01,a03",
        b"s4,repin," + at + b",,a04",
        b"s5,repin," + at + b",u\xff,a05",
        b"s1,repin," + at + b",u01,a01",
    )
    deployment.run("extract_engagements", FIRST, feeds(), LENIENT)
    before = deployment.table("engagements")
    kept = deployment.table("quarantine")
    assert (len(before), len(kept)) == (49, 6)
    broken = kept.filter(pl.col("raw") == "{broken")

    deployment.run("replay_quarantine", FIRST, feeds(repin="save"))
    assert facts(deployment)["lines"] == {"landed": 6, "accepted": 1, "quarantined": 4, "duplicates": 1, "erased": 0}
    fresh = deployment.table("engagements").join(before, on="event_id", how="anti")
    assert fresh.select("event_id", "event_type", "item_id", "ingest_date").rows() == [("s3", "save", "a03", FIRST)]
    still = deployment.table("quarantine").sort("file", "offset")
    assert still.filter(pl.col("raw") == "{broken").equals(broken)
    assert still.filter(pl.col("file").str.starts_with("saves")).select("offset", "reasons", "raw_bytes").rows() == [
        (1, ["item_id has control characters"], None),
        (3, ["user_id is missing"], None),
        (4, ["invalid UTF-8"], b"s5,repin," + at + b",u\xff,a05"),
    ]
    done = versions(deployment)
    deployment.run("replay_quarantine", FIRST, feeds(repin="save"))
    assert versions(deployment) == done

    # The same as if the mapping had been right from the beginning.
    replayed = deployment.table("engagements").sort("event_id")
    deployment.run("extract_engagements", FIRST, feeds(repin="save"), LENIENT)
    assert deployment.table("engagements").sort("event_id").equals(replayed)
    assert deployment.table("quarantine").sort("file", "offset").equals(still)


def test_reasons_are_those_of_todays_settings_and_strangers_stay(deployment: Deployment) -> None:
    tiny.write_folder(deployment.landing, FIRST, [*tiny.events_of(FIRST), "{broken"])
    at = FIRST.isoformat().encode()
    land_saves(deployment, b"s0,pin," + at + b",u,a01", b"s1,repin," + at + b",user,a01")
    deployment.run("extract_engagements", FIRST, feeds(), LENIENT)
    deployment.run("replay_quarantine", FIRST, feeds(repin="save"), "extraction.max_id_length=3")
    found = dict(deployment.table("quarantine").select("raw", "reasons").rows())
    assert found.pop("{broken") == ["no valid JSON object"]
    assert list(found.values()) == [["user_id is too long"]]
    # Without the feed nobody knows what its rows mean.
    deployment.run("replay_quarantine", FIRST)
    assert len(deployment.table("quarantine")) == 2
    assert facts(deployment)["lines"]["quarantined"] == 2


def test_a_day_without_quarantine_is_no_error(deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, [FIRST])
    deployment.run("replay_quarantine", FIRST)
    deployment.run("extract_engagements", FIRST)
    deployment.run("replay_quarantine", FIRST)
    assert facts(deployment)["lines"]["landed"] == 0
    assert len(deployment.table("engagements")) == 48
