"""`shortlist new`: a settings file and a landing from a file of somebody's own log. No JVM."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from rich.console import Console

from shortlist.cli.new_settings import Mapped, settings_text
from shortlist.cli.output import Facts, print_table, say
from shortlist.columns import EVENT_ID, EVENT_TS, EVENT_TYPE, ITEM_ID, SESSION_ID, USER_ID, VALUE
from shortlist.config import EventType, ExtractionConfig, FeedConfig, TimestampConfig, load_settings
from shortlist.errors import SettingsError
from shortlist.landing.sample_days import Days, by_day, catalog, write_catalog, write_days, write_left_out
from shortlist.landing.sample_fields import QUANTITY, Field, look_at, propose
from shortlist.landing.sample_times import can_read
from shortlist.landing.sample_words import event_types, types_by_grade
from shortlist.landing.samples import Sample, read_sample

_MARKER: Final = "_SUCCESS"
_REQUIRED: Final = {
    EVENT_TS: "the time of an event",
    USER_ID: "who did it",
    ITEM_ID: "with what",
}
# Tells one event from another where the log does not: all that differs between two events of one moment.
_TELLING: Final = (SESSION_ID, USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, QUANTITY, VALUE)


@dataclass(frozen=True)
class Wishes:
    """What the person said; the rest is proposed.

    Attributes:
        fields: role: field; an empty field: there is none.
        feed: name of the log's folder.
        event_type: what every event is, for a log without a field that says so.
        time_format: how times are written.
        zone: of times without one.
        delimiter: of CSV.
    """

    fields: Mapping[str, str]
    feed: str
    event_type: EventType | None
    time_format: str | None
    zone: str
    delimiter: str | None


def new(path: Path, into: Path, wishes: Wishes, look_only: bool) -> dict[str, Any]:
    """Look at a file, and unless `look_only` write `settings.yaml` and `landing/` below a folder.

    Returns:
        sample, rows, mapping (column, field, examples), notes (what is missing and what is done about it), feed, days,
        first, last, folder, settings (None where nothing was written).

    Raises:
        SettingsError: the file cannot be read, a field that is needed was not found, or the folder is in use.
    """
    if not look_only and into.exists() and any(into.iterdir()):
        raise SettingsError.bad_argument(
            "--into", str(into), "is not empty; next: name a folder that does not exist yet"
        )
    _refuse_wishes(wishes)
    sample = read_sample(path, wishes.delimiter)
    fields = look_at(sample.texts)
    roles = propose(fields, wishes.fields)
    _refuse_gaps(roles, fields, path)
    notes: list[str] = []
    formats = _formats(sample, roles, fields, wishes, notes)
    grades = _grades(sample, roles)
    types = {} if grades else _types(sample, roles, wishes, notes)
    days = by_day(sample, roles, formats, wishes.zone)
    if not days.days:
        problem = f"no value is a time written as {', '.join(formats)}; next: give --time-format"
        raise SettingsError.bad_argument(roles[EVENT_TS], fields[0].examples, problem)
    telling = tuple(roles[role] for role in _TELLING if role in roles) if EVENT_ID not in roles else ()
    _note_what_is_missing(sample, roles, days, telling, notes)
    mapped = Mapped(
        sample=sample.path.name,
        feed=wishes.feed,
        format=sample.format,
        delimiter=sample.delimiter,
        fields={
            role: name for role, name in roles.items() if role in (*_REQUIRED, EVENT_ID, EVENT_TYPE, SESSION_ID, VALUE)
        },
        event_id_from=telling,
        event_types=types,
        event_types_by_number=grades,
        event_type=None if EVENT_TYPE in roles else wishes.event_type or _usual_type(roles),
        time_format="iso" if len(formats) > 1 else formats[0],
        zone=wishes.zone if len(formats) == 1 else "UTC",
        gaps=_gaps(days.days),
        most_unusable=_limit(days),
        lacking=days.lacking,
        most_lacking=days.without,
        span=(days.days[-1] - days.days[0]).days + 1,
        folder=into.resolve(),
    )
    items = catalog(sample, roles)
    notes.append(
        f"a catalog of {items.height:,} items is made of {', '.join(roles[r] for r in ('title', 'category') if r in roles)}"
        if items is not None
        else "no field describes items: there is no catalog, so lists show ids, and no item counts as out of stock"
    )
    facts = {
        "sample": str(path),
        "rows": sample.rows.height,
        "mapping": _mapping(roles, fields, mapped),
        "notes": notes,
        "feed": wishes.feed,
        "days": len(days.days),
        "first": days.days[0],
        "last": days.days[-1],
        "folder": str(into),
        "settings": None if look_only else str(into / "settings.yaml"),
    }
    if not look_only:
        try:
            _write(into, mapped, sample, days, items)
        except OSError as error:
            problem = f"cannot be written ({error.strerror}); next: name a new folder below one that you may write"
            raise SettingsError.bad_argument("--into", str(into), problem) from error
    return facts


def _write(into: Path, mapped: Mapped, sample: Sample, days: Days, items: Any) -> None:
    """Everything into a folder beside, which then gets its name: an interrupted command leaves no half landing."""
    partial = into.with_name(f".{into.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "settings.yaml").write_text(settings_text(mapped), encoding="utf-8")
    load_settings(partial / "settings.yaml")
    write_days(days, sample, partial / "landing" / mapped.feed, _MARKER)
    if items is not None:
        write_catalog(items, partial / "landing" / "catalog", days.days[0], _MARKER)
    if days.left_out.height:
        write_left_out(days, partial / "left_out.csv")
    if into.exists():
        into.rmdir()
    partial.rename(into)


def _refuse_wishes(wishes: Wishes) -> None:
    try:
        TimestampConfig(zone=wishes.zone)
    except ValidationError:
        raise SettingsError.bad_argument(
            "--zone", wishes.zone, "is no time zone; next: e.g. UTC or America/New_York"
        ) from None
    if wishes.time_format and not can_read(wishes.time_format):
        problem = (
            "cannot be read here; next: iso, epoch-seconds, or a pattern of y, M, d, H, m, s such as 'd.M.yyyy H:mm'"
        )
        raise SettingsError.bad_argument("--time-format", wishes.time_format, problem)
    if wishes.delimiter and len(wishes.delimiter) != 1:
        raise SettingsError.bad_argument("--delimiter", wishes.delimiter, "is not one character; next: e.g. ';'")
    try:
        ExtractionConfig(feeds={wishes.feed: FeedConfig()})
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SettingsError.bad_argument("--feed", wishes.feed, f"{problem}; next: give another name") from None


def _refuse_gaps(roles: Mapping[str, str], fields: list[Field], path: Path) -> None:
    missing = [role for role in _REQUIRED if role not in roles]
    if missing:
        said = "; ".join(f"{field.name} ({', '.join(field.examples)})" for field in fields)
        wanted = ", ".join(f"{role} ({_REQUIRED[role]})" for role in missing)
        problem = f"no field looks like {wanted}; its fields: {said}; next: --field {missing[0]}=NAME"
        raise SettingsError.bad_argument("SAMPLE", str(path), problem)


def _formats(
    sample: Sample, roles: Mapping[str, str], fields: list[Field], wishes: Wishes, notes: list[str]
) -> list[str]:
    if wishes.time_format:
        return [wishes.time_format]
    found = next(field.formats for field in fields if field.name == roles[EVENT_TS])
    if not found:
        problem = "its times are written in no way that is known; next: give --time-format, such as 'd.M.yyyy H:mm'"
        raise SettingsError.bad_argument("--field", f"{EVENT_TS}={roles[EVENT_TS]}", problem)
    for each in found:
        if each.instead:
            notes.append(
                f"every time that is read as {each.name} could be {each.instead} too; next: if so, --time-format '{each.instead}'"
            )
    if len(found) > 1 and sample.format == "json":
        problem = (
            f"its times are written as {' and as '.join(each.name for each in found)}; next: write them in one way"
        )
        raise SettingsError.bad_argument("SAMPLE", str(sample.path), problem)
    if len(found) > 1:
        ways = ", ".join(each.name for each in found)
        notes.append(
            f"{roles[EVENT_TS]} is written in {len(found)} ways ({ways}); a feed has one, so the day folders have ISO times: "
            "let your producer do the same"
        )
    return [each.name for each in found]


def _grades(sample: Sample, roles: Mapping[str, str]) -> dict[float, EventType]:
    return types_by_grade(_words(sample, roles)) if EVENT_TYPE in roles else {}


def _words(sample: Sample, roles: Mapping[str, str]) -> list[str]:
    words = sample.texts[roles[EVENT_TYPE]].str.strip_chars()
    return words.filter(words != "").unique().to_list()


def _types(sample: Sample, roles: Mapping[str, str], wishes: Wishes, notes: list[str]) -> dict[str, EventType]:
    if EVENT_TYPE not in roles:
        chosen = wishes.event_type or _usual_type(roles)
        notes.append(f"no field says what was done: every event is a {chosen} (--event-type to change it)")
        return {}
    types, unknown = event_types(_words(sample, roles))
    if unknown:
        notes.append(
            f"what these words of {roles[EVENT_TYPE]} mean is not known, their lines go to quarantine: {', '.join(unknown[:20])}"
        )
    if not types:
        problem = (
            f"none of its words is known ({', '.join(unknown[:10])}); next: --field {EVENT_TYPE}= and --event-type"
        )
        raise SettingsError.bad_argument("--field", f"{EVENT_TYPE}={roles[EVENT_TYPE]}", problem)
    return types


def _usual_type(roles: Mapping[str, str]) -> EventType:
    """A log with prices, quantities or orders is one of purchases."""
    return "checkout" if {SESSION_ID, QUANTITY, VALUE} & set(roles) else "click"


def _note_what_is_missing(
    sample: Sample, roles: Mapping[str, str], days: Days, telling: tuple[str, ...], notes: list[str]
) -> None:
    if telling:
        same = sample.texts.height - sample.texts.select(telling).n_unique()
        notes.append(
            f"no field names an event: event_id is made of {', '.join(telling)}; {same:,} of {sample.texts.height:,} lines "
            "are then the same as another and count once"
        )
    if SESSION_ID not in roles:
        notes.append("no field names a session: what one user takes in a week is one basket")
    if QUANTITY in roles:
        notes.append(f"{roles[QUANTITY]} below 0 is a return: such lines are left out; it is not kept otherwise")
    if days.lacking:
        notes.append(
            f"{days.lacking:,} lines lack a user or an item: they go to quarantine, which the settings allow (max_rejected_share)"
        )
    for reason, count in days.left_out["reason"].value_counts(sort=True).iter_rows():
        notes.append(f"{count:,} lines are in left_out.csv and not in the landing: {reason}")
    gaps = _gaps(days.days)
    if gaps:
        notes.append(f"{gaps} days between the first and the last have no line (missing_days: allow)")


def _gaps(days: list[date]) -> int:
    return (days[-1] - days[0]).days + 1 - len(days)


def _limit(days: Days) -> float | None:
    """A tenth above the worst day seen; None where the usual limit does."""
    return min(1.0, math.ceil(110 * days.without) / 100) if days.without > 0.01 else None


def _mapping(roles: Mapping[str, str], fields: list[Field], mapped: Mapped) -> list[dict[str, Any]]:
    examples = {field.name: list(field.examples) for field in fields}
    found = [{"column": role, "field": name, "examples": examples[name]} for role, name in roles.items()]
    unused = [field.name for field in fields if field.name not in roles.values()]
    made = (
        [{"column": EVENT_ID, "field": f"made of {', '.join(mapped.event_id_from)}", "examples": []}]
        if mapped.event_id_from
        else []
    )
    left = [{"column": "(not used)", "field": name, "examples": examples[name]} for name in unused]
    return [*found, *made, *left]


def render(facts: Facts, to: Console) -> None:
    """For people."""
    say(to, f"{facts['sample']}: {facts['rows']:,} rows, {facts['days']} days from {facts['first']} to {facts['last']}")
    rows = [(each["column"], each["field"], ", ".join(each["examples"])) for each in facts["mapping"]]
    print_table(to, ["column", "your field", "such as"], rows)
    for note in facts["notes"]:
        say(to, f"- {note}")
    if facts["settings"] is None:
        say(to, "\nnothing was written; next: leave out --look, or correct the mapping with --field COLUMN=FIELD")
        return
    week_before = max(facts["first"], facts["last"] - timedelta(days=7))
    say(to, f"\n{facts['settings']} and {facts['folder']}/landing are written. Read the settings, then:")
    say(to, f"  export SHORTLIST_CONFIG={Path(facts['settings']).resolve()}")
    say(to, "  infra/shortlist doctor")
    say(to, f"  infra/night {week_before} {facts['last']}   # the second judges the lists of the first")
    say(to, f"  infra/shortlist status --as-of {facts['last']}")
    say(to, "  infra/shortlist show related")
