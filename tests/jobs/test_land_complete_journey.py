"""land_complete_journey: the published data, counted; wrong use is refused before anything is written. No Spark."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from shortlist.errors import SettingsError
from shortlist.jobs.land_complete_journey import main


def test_the_job_lands_the_published_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "shortlist.yaml"
    config.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}\n")
    landing = tmp_path / "elsewhere"
    main(
        ["--config", str(config), "--set", f"paths.landing={landing}", "--since", "2017-01-01", "--until", "2017-01-02"]
    )
    printed = capsys.readouterr().out
    packed = [landing / "engagements" / day / "part-00000.json.gz" for day in ("2017-01-01", "2017-01-02")]
    events = [json.loads(line) for path in packed for line in gzip.decompress(path.read_bytes()).splitlines()]
    # Counted in the published file with pyarrow and pandas: 3,098 sales on 1 January (UTC), 4,077 on the 2nd.
    assert sum(event["event_type"] == "checkout" for event in events) == 3_098 + 4_077
    assert f"2 days landed, 0 were complete before; {len(events):,} events, 3 snapshots" in printed
    catalog = pl.read_parquet(landing / "catalog/2017-01-01/part-00000.parquet")
    assert catalog.height == catalog["item_id"].n_unique() == 92_331
    assert not catalog["title"].str.contains(r"(?i)\b(nan|null|none)\b").any()
    assert (catalog["title"].str.len_chars() >= 2).all()


def test_the_job_makes_up_searches_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "shortlist.yaml"
    config.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}\n")
    day = ["--since", "2017-01-01", "--until", "2017-01-01", "--searches", "0.05"]
    main(["--config", str(config), "--set", f"paths.landing={tmp_path}/elsewhere", *day])
    lines = gzip.decompress((tmp_path / "elsewhere/searches/2017-01-01/part-00000.json.gz").read_bytes()).splitlines()
    assert f"{len(lines):,} synthetic searches landed" in capsys.readouterr().out
    assert {json.loads(line)["request_id"] for line in lines} == {"synthetic"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--searches", "5"], "--searches 5.0: is no share"),
        (["--since", "yesterday"], "--since 'yesterday': is no day"),
        (["--until", "2019-01-01"], "--until '2019-01-01': is not in the data"),
        (["--set", "paths.landing=s3://bucket/landing"], "is no local folder"),
        (["--set", "als.factor=3"], "als.factor"),
    ],
)
def test_the_job_refuses_wrong_use(tmp_path: Path, arguments: list[str], words: str) -> None:
    config = tmp_path / "shortlist.yaml"
    config.write_text(
        f"surfaces: {{homefeed: {{subject: user, sources: [als]}}}}\npaths: {{landing: {tmp_path}/landing}}\n"
    )
    with pytest.raises(SettingsError) as refused:
        main(["--config", str(config), *arguments])
    assert words in str(refused.value)
    assert not (tmp_path / "landing").exists()
