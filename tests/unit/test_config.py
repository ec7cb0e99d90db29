"""Settings: precedence, and errors that name the field, the value and the next step."""

from pathlib import Path

import pytest

from shortlist.config import Settings, load_settings, parse_override, state_home
from shortlist.config.retention import days_kept_by_contract
from shortlist.contracts import contract_names, read_contract
from shortlist.errors import SettingsError

MINIMAL = "surfaces: {homefeed: {subject: user, sources: [als]}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(MINIMAL + "als: {factors: 32}\n")
    return path


def test_override_beats_file_beats_default(file: Path) -> None:
    settings = load_settings(file, ["als.epochs=3", '{"als": {"seed": 5}}'])
    assert (settings.als.epochs, settings.als.factors, settings.als.seed) == (3, 32, 5)
    assert settings.als.regularization == Settings.model_validate({"surfaces": settings.surfaces}).als.regularization


def test_later_override_wins(file: Path) -> None:
    assert load_settings(file, ["als.epochs=3", "als.epochs=4"]).als.epochs == 4


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("als.factor=3", "unknown setting 'als.factor'; did you mean factors?"),
        ("surfaces.homefeed.kk=3", "unknown setting 'surfaces.homefeed.kk'; did you mean k?"),
        ("surfaces.homefeed.guardrails.min_overlp=0", "did you mean min_overlap?"),
        ("als.factors=0", "als.factors = 0: Input should be greater than or equal to 1"),
        ("als.factors=many", "als.factors = 'many'"),
        ("als.regularization=0", "regularization is 0: engine auto needs more"),
        (
            '{"als": {"engine": "mllib", "warm_start": true}}',
            "warm_start: engine mllib cannot start from given factors",
        ),
        (
            '{"als": {"engine": "implicit", "store_user_factors": false}}',
            "store_user_factors is false: users of engine implicit cannot be folded in; use auto, local or spark",
        ),
        ("surfaces.homefeed.sources=[magic]", "surfaces.homefeed.sources.0 = 'magic'"),
        ("surfaces.homefeed.fallback=als", "fallback 'als' is also among sources"),
        ("surfaces.homefeed.depth=20", "depth 20 is below k 50"),
        ("surfaces.homefeed.weights={content: 1}", "weights names content, which is not among sources"),
        ("surfaces.homefeed.weights={als: 0}", "weights are all 0"),
        ("surfaces.homefeed.weights={als: -1}", "greater than or equal to 0"),
        ("surfaces.homefeed.sources=[als, rp3beta]", "source rp3beta, which is not among cooccurrence.measures"),
        ("surfaces.homefeed.sources=[als, log_lift]", "source log_lift, which is not among cooccurrence.measures"),
        (
            '{"surfaces": {"homefeed": {"sources": ["session_next"]}}, '
            '"sources": {"session_next": {"sessions": {"basket_kind": "order"}}}}',
            "sessions are baskets of kind 'order', which is not among baskets (session); next:",
        ),
        ("cooccurrence.basket_kind=board", "cooccurrence.basket_kind 'board' is not among baskets (session)"),
        (
            "baskets.session.window=lookback",
            "baskets.session.window is 'lookback': only baskets of kind user-window have",
        ),
        (
            "interactions.lookback_days=401",
            "interactions.lookback_days 401 is beyond the 400 days that engagements are kept "
            "(schemas/engagements.odcs.yaml): upkeep would drop what it needs; next: set maintenance.engagement_days to 401",
        ),
        ("baskets.session.lookback_days=8000", "baskets.session.lookback_days 8000 is beyond the 400 days"),
        (
            "maintenance.engagement_days=30",
            "lookback_days 365 is beyond the 30 days that engagements are kept (maintenance.engagement_days)",
        ),
        ("baskets.session.keep=best", "baskets.session.keep = 'best'"),
        ("cooccurrence.placement=moon", "cooccurrence.placement = 'moon'"),
        (
            "cooccurrence.directed=true",
            "measures lift have no meaning with directed; choose from count, cosine, rp3beta",
        ),
        (
            '{"cooccurrence": {"measures": ["llr", "cosine"]}, "baskets": {"session": {"half_life_days": 30}}}',
            "cooccurrence.measures llr have no meaning for baskets that weigh less by age (baskets.session.half_life_days 30)",
        ),
        ("sources.cooccurrence.measure=llr", "sources.cooccurrence.measure 'llr' is not among cooccurrence.measures"),
        ("checks.every.volum.weeks=3", "unknown setting 'checks.every.volum'; did you mean volume?"),
        ("checks.event_types.like.min_events=3", "checks.event_types.like"),
        (
            "checks.event_types.save.min_event=3",
            "unknown setting 'checks.event_types.save.min_event'; did you mean min_e",
        ),
        ("checks.every.volume.min_weeks=5", "min_weeks 5 is above weeks 4: the rule would always be off"),
        ("checks.min_history_days=30", "min_history_days 30 is above history_days 28"),
        ("checks.event_types.save.volume.weeks=9", "save: volume.weeks 9 reaches back further than history_days 28"),
        ("checks.every.empty_columns.max_share.colour=0.1", "checks.every.empty_columns.max_share.colour"),
        ("checks.closeups.severity=loud", "checks.closeups.severity = 'loud'"),
        ('{"surfaces": {"../x": {"subject": "user", "sources": ["als"]}}}', "surfaces.../x: a surface's name is part"),
        ("als", "--set 'als' is neither name.of.field=value nor a JSON object"),
        ("als..factors=1", "--set 'als..factors=1' is neither"),
        ("{broken", "--set '{broken' is neither"),
        ("als.factors=[1", "--set 'als.factors=[1' is neither"),
    ],
)
def test_bad_override_is_refused_by_name(file: Path, override: str, text: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(file, [override])
    assert text in str(error.value)
    assert error.value.exit_code == 2


def test_all_wrong_fields_are_named_at_once(file: Path) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(file, ["als.factors=0", "blend.constant=-1"])
    assert "als.factors = 0" in str(error.value)
    assert "blend.constant = -1" in str(error.value)


@pytest.mark.parametrize(("content", "text"), [("- 1\n", "it holds a list, not a mapping"), ("a: [", "no valid YAML")])
def test_unreadable_file_is_named(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"bad\.yaml") as error:
        load_settings(path)
    assert text in str(error.value)


def test_missing_file_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="pass --config or set SHORTLIST_CONFIG"):
        load_settings(tmp_path / "none.yaml")


