"""On which days models are trained."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shortlist.config import Settings
from shortlist.config.training import WEEKDAYS, TrainingConfig

# A Thursday.
DAY = date(2017, 11, 30)


def settings(**sections: Any) -> Settings:
    surface = {"subject": "user", "sources": ["als"], "fallback": None}
    return Settings.model_validate({"surfaces": {"homefeed": surface}, **sections})


@pytest.mark.parametrize(
    ("days", "newest"),
    [
        (WEEKDAYS, DAY),
        (["thursday"], DAY),
        (["wednesday"], date(2017, 11, 29)),
        (["friday"], date(2017, 11, 24)),
        (["sunday"], date(2017, 11, 26)),
        (["friday", "monday"], date(2017, 11, 27)),
    ],
)
def test_the_newest_training_is_of_the_last_weekday_that_trains(days: list[str], newest: date) -> None:
    assert TrainingConfig.model_validate({"days": days}).newest(DAY) == newest


def test_every_day_trains_by_default() -> None:
    assert settings().training.every_day
    assert not settings(training={"days": ["monday"]}).training.every_day


@pytest.mark.parametrize("engine", ["implicit", "mllib"])
def test_an_engine_that_cannot_fold_users_in_trains_every_day(engine: str) -> None:
    with pytest.raises(ValidationError, match=f"users of engine {engine} cannot be folded in on these"):
        settings(training={"days": ["monday"]}, als={"engine": engine})
    settings(als={"engine": engine})


@pytest.mark.parametrize("days", [[], ["Monday"], ["someday"]])
def test_days_that_are_no_weekdays_are_refused(days: list[str]) -> None:
    with pytest.raises(ValidationError, match=r"training\.days"):
        settings(training={"days": days})
