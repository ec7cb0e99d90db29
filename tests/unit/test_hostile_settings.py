"""Path traversal, SQL, shell and terminal escapes in every setting there is: refused by name, or known to be plain words.

The settings are found in the models, so that a new one is covered by itself: one that takes any word must be named below,
with what it becomes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from shortlist.config import Settings, load_settings
from shortlist.errors import SettingsError

HOSTILE = {
    "traversal": "../../../etc/passwd",
    "absolute": "/etc/passwd",
    "sql": "x'; DROP TABLE candidates_homefeed; --",
    "always": "1 OR 1=1",
    "shell": "$(touch pwned); touch pwned",
    "percent": "a%2e%2e%2fpasswd",
    "backtick": "a` UNION ALL SELECT 1 -- `touch pwned`",
    "lookup": "${jndi:ldap://pwned/x}",
    "markup": "<script>alert(1)</script>",
    "url": "ftp://169.254.169.254/latest/meta-data?x=1",
}
# No word of any kind: refused wherever they stand.
NEVER = {"nul": "a\x00b", "line": "a\nb", "escape": "\x1b[2Jx", "endless": "x" * 10_001}
# Numbers that no setting takes; what a number may be beside these is each setting's to say.
NUMBERS: dict[str, float] = {"huge": 10**40, "infinite": float("inf"), "none": float("nan"), "negative": -(10**40)}
# Words that are right ones somewhere: a warehouse may be any folder, if its name is one that every reader finds.
RIGHT = {"paths.warehouse": {"traversal", "absolute"}}
# Settings that take any word, and what it becomes; in these a hostile word is a word.
WORDS = {
    "paths.landing": "a folder",
    "paths.reports": "a folder",
    "paths.manifests": "a folder",
    "als.scratch": "a folder",
    "cooccurrence.scratch": "a folder",
    "telemetry.lineage": "a folder",
    "telemetry.metrics": "a folder",
    "extraction.feeds.clicks.fields.user_id": "the name of a JSON field",
    "extraction.feeds.clicks.constants.surface": "a value in rows",
    "extraction.feeds.clicks.event_types.*": "a word that is compared",
    "extraction.feeds.clicks.csv.columns": "names of CSV fields",
    "extraction.catalog.csv.columns": "names of CSV fields",
    "extraction.catalog.list_separator": "a text that is looked for",
    "extraction.promotions.csv.columns": "names of CSV fields",
    "extraction.promotions.list_separator": "a text that is looked for",
    "extraction.audience_members.csv.columns": "names of CSV fields",
    "extraction.audience_members.list_separator": "a text that is looked for",
    "extraction.catalog.fields.user_id": "the name of a JSON field",
    "extraction.promotions.fields.user_id": "the name of a JSON field",
    "extraction.audience_members.fields.user_id": "the name of a JSON field",
    "surfaces.homefeed.blocked_audience": "a name that rows are compared with",
    "sources.als.reason": "a sentence in rows",
    "sources.interests.reason": "a sentence in rows",
    "sources.cooccurrence.reason": "a sentence in rows",
    "sources.popularity.reason": "a sentence in rows",
    "sources.rp3beta.reason": "a sentence in rows",
    "sources.user_neighbours.reason": "a sentence in rows",
    "sources.spectral.reason": "a sentence in rows",
    "sources.session_neighbours.reason": "a sentence in rows",
    "sources.session_next.reason": "a sentence in rows",
    "sources.category_affinity.reason": "a sentence in rows",
    "sources.conversion.reason": "a sentence in rows",
    "sources.last_basket.reason": "a sentence in rows",
    "sources.log_lift.reason": "a sentence in rows",
    "sources.content.reason": "a sentence in rows",
    "sources.repeat.reason": "a sentence in rows",
    "sources.query_clicks.reason": "a sentence in rows",
    "sources.query_neighbours.reason": "a sentence in rows",
    "sources.words.reason": "a sentence in rows",
    "sources.word_parts.reason": "a sentence in rows",
    "sources.trending.reason": "a sentence in rows",
    "sources.fresh.reason": "a sentence in rows",
}
FIELDS = {name: name for name in ("event_id", "event_type", "event_ts", "user_id", "item_id")}


def settings_of(model: type[BaseModel], place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where every setting stands, with an example key in every mapping; `*` is the key of a mapping itself."""
    for name, field in model.model_fields.items():
        yield from _within(field.annotation, (*place, name))


