"""What the traffic rules compare: pure arithmetic on counts per delivery, judged elsewhere by Great Expectations."""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from shortlist.config import ChecksConfig, TrafficConfig
from shortlist.contracts import Severity

WHERE, SAID = "where", "said"
IMPRESSION, CLOSEUP, SAVE = "impression", "closeup", "save"
HOURS_A_DAY: Final = 24
SURFACE_LENGTH: Final = 60

Row = dict[str, float | str]


@dataclass(frozen=True)
class Delivered:
    """One event type of one surface in one landing folder; see `transforms.traffic.daily_traffic`.

    Attributes:
        day: date of the folder.
        surface: the surface, "" where the events name none.
        event_type: what was done.
        events: how many.
        newest: when the newest of them was done, UTC.
        items: events that name an item.
        unknown_items: those whose item the catalog does not describe; None without a catalog.
        empty: empty values by column.
    """

    day: date
    surface: str
    event_type: str
    events: int
    newest: datetime
    items: int
    unknown_items: int | None
    empty: Mapping[str, int]


@dataclass(frozen=True)
class Heaviest:
    """The user or the item of most events of a landing folder; see `transforms.traffic.heaviest`.

    Attributes:
        day: date of the folder.
        kind: user or item.
        id: who or what it is.
        events: its events.
        total: events of the folder that name one.
    """

    day: date
    kind: str
    id: str
    events: int
    total: int


@dataclass(frozen=True)
class Comparison:
    """A rule and the rows that it judges: in each row `high` must not be below `low`.

    Attributes:
        rule: its name.
        description: what it demands, one sentence with the setting that says so.
        severity: whether its failure holds the run or shows as a warning.
        high: column of the numbers that must not be below.
        low: column of the numbers that they must not be below.
        rows: `high`, `low`, where (`where`) and the row in words (`said`).
        off: why there are no rows; None where there are.
    """

    rule: str
    description: str
    severity: Severity
    high: str
    low: str
    rows: tuple[Row, ...]
    off: str | None


@dataclass
class _Rows:
    """Rows of a rule as they are found, and why others are not among them."""

    found: list[Row] = field(default_factory=list)
    skipped: dict[str, None] = field(default_factory=dict)

    def add(self, where: str, said: str, **numbers: float) -> None:
        self.found.append({WHERE: where, SAID: said, **numbers})

    def skip(self, why: str) -> None:
        self.skipped[why] = None

    def under(self, rule: str, description: str, severity: str, setting: str, high: str, low: str) -> Comparison:
        """The comparison of these rows, off where the settings say so or nothing was found to judge."""
        if severity == "off":
            return Comparison(rule, description, "warning", high, low, (), f"switched off by {setting}.severity")
        stated: Severity = "critical" if severity == "critical" else "warning"
        off = None if self.found else "; ".join(self.skipped) or "there was nothing of the kind on these days"
        return Comparison(rule, description, stated, high, low, tuple(self.found), off)


class History:
    """Counts by day, surface and event type; a day that was delivered without something has 0 of it."""

    def __init__(self, traffic: Iterable[Delivered]) -> None:
        self._by_key = {(entry.day, entry.surface, entry.event_type): entry for entry in traffic}
        self._days = sorted({day for day, _, _ in self._by_key})

    @property
    def event_types(self) -> list[str]:
        """Event types that were ever seen."""
        return sorted({event_type for _, _, event_type in self._by_key})

    def delivered(self, day: date) -> bool:
        """Whether there was a delivery on the day."""
        return day in self._days

    def before(self, day: date, days: int) -> list[date]:
        """Delivered days among the so many before a day."""
        return [known for known in self._days if day - timedelta(days=days) <= known < day]

    def surfaces(self, event_type: str, days: Iterable[date]) -> list[str]:
        """Surfaces on which an event type was seen on some of the days."""
        wanted = set(days)
        return sorted({surface for day, surface, kind in self._by_key if kind == event_type and day in wanted})

    def events(self, event_type: str, day: date, surface: str) -> int:
        """Events of a type on a surface."""
        entry = self._by_key.get((day, surface, event_type))
        return entry.events if entry else 0

    def of_type(self, event_type: str, days: Iterable[date]) -> list[Delivered]:
        """All there is of an event type on some days."""
        wanted = set(days)
        return [entry for (day, _, kind), entry in self._by_key.items() if kind == event_type and day in wanted]