def test_a_deployment_must_name_its_surfaces(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    with pytest.raises(SettingsError, match="surfaces"):
        load_settings(path)


def test_override_values_are_read_as_yaml() -> None:
    assert parse_override("a.b=[1, x]") == {"a": {"b": [1, "x"]}}
    assert parse_override("a=null") == {"a": None}


def test_fingerprint_changes_with_settings_but_not_with_paths(file: Path) -> None:
    base = load_settings(file)
    assert base.fingerprint() == load_settings(file, ["paths.landing=elsewhere"]).fingerprint()
    # Nor with what no candidate depends on: a change of upkeep must not look like another model.
    assert base.fingerprint() == load_settings(file, ["maintenance.lease_days=9", "synthetic.seed=8"]).fingerprint()
    assert base.fingerprint() != load_settings(file, ["als.seed=8"]).fingerprint()
    assert base.fingerprint("blend") == load_settings(file, ["als.seed=8"]).fingerprint("blend")


def test_home_comes_from_the_environment(home: Path) -> None:
    assert state_home() == home.resolve()


def test_an_event_type_named_in_checks_replaces_what_is_expected_of_every(file: Path) -> None:
    checks = load_settings(file, ["checks.every.min_events=7", "checks.event_types.save.volume.weeks=3"]).checks
    assert (checks.of("click").min_events, checks.of("click").volume.weeks) == (7, 4)
    assert (checks.of("save").min_events, checks.of("save").volume.weeks) == (100, 3)


def test_a_longer_look_back_needs_engagements_that_are_kept_longer() -> None:
    longer = ("interactions.lookback_days=8000", "maintenance.engagement_days=8000")
    assert load_settings(None, longer).interactions.lookback_days == 8000
    assert load_settings(None, ("interactions.lookback_days=400",)).interactions.lookback_days == 400


def test_what_settings_take_for_a_tables_retention_is_what_its_contract_says() -> None:
    stated = {name: read_contract(name).retention for name in contract_names()}
    for name in (name for name, words in stated.items() if words.endswith(" days")):
        assert f"{days_kept_by_contract(name)} days" == stated[name]
    with pytest.raises(ValueError, match="keeps 14 run dates, not days"):
        days_kept_by_contract("interactions")


def test_what_only_follows_from_a_wrong_setting_is_not_told(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"paths\.landing = ") as error:
        load_settings(file, ["paths.landing=s3a://bucket/landing"])
    assert "manifests" not in str(error.value)
