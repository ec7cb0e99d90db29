"""Templates of this folder, and how figures, days and other people's words are written in them."""

from datetime import date
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from shortlist.redaction import redact
from shortlist.reports.evaluation import Estimate
from shortlist.reports.untrusted import plain

TITLE_LENGTH: Final = 90
ID_LENGTH: Final = 48
SENTENCE_LENGTH: Final = 400


def render(template: str, **given: Any) -> str:
    """A template of this folder, filled; the pages' words are cut and made visible by its filters."""
    return _environment().get_template(template).render(given)


def figure(value: float | None) -> str:
    """A metric: three digits that mean something, no more."""
    return "none" if value is None else f"{value:.4f}" if abs(value) < 1 else f"{value:,.3f}"


def spread(estimate: Estimate) -> str:
    """The 95 % interval, in words when there is none."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{figure(estimate.low)} to {figure(estimate.high)}"


def difference(estimate: Estimate) -> str:
    """A difference with its sign, and its interval."""
    ends = (estimate.low, estimate.high)
    said = "no interval" if None in ends else " to ".join(f"{end:+.4f}" for end in ends if end is not None)
    return f"{estimate.value:+.4f} ({said})"


def count(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return "none" if value is None else f"{value:,}"


def percent(value: float) -> str:
    """A share: one decimal below ten per cent, so that small ones do not vanish."""
    return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"


def long_day(day: date) -> str:
    """30 November 2017."""
    return f"{day.day} {day:%B %Y}"


def short_day(day: date) -> str:
    """30 Nov 2017."""
    return f"{day.day} {day:%b %Y}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("shortlist.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        title=lambda text: plain(text, TITLE_LENGTH),
        id=lambda text: plain(text, ID_LENGTH),
        sentence=lambda text: plain(text if text is None else redact(str(text)), SENTENCE_LENGTH),
        count=count,
        percent=percent,
        figure=figure,
        spread=spread,
        difference=difference,
        long_day=long_day,
        short_day=short_day,
    )
    return environment
