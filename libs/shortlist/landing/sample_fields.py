"""Which field of a sample is what: by its name and by what is in it. Guesses, for a person to look at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from shortlist.columns import EVENT_ID, EVENT_TS, EVENT_TYPE, ITEM_ID, SESSION_ID, USER_ID, VALUE
from shortlist.errors import SettingsError
from shortlist.landing.sample_times import TimeFormat, find_formats

# What catalog and checks can use beside the columns of engagements.
TITLE: Final = "title"
CATEGORY: Final = "category"
QUANTITY: Final = "quantity"
ROLES: Final = (EVENT_TS, USER_ID, ITEM_ID, EVENT_ID, SESSION_ID, EVENT_TYPE, QUANTITY, VALUE, TITLE, CATEGORY)

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    EVENT_TS: ("time", "timestamp", "ts", "date", "datetime", "at", "created", "occurred", "when"),
    USER_ID: (
        *("user", "customer", "client", "member", "household", "visitor", "account", "person", "buyer", "shopper"),
        *("subscriber", "profile", "viewer", "listener", "reader", "uid", "cookie", "device", "userid", "customerid"),
    ),
    ITEM_ID: (
        *("item", "product", "sku", "stock", "article", "movie", "film", "track", "song", "book", "asin", "listing"),
        *("content", "video", "pin", "recipe", "course", "isbn", "itemid", "productid", "movieid"),
    ),
    EVENT_ID: ("event", "line", "row", "record", "log", "message", "uuid", "guid", "id", "eventid"),
    SESSION_ID: ("session", "basket", "order", "invoice", "cart", "visit", "trip", "receipt", "transaction", "sessionid"),
    EVENT_TYPE: ("event", "action", "type", "verb", "kind", "activity", "behavior", "behaviour", "rating", "stars"),
    QUANTITY: ("quantity", "qty", "units", "count", "amount"),
    VALUE: ("price", "value", "revenue", "total", "sales", "cost", "amount", "paid", "sum"),
    TITLE: ("title", "description", "name", "label"),
    CATEGORY: ("category", "department", "genre", "genres", "section", "class"),
}  # fmt: skip
_ID_WORDS: Final = {"id", "code", "no", "number", "key", "sku", "uuid", "num", "nr"}
_ROWS: Final = 50_000
_MOST_TYPES: Final = 60


@dataclass(frozen=True)
class Field:
    """One field of the sample.

    Attributes:
        name: as a mapping names it.
        filled: rows that have a value.
        distinct: different values among the rows looked at.
        unique: no value is there twice.
        numeric: every value is a number.
        examples: some values.
        formats: ways in which it is written, if it is a time.
    """

    name: str
    filled: int
    distinct: int
    unique: bool
    numeric: bool
    examples: tuple[str, ...]
    formats: tuple[TimeFormat, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The words of its name."""
        return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", self.name))


def look_at(texts: pl.DataFrame) -> list[Field]:
    """Every field of a sample, with what is in its first rows; uniqueness is looked for in all."""
    return [_field(texts[name]) for name in texts.columns]


def propose(fields: list[Field], given: Mapping[str, str]) -> dict[str, str]:
    """Role: the field that has it.

    Args:
        fields: as `look_at` gives them.
        given: what the person said; the rest is guessed. An empty name: no field has this role.

    Raises:
        SettingsError: a role or field that there is not.
    """
    names = [field.name for field in fields]
    for role, name in given.items():
        if role not in ROLES:
            raise SettingsError.bad_argument("--field", role, f"is none of {', '.join(ROLES)}")
        if name and name not in names:
            raise SettingsError.bad_argument(
                "--field", f"{role}={name}", f"is no field of the sample; next: one of {', '.join(names)}"
            )
    chosen = {role: name for role, name in given.items() if name}
    for role in ROLES:
        if role in given:
            continue
        free = [field for field in fields if field.name not in chosen.values() and field.filled]
        scores = {field.name: _score(role, field) for field in free}
        best = max(scores, key=lambda name: scores[name], default=None)
        if best is not None and scores[best] > 0:
            chosen[role] = best
    return chosen


def _field(column: pl.Series) -> Field:
    text = column.str.strip_chars()
    filled = text.filter(text != "")
    seen = filled.head(_ROWS)
    numbers = seen.cast(pl.Float64, strict=False)
    return Field(
        name=column.name,
        filled=len(filled),
        distinct=seen.n_unique(),
        unique=len(filled) == len(column) and filled.n_unique() == len(filled),
        numeric=len(seen) > 0 and numbers.null_count() == 0,
        examples=tuple(seen.unique(maintain_order=True).head(3)),
        # A mixture is found anywhere in the file, not in its first rows alone.
        formats=tuple(find_formats(filled if len(filled) <= _ROWS else filled.gather_every(len(filled) // _ROWS)))
        if len(filled)
        else (),
    )


def _score(role: str, field: Field) -> float:
    """How well a field fits a role; 0: not at all."""
    tokens = set(field.tokens)
    words = _WORDS[role]
    named = max((2 + (len(words) - words.index(word)) / 100 for word in words if word in tokens), default=0)
    is_id = bool(tokens & _ID_WORDS) or "".join(field.tokens).endswith("id")
    if role == EVENT_TS:
        # Numbers of a certain size may be times; they are when their name says so.
        return 0 if not field.formats or (field.numeric and not named) else 1 + named
    if not named or (field.formats and not field.numeric):
        return 0
    if role == EVENT_ID:
        return named + 1 if field.unique and is_id else 0
    if role == EVENT_TYPE:
        return named if field.distinct <= _MOST_TYPES and not is_id else 0
    if role in (QUANTITY, VALUE):
        return named if field.numeric and not is_id else 0
    if role in (TITLE, CATEGORY):
        return named if not field.numeric and not is_id else 0
    # Ids of users, items and sessions; a session has several events.
    return 0 if field.unique and role == SESSION_ID else named + is_id
