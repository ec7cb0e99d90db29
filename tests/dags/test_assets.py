"""Which publications become asset events."""

import json
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from shortlist_airflow.assets import candidates_asset, published


def test_a_surface_has_one_asset() -> None:
    asset = candidates_asset("homefeed")
    assert (asset.name, asset.uri) == ("candidates_homefeed", "shortlist://candidates/homefeed")


def test_only_what_is_served_is_announced(tmp_path: Path) -> None:
    manifest = tmp_path / "publish_candidates.json"
    publications = [{"surface": "homefeed", "status": "published"}, {"surface": "related", "status": "held"}]
    manifest.write_text(json.dumps({"publications": publications}))
    assert published(manifest) == [{"surface": "homefeed", "status": "published"}]


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "FileNotFoundError"), ("{}", "KeyError"), ("[", "JSONDecodeError")]
)
def test_a_manifest_that_says_nothing_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    manifest = tmp_path / "publish_candidates.json"
    if content is not None:
        manifest.write_text(content)
    with pytest.raises(AirflowFailException, match=rf"publish_candidates\.json does not say .*{problem}"):
        published(manifest)
