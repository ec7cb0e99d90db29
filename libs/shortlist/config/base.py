"""What all settings share: the words that they are made of, where local state lives, and strictness."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator

from shortlist.errors import SettingsError
from shortlist.redaction import redact, secret_in_url

EventType = Literal[
    "impression", "closeup", "save", "hide", "click", "outbound", "add_to_cart", "checkout", "search", "send"
]  # fmt: skip
BasketKind = Literal["board", "session", "order", "user-window"]
Measure = Literal["count", "cosine", "jaccard", "lift", "npmi", "llr", "rp3beta", "log_lift"]
# The G^2 of llr is a statistic of counts.
WEIGHTED_MEASURES: Final[tuple[Measure, ...]] = ("count", "cosine", "jaccard", "lift", "npmi", "rp3beta", "log_lift")
# The others hold pairs against what chance would give, or against a union, of whole baskets.
DIRECTED_MEASURES: Final[tuple[Measure, ...]] = ("count", "cosine", "rp3beta")
# The measure of sources that go by one of their own, whatever `sources.cooccurrence.measure` says.
OWN_MEASURES: Final[Mapping[str, Measure]] = {"rp3beta": "rp3beta", "log_lift": "log_lift"}

_PACKAGE: Final = Path(__file__).resolve().parents[1]
# Where the package was installed from a wheel there is no checkout: nothing may be looked for here then.
CHECKOUT: Final = _PACKAGE.parents[1]
IN_CHECKOUT: Final = (CHECKOUT / "infra" / "environments.sh").is_file()


def state_home() -> Path:
    """The folder of all local state: `$SHORTLIST_HOME`, else `.shortlist/` of the checkout.

    Raises:
        SettingsError: the variable is not set, and this is no checkout.
    """
    named = os.environ.get("SHORTLIST_HOME")
    if not named and not IN_CHECKOUT:
        raise SettingsError.not_named("SHORTLIST_HOME", "the folder of local state", "name every path in the settings")
    return Path(named or CHECKOUT / ".shortlist").resolve()


def job_program(job: str) -> Path:
    """What spark-submit is given to run a job: a file of the package, in a checkout and where it is installed."""
    return _PACKAGE / "jobs" / f"{job}.py"


# A tab is a word's neighbour; the others end a line, a path or a terminal's patience.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# A word becomes a folder, a column or a sentence in every row.
_LONGEST: Final = 1000
_LARGEST: Final = 2**53


def without_secret(url: str) -> str:
    """The path, if it holds no user, password or signature.

    Raises:
        ValueError: it does; with the next step.
    """
    found = secret_in_url(url)
    if found:
        raise ValueError(f"{found}; next: leave it out and give credentials by the environment or a provider")
    return url


Folder = Annotated[str, AfterValidator(without_secret)]


class Section(BaseModel):
    """A group of settings: frozen; a key it does not know is an error, as are control characters and secrets in a word."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
    # Fields that may hold any character.
    any_character: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*")
    @classmethod
    def _words_are_plain(cls, given: Any, info: ValidationInfo) -> Any:
        for leaf in _leaves(given):
            if not isinstance(leaf, str):
                if abs(leaf) > _LARGEST:
                    raise ValueError(
                        f"it is beyond {_LARGEST}, the largest whole number that every part of the house keeps exactly"
                    )
            elif info.field_name not in cls.any_character and _CONTROL.search(leaf):
                raise ValueError("it holds a control character; next: write it without")
            elif redact(leaf) != leaf:
                raise ValueError(
                    "it holds a secret; next: leave it out and give credentials by the environment or a provider"
                )
            elif len(leaf) > _LONGEST:
                raise ValueError(f"it has {len(leaf)} characters, at most {_LONGEST} are taken")
        return given


def _leaves(given: Any) -> Iterator[str | float]:
    """Every string and number of a field: itself, of a tuple, or keys and values of a mapping; sections look at their own."""
    if isinstance(given, str | int | float):
        yield given
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from (*_leaves(key), *_leaves(value))
    elif isinstance(given, tuple):
        for part in given:
            yield from _leaves(part)
