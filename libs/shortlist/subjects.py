"""Whom lists are made for and whom tables name: kinds of subjects, and an erased subject as texts may quote it. No Spark."""

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shortlist.config import IdsConfig

SubjectKind = Literal["user", "item", "query"]
# Those that may be erased.
ErasedKind = Literal["user", "item"]
KINDS: Final[tuple[ErasedKind, ...]] = get_args(ErasedKind)


# What separates words of a query, in patterns of Python and of Java.
QUERY_BLANKS: Final = r"\s\u00a0\u2000-\u200a\u3000"


def query_text(text: str) -> str:
    """A query as tables name it: lower case, one space between words; the same as `transforms.queries.query_column` in Spark."""
    return re.sub(f"[{QUERY_BLANKS}]+", " ", text).strip(" ").lower()


@dataclass(frozen=True)
class SubjectType:
    """What differs between lists for users and lists for items; whoever depends on it looks it up in SUBJECTS.

    Attributes:
        history: what a subject's history is: its `interactions`, `itself`, one item of weight 1, or the `clicks` for it.
        sample: the sample of subjects that it is compared with.
        needs_support: whether it needs the surface's min_item_support to get a list; otherwise whoever has a history does.
        truth: which later engagement its lists are evaluated by: its own `engagements`, what shared its `sessions`, or the
            `clicks` for it.
        segments: parts of the truth that are evaluated separately.
        in_catalog: whether the catalog gives it a title.
        no_list: a word for programs that says why one gets no list.
        no_list_because: the same in a sentence, of subject, support, floor, days and day.
        no_list_next: what to do about it.
        name_of: a subject as tables name it, of what people write.
    """

    history: Literal["interactions", "itself", "clicks"]
    sample: Literal["user_sample", "query_sample"]
    needs_support: bool
    truth: Literal["engagements", "sessions", "clicks"]
    segments: tuple[str, ...]
    in_catalog: bool
    no_list: str
    no_list_because: str
    no_list_next: str
    name_of: Callable[[str], str] = str


SUBJECTS: Final[Mapping[SubjectKind, SubjectType]] = {
    "user": SubjectType(
        history="interactions",
        sample="user_sample",
        needs_support=False,
        truth="engagements",
        segments=("all", "new"),
        in_catalog=False,
        no_list="no_history",
        no_list_because="user {subject} has no history: it neither engaged nor hid anything in the {days} days up to {day}",
        no_list_next="look for the user in engagements and quarantine; ids are compared letter by letter",
    ),
    "item": SubjectType(
        history="itself",
        sample="user_sample",
        needs_support=True,
        truth="sessions",
        segments=("all",),
        in_catalog=True,
        no_list="below_floor",
        no_list_because="item {subject} is below the support floor: {support} users, min_item_support is {floor}",
        no_list_next="lower min_item_support of the surface, if it should have a list",
    ),
    "query": SubjectType(
        history="clicks",
        sample="query_sample",
        needs_support=False,
        truth="clicks",
        segments=("all", "new"),
        in_catalog=False,
        no_list="not_clicked",
        no_list_because="query {subject!r} has no list: too few users clicked an answer to it in the days up to {day}",
        no_list_next="lower queries.min_users, or raise queries.lookback_days, if it should have one",
        name_of=query_text,
    ),
}

# What replaces an erased id in a text.
GONE: Final = "(erased)"


# Blanks around a value that say nothing; the no-break space comes from spreadsheets.
ID_BLANKS: Final = " \t\r\n\u00a0"


def id_text(text: str, ids: IdsConfig) -> str:
    """An id as all tables name it, whatever form it was landed in; the same as `transforms.values.id_column` in Spark."""
    found = text if ids.unicode == "keep" else unicodedata.normalize(ids.unicode, text)
    found = found.strip(ID_BLANKS) if ids.trim else found
    found = re.sub(rf"^([{ID_BLANKS}]*[+-]?[0-9]+)\.0+(?=[{ID_BLANKS}]*\Z)", r"\1", found)
    return {"keep": found, "lower": found.lower(), "upper": found.upper()}[ids.case]


@dataclass(frozen=True)
class Subject:
    """Somebody or something that is to be erased. Its id is written nowhere; `digest` is."""

    kind: ErasedKind
    id: str

    @property
    def digest(self) -> str:
        """64 hex digits, the same as `subject_digest` in Spark."""
        return hashlib.sha256(f"{self.kind}:{self.id}".encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{self.kind} {self.digest[:12]}"


def mention(subjects: Iterable[Subject]) -> "re.Pattern[str]":
    """A pattern of every way in which a text may quote the subjects' ids as whole words."""
    return re.compile(as_words({form for subject in subjects for form in quoted_forms(subject.id)}))


def as_words(texts: Iterable[str]) -> str:
    """A pattern, for Python and Java, that finds texts where no letter or digit goes on before or after them."""
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return rf"(?<![^\W_])(?:{'|'.join(map(_literally, longest_first))})(?![^\W_])"


def quoted_forms(name: str) -> set[str]:
    """An id as it is, and as JSON and HTML write it."""
    return {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], html.escape(name)}


def _literally(text: str) -> str:
    """A text as a pattern that Python and Java read alike."""
    return re.sub(r"([^\w ])", r"\\\1", text)