def comparisons(
    traffic: Sequence[Delivered],
    judged: Sequence[date],
    config: ChecksConfig,
    has_catalog: bool,
    heaviest: Sequence[Heaviest] = (),
) -> list[Comparison]:
    """Every traffic rule with what it judges.

    Args:
        traffic: counts of the judged days and of the days before them.
        judged: days to judge, oldest first.
        config: limits and severities.
        has_catalog: whether a catalog was known, that is, whether unknown items were counted.
        heaviest: users and items of most events of the judged days.
    """
    history = History(traffic)
    named = [str(event_type) for event_type in config.event_types]
    found = [_closeups(history, judged, config), *_save_rate(history, judged, config), *_heaviest(heaviest, config)]
    for event_type in sorted({*history.event_types, *named}):
        expected = config.of(event_type)
        setting = f"checks.event_types.{event_type}" if event_type in named else "checks.every"
        found += [
            *_volume(history, judged, event_type, expected, setting),
            _unknown_items(history, judged, event_type, expected, setting, has_catalog),
            _empty_columns(history, judged, event_type, expected, setting, config),
            _freshness(history, judged, event_type, expected, setting, config),
        ]
    return found


def _closeups(history: History, judged: Sequence[date], config: ChecksConfig) -> Comparison:
    limit, rows = config.closeups.max_ratio, _Rows()
    for day in judged:
        seen = [*history.before(day, config.history_days), day]
        shown = history.surfaces(IMPRESSION, seen)
        for surface in history.surfaces(CLOSEUP, seen):
            if surface not in shown:
                rows.skip(f"no impressions are logged on {_surface(surface)}")
                continue
            closeups, impressions = (history.events(kind, day, surface) for kind in (CLOSEUP, IMPRESSION))
            said = f"{closeups:,} closeups, {impressions:,} impressions"
            rows.add(_place(day, surface), said, impressions=limit * impressions, closeups=closeups)
    if not rows.found and not rows.skipped:
        rows.skip("no closeups were logged")
    description = f"At most {limit:g} closeups to an impression on each surface and day (checks.closeups.max_ratio)."
    severity = config.closeups.severity
    return rows.under(
        "closeups_within_impressions", description, severity, "checks.closeups", "impressions", "closeups"
    )


def _save_rate(history: History, judged: Sequence[date], config: ChecksConfig) -> Iterator[Comparison]:
    rate, rows = config.save_rate, _Rows()
    for day in judged:
        before = history.before(day, config.history_days)
        for surface in history.surfaces(SAVE, [*before, day]):
            shown = {past: history.events(rate.per, past, surface) for past in [*before, day]}
            enough = [past for past in before if shown[past] >= rate.min_events]
            if shown[day] < rate.min_events:
                rows.skip(f"fewer than {rate.min_events} {rate.per}s on {_surface(surface)}")
                continue
            if len(enough) < config.min_history_days:
                rows.skip(f"fewer than {config.min_history_days} earlier days on {_surface(surface)} to compare with")
                continue
            past_rates = [history.events(SAVE, past, surface) / shown[past] for past in enough]
            low, high = save_band(past_rates, shown[day], rate.width)
            now = history.events(SAVE, day, surface) / shown[day]
            said = f"{now:.3%} saves to {shown[day]:,} {rate.per}s, {low:.3%} to {high:.3%} expected"
            rows.add(_place(day, surface), said, save_rate=now, at_least=low, at_most=high)
    if not rows.found and not rows.skipped:
        rows.skip("no saves were logged")
    band = (
        f"within {rate.width:g} standard deviations of the trailing {config.history_days} days (checks.save_rate.width)"
    )
    description = f"Saves per {rate.per} on each surface and day are {band}: not below."
    setting = "checks.save_rate"
    yield rows.under("save_rate_at_least", description, rate.severity, setting, "save_rate", "at_least")
    description = description.replace("not below", "not above")
    yield rows.under("save_rate_at_most", description, rate.severity, setting, "at_most", "save_rate")


