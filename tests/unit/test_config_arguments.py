"""Arguments that several programs take."""

import pytest

from shortlist.config.arguments import parse_backtest_name
from shortlist.errors import SettingsError


@pytest.mark.parametrize("name", ["a", "7", "less_als-2", "a" * 32])
def test_the_name_of_a_backtest(name: str) -> None:
    assert parse_backtest_name("--name", name) == name


@pytest.mark.parametrize("name", ["", "A", "a b", "a.b", "../a", "a/b", "-a", "_a", "a\n", "\u00e4", "a" * 33])
def test_what_is_no_name_of_a_backtest(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^--name .*: is no name of a backtest; next: write 1 to 32 of a-z"):
        parse_backtest_name("--name", name)
