"""The settings file that `shortlist new` writes: valid YAML, with a comment for each choice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from shortlist.config import EventType, InteractionsConfig, ReasonKind

# Event types that say that somebody wanted an item, the strongest first.
_WANTED: Final[tuple[EventType, ...]] = ("checkout", "add_to_cart", "save", "outbound", "click", "closeup")
_USUAL_SHARE: Final = 0.01
# Kinds of reasons that the raised limit is for, or that have a stricter one anyway.
_OWN_LIMIT: Final = ("missing", "conflicting_duplicate")


@dataclass(frozen=True)
class Mapped:
    """What the settings say.

    Attributes:
        sample: name of the file that they were made from.
        feed: name of the log's folder.
        format: of its files.
        delimiter: of CSV.
        fields: contract column: field.
        event_id_from: fields that name an event together; empty where one field does.
        event_types: word: event type; empty where there is no field of words.
        event_types_by_number: lowest number: event type; empty where there is no field of grades.
        event_type: of every event, where there is no field of words or grades.
        time_format: as a feed names it.
        zone: of times without one.
        gaps: days without a line.
        most_unusable: limit of unusable lines, where the usual one is too strict.
        lacking: lines without a user or an item.
        most_lacking: share of them on the worst day.
        span: days from the first to the last.
        folder: where the settings lie, with landing and tables below.
    """

    sample: str
    feed: str
    format: str
    delimiter: str
    fields: Mapping[str, str]
    event_id_from: tuple[str, ...]
    event_types: Mapping[str, EventType]
    event_types_by_number: Mapping[float, EventType]
    event_type: EventType | None
    time_format: str
    zone: str
    gaps: int
    most_unusable: float | None
    lacking: int
    most_lacking: float
    span: int
    folder: Path


def settings_text(mapped: Mapped) -> str:
    """The file."""
    happens = {*mapped.event_types.values(), *mapped.event_types_by_number.values()}
    happens |= {mapped.event_type} if mapped.event_type else set()
    wanted = [each for each in _WANTED if each in happens] or sorted(happens)
    strong = wanted[: max(1, sum(each in ("checkout", "add_to_cart", "save") for each in wanted))]
    parts = [
        f"# Made by `shortlist new` from {mapped.sample}. Look at every line: they are guesses. What is not named here is the",
        "# default of libs/shortlist/config/, where every setting has its docstring.",
        "paths:",
        *(
            f"  {name}: {_quoted(str(mapped.folder / name))}"
            for name in ("landing", "warehouse", "reports", "manifests")
        ),
        "",
        *_extraction(mapped),
        "",
        *_surfaces(),
        "",
        *_baskets(mapped, strong),
        "",
        "evaluation:",
        "  # What makes an item of a published list a hit, when a user does it later.",
        f"  relevant_event_types: [{', '.join(strong)}]",
        "  horizons: [7] # the run of a day judges the candidates of 7 days before",
        *_look_back(mapped),
    ]
    return "\n".join(parts) + "\n"


def _extraction(mapped: Mapped) -> list[str]:
    lines = [
        "extraction:",
        "  feeds:",
        f"    {mapped.feed}: # <landing>/{mapped.feed}/<day>/ and the marker {_quoted('_SUCCESS')}",
        f"      format: {mapped.format}",
    ]
    if mapped.format == "csv" and mapped.delimiter != ",":
        lines += [f"      csv: {{delimiter: {_quoted(mapped.delimiter)}}}"]
    lines += ["      fields: # our column: your field"]
    lines += [f"        {column}: {_quoted(field)}" for column, field in mapped.fields.items()]
    if mapped.event_id_from:
        named = ", ".join(map(_quoted, mapped.event_id_from))
        lines += [
            "      # No field names an event, so these do together; lines that are equal in all of them are one event.",
            f"      event_id_from: [{named}]",
        ]
    if mapped.event_type:
        lines += ["      constants:", f"        event_type: {mapped.event_type} # no field says what was done"]
    if mapped.event_types:
        lines += [
            "      event_types: # your word: our type; a word that is not named here sends its lines to quarantine"
        ]
        lines += [f"        {_quoted(word)}: {kind}" for word, kind in mapped.event_types.items()]
    if mapped.event_types_by_number:
        lines += [
            "      event_types_by_number: # lowest number: our type, up to the next one; all below goes to quarantine",
            *(f"        {number:g}: {kind}" for number, kind in mapped.event_types_by_number.items()),
        ]
    zone = f", zone: {_quoted(mapped.zone)}"
    lines += [
        f"      timestamp: {{format: {_quoted(mapped.time_format)}{zone}}} # the zone of times written without one"
    ]
    if mapped.gaps:
        lines += [
            f"  missing_days: allow # {mapped.gaps} days of the sample have no line; refuse, where every day must have some"
        ]
    if mapped.most_unusable is not None:
        others = [kind for kind in get_args(ReasonKind) if kind not in _OWN_LIMIT]
        lines += [
            f"  # {mapped.lacking} lines lack a user or an item; on the worst day {mapped.most_lacking:.0%} of its lines.",
            f"  max_rejected_share: {mapped.most_unusable} # of a day's lines; a tenth above that day",
            "  max_share_by_reason: # every other reason keeps the usual limit",
            *(f"    {kind}: {_USUAL_SHARE}" for kind in others),
        ]
    return lines


def _surfaces() -> list[str]:
    return [
        "surfaces:",
        "  homefeed: # for a user: what they have not had yet",
        "    subject: user",
        "    sources: [als, cooccurrence] # more are in README, Sources and their blend",
        "    fallback: popularity # for whom no source has enough",
        "    k: 20 # items of a list",
        "  related: # for an item: what goes with it",
        "    subject: item",
        "    sources: [cooccurrence, als]",
        "    fallback: popularity",
        "    k: 10",
    ]


def _baskets(mapped: Mapped, types: list[EventType]) -> list[str]:
    kind = "session" if "session_id" in mapped.fields else "user-window"
    why = "one session" if kind == "session" else "a user's calendar week: no field names a session"
    return [
        f"baskets: # what was taken together, in {why}",
        f"  {kind}: {{event_types: [{', '.join(types)}]}}",
        "cooccurrence:",
        f"  basket_kind: {kind}",
    ]


def _look_back(mapped: Mapped) -> list[str]:
    usual = InteractionsConfig().lookback_days
    if mapped.span <= usual:
        return []
    return [
        "",
        f"# The sample has {mapped.span} days; interactions.lookback_days and baskets.*.lookback_days are {usual}: older events",
        "# are not learned from. A longer look-back needs engagements that are kept longer: maintenance.engagement_days.",
    ]


def _quoted(text: str) -> str:
    """A text that YAML reads as itself."""
    return json.dumps(text, ensure_ascii=False)