def save_band(rates: Sequence[float], shown: int, width: float) -> tuple[float, float]:
    """The mean of earlier days' rates, and `width` standard deviations to either side.

    The deviation is that of the days, or what chance alone makes of a day like today, sqrt(p (1 - p) / n), whichever is
    larger: rates that happened to be alike do not make a band that nothing can meet.

    Args:
        rates: saves to impressions (or closeups) of earlier days, at least one.
        shown: impressions (or closeups) of the judged day.
        width: standard deviations.
    """
    mean = statistics.fmean(rates)
    chance = math.sqrt(max(mean * (1 - mean), 0) / shown)
    half = width * max(statistics.pstdev(rates), chance)
    return max(mean - half, 0.0), mean + half


def _heaviest(heaviest: Sequence[Heaviest], config: ChecksConfig) -> Iterator[Comparison]:
    limits = config.heaviest
    for kind, limit in (("user", limits.max_user_share), ("item", limits.max_item_share)):
        rows = _Rows()
        for entry in heaviest:
            if entry.kind != kind:
                continue
            if entry.total < limits.min_events:
                rows.skip(f"fewer than {limits.min_events} events a day name one")
                continue
            share = entry.events / entry.total
            said = f"{kind} {entry.id[:SURFACE_LENGTH]!r} has {entry.events:,} of {entry.total:,} events ({share:.1%})"
            rows.add(entry.day.isoformat(), said, share=share, at_most=limit)
        setting = f"checks.heaviest.max_{kind}_share"
        description = f"No {kind} has more than {limit:.0%} of a day's events ({setting})."
        yield rows.under(f"heaviest_{kind}", description, limits.severity, "checks.heaviest", "at_most", "share")


def _volume(
    history: History, judged: Sequence[date], event_type: str, expected: TrafficConfig, setting: str
) -> Iterator[Comparison]:
    volume, rows = expected.volume, _Rows()
    for day in judged:
        weeks = [day - timedelta(weeks=week) for week in range(1, volume.weeks + 1)]
        past = [known for known in weeks if history.delivered(known)]
        for surface in history.surfaces(event_type, [*past, day]):
            if len(past) < volume.min_weeks:
                rows.skip(f"the same weekday was delivered {len(past)} times before, {volume.min_weeks} are needed")
                continue
            mean = statistics.fmean(history.events(event_type, known, surface) for known in past)
            events = history.events(event_type, day, surface)
            if mean == 0:
                rows.skip(f"{_surface(surface)} had none on these weekdays before")
            elif max(mean, events) < expected.min_events:
                rows.skip(f"fewer than {expected.min_events} events a day on {_surface(surface)}")
            else:
                low, high = mean * (1 - volume.max_drop), mean * (1 + volume.max_rise)
                said = f"{events:,} events, {low:,.0f} to {high:,.0f} expected"
                rows.add(_place(day, surface), said, events=events, at_least=low, at_most=high)
    base = f"the mean of the same weekday in the {volume.weeks} weeks before, on each surface"
    fall = f"Events of type {event_type} fall by at most {volume.max_drop:.0%} from {base} ({setting}.volume.max_drop)."
    rise = f"Events of type {event_type} rise by at most {volume.max_rise:.0%} from {base} ({setting}.volume.max_rise)."
    where, severity = f"{setting}.volume", volume.severity
    yield rows.under(f"{event_type}_volume_at_least", fall, severity, where, "events", "at_least")
    yield rows.under(f"{event_type}_volume_at_most", rise, severity, where, "at_most", "events")


def _unknown_items(
    history: History, judged: Sequence[date], event_type: str, expected: TrafficConfig, setting: str, has_catalog: bool
) -> Comparison:
    limit, rows = expected.unknown_items.max_share, _Rows()
    if not has_catalog:
        rows.skip("no catalog was known on the run date")
    for day in judged if has_catalog else ():
        today = history.of_type(event_type, [day])
        items, unknown = sum(entry.items for entry in today), sum(entry.unknown_items or 0 for entry in today)
        if items < expected.min_events:
            rows.skip(f"fewer than {expected.min_events} events a day name an item")
            continue
        said = f"{unknown:,} of {items:,} name an item that the catalog lacks ({unknown / items:.2%})"
        rows.add(day.isoformat(), said, unknown_share=unknown / items, at_most=limit)
    what = f"events of type {event_type} name an item that the newest catalog lacks"
    description = f"At most {limit:.0%} of {what} ({setting}.unknown_items.max_share)."
    where, severity = f"{setting}.unknown_items", expected.unknown_items.severity
    return rows.under(f"{event_type}_items_known", description, severity, where, "at_most", "unknown_share")


