"""Progress: a line an epoch in the log, a bar only where somebody watches."""

import sys

import pytest

from shortlist.models.als.model import Progress


@pytest.mark.parametrize("watched", [False, True])
def test_progress(
    watched: bool, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: watched, raising=False)
    progress = Progress("engine local", 2)
    with caplog.at_level("INFO", logger="shortlist.als"):
        progress(1, 1234.5)
        progress(2, None)
    bar = f"[{'#' * 20}{'.' * 20}] 1/2\r[{'#' * 40}] 2/2\n" if watched else ""
    assert capsys.readouterr().err == bar
    assert "engine local: epoch 1 of 2, objective 1234.5, " in caplog.text
    assert "engine local: epoch 2 of 2, " in caplog.text