def _within(kind: Any, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield from settings_of(kind, place)
    elif get_origin(kind) is dict:
        key, value = get_args(kind)
        yield (*place, "*")
        yield from _within(value, (*place, _example(place[-1], key)))
    else:
        yield place


def _example(name: str, key: Any) -> str:
    own = {"feeds": "clicks", "surfaces": "homefeed", "fields": "user_id", "constants": "surface"}
    return own.get(name) or str((get_args(key) or ("word",))[0])


ALL = [".".join(place) for place in settings_of(Settings)]


def load(place: str, word: str | float, tmp_path: Path) -> Settings:
    """Settings with a word at a place."""
    *above, last = place.split(".")
    value: Any = {word: _below(above[-1])} if last == "*" else {last: [word] if last == "columns" else word}
    for part in reversed(above):
        value = {part: value}
    file = tmp_path / "settings.yaml"
    file.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}")
    # A feed needs its required columns before its other settings count.
    feed = {"extraction": {"feeds": {"clicks": {"fields": FIELDS}}}}
    return load_settings(file, [json.dumps(feed)] * place.startswith("extraction.feeds.clicks") + [json.dumps(value)])


def _below(mapping: str) -> Any:
    """What may stand below a key of a mapping, so that the key alone is wrong."""
    sections = {"feeds": {}, "baskets": {}, "surfaces": {"subject": "user", "sources": ["als"]}, "event_types": "click"}
    return sections.get(mapping, 1)


def test_the_settings_are_found() -> None:
    assert len(ALL) > 120
    assert set(WORDS) <= set(ALL)
    assert {"als.factors", "surfaces.homefeed.guardrails.min_overlap", "surfaces.*", "extraction.marker"} <= set(ALL)


@pytest.mark.parametrize("place", ALL)
def test_a_hostile_word_is_refused_by_name_or_known_to_be_plain(tmp_path: Path, place: str) -> None:
    words = NEVER if place in WORDS else {**HOSTILE, **NEVER}
    words = {kind: word for kind, word in words.items() if kind not in RIGHT.get(place, set())}
    if place.startswith("paths."):
        words = {**words, "backtick": HOSTILE["backtick"], "percent": HOSTILE["percent"]}
    parent = place.removesuffix(".*")
    for kind, word in words.items():
        with pytest.raises(SettingsError) as error:
            load(place, word, tmp_path)
        named = [part for part in parent.split(".") if part in str(error.value)]
        assert named == parent.split("."), f"{kind}: {error.value}"
        assert error.value.exit_code == 2


@pytest.mark.parametrize("place", [each for each in ALL if not each.endswith(".*")])
def test_a_hostile_number_is_refused_by_name(tmp_path: Path, place: str) -> None:
    for number in NUMBERS.values():
        with pytest.raises(SettingsError) as error:
            load(place, number, tmp_path)
        assert [part for part in place.split(".") if part not in str(error.value)] == []


@pytest.mark.parametrize("place", WORDS)
def test_what_is_known_to_be_plain_is_kept_letter_by_letter(tmp_path: Path, place: str) -> None:
    for word in (HOSTILE["sql"], HOSTILE["shell"], HOSTILE["markup"]):
        kept = json.dumps(load(place, word, tmp_path).model_dump(mode="json"))
        assert json.dumps(word)[1:-1] in kept


def test_the_default_warehouse_is_held_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("surfaces: {homefeed: {subject: user, sources: [als]}}")
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path / "my projects"))
    with pytest.raises(SettingsError, match=r"paths\.warehouse = .*folder with ' ' in its name"):
        load_settings(file)


@pytest.mark.parametrize("root", ["/w", "s3://bucket-1/w_2/x.y", "hdfs://node:8020/w", "relative/w", "~/w@2,+$(x)"])
def test_a_warehouse_that_every_reader_finds_is_taken(tmp_path: Path, root: str) -> None:
    assert load("paths.warehouse", root, tmp_path).paths.warehouse == root


@pytest.mark.parametrize("name", ["landing", "warehouse", "reports", "manifests"])
@pytest.mark.parametrize("scheme", ["s3a", "s3n"])
def test_hadoops_names_for_s3_are_refused_with_the_one_that_all_readers_know(
    tmp_path: Path, name: str, scheme: str
) -> None:
    with pytest.raises(
        SettingsError, match=rf"paths\.{name} = .*only Spark knows S3 as {scheme}://; next: write s3://b/x"
    ):
        load(f"paths.{name}", f"{scheme}://b/x", tmp_path)


@pytest.mark.parametrize("place", ["landing", "warehouse", "reports", "manifests"])
@pytest.mark.parametrize("name", ["a%20b", "a?", "a#b"])
def test_a_url_that_readers_end_or_unescape_is_refused(tmp_path: Path, place: str, name: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"paths\.{place} = .*it holds [%?#], which readers take for something else"
    ):
        load(f"paths.{place}", f"s3://bucket/{name}", tmp_path)