def _empty_columns(
    history: History,
    judged: Sequence[date],
    event_type: str,
    expected: TrafficConfig,
    setting: str,
    config: ChecksConfig,
) -> Comparison:
    empty, rows = expected.empty_columns, _Rows()
    limits: dict[str, float] = {str(name): share for name, share in empty.max_share.items()}
    for day in judged:
        before = history.before(day, config.history_days)
        today, past = history.of_type(event_type, [day]), history.of_type(event_type, before)
        events, past_events = sum(entry.events for entry in today), sum(entry.events for entry in past)
        if events < expected.min_events:
            rows.skip(f"fewer than {expected.min_events} events a day")
            continue
        comparable = len(before) >= config.min_history_days and past_events >= expected.min_events
        if not comparable:
            rows.skip(f"fewer than {config.min_history_days} earlier days to compare with")
        for column in sorted(today[0].empty):
            if column not in limits and not comparable:
                continue
            share = _empty_share(today, column)
            limit = limits[column] if column in limits else min(_empty_share(past, column) + empty.max_rise, 1.0)
            said = f"{column} is empty in {share:.2%} of {events:,}, at most {limit:.2%} expected"
            rows.add(f"{day} {column}", said, empty_share=share, at_most=limit)
    description = (
        f"Columns of events of type {event_type} are empty at most {empty.max_rise:.0%} of the events more often than in "
        f"the trailing {config.history_days} days ({setting}.empty_columns.max_rise)"
    )
    own = ", ".join(f"{name} {share:.0%}" for name, share in limits.items())
    description += f"; by {setting}.empty_columns.max_share: {own}." if own else "."
    where, severity = f"{setting}.empty_columns", empty.severity
    return rows.under(f"{event_type}_columns_filled", description, severity, where, "at_most", "empty_share")


def _freshness(
    history: History,
    judged: Sequence[date],
    event_type: str,
    expected: TrafficConfig,
    setting: str,
    config: ChecksConfig,
) -> Comparison:
    limit, rows = expected.freshness.max_hours, _Rows()
    for day in judged:
        before = history.before(day, config.history_days)
        known = history.of_type(event_type, [*before, day])
        events = sum(entry.events for entry in known if entry.day == day)
        usual = sum(entry.events for entry in known if entry.day != day) / max(len(before), 1)
        if not known or max(events, usual) < expected.min_events:
            rows.skip(f"fewer than {expected.min_events} events a day")
            continue
        newest = max(entry.newest for entry in known)
        end = datetime(day.year, day.month, day.day, tzinfo=newest.tzinfo) + timedelta(hours=HOURS_A_DAY)
        hours = (end - newest).total_seconds() / 3600
        said = f"the newest event is of {newest:%Y-%m-%d %H:%M}, {hours:.1f} hours before the day ended"
        rows.add(day.isoformat(), said, hours=hours, at_most=limit)
    description = (
        f"The newest event of type {event_type} is at most {limit:g} hours older than the end of the day "
        f"({setting}.freshness.max_hours)."
    )
    where, severity = f"{setting}.freshness", expected.freshness.severity
    return rows.under(f"{event_type}_fresh", description, severity, where, "at_most", "hours")


def _empty_share(entries: Sequence[Delivered], column: str) -> float:
    return sum(entry.empty[column] for entry in entries) / sum(entry.events for entry in entries)


def _place(day: date, surface: str) -> str:
    return f"{day} {_printable(surface) or '(no surface)'}"


def _surface(surface: str) -> str:
    return _printable(surface) or "events without a surface"


def _printable(surface: str) -> str:
    """A producer's word, fit for a log: short, without control characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in surface[:SURFACE_LENGTH])
