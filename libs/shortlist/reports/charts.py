"""Charts as inline SVG; horizontal positions are percentages, so that any screen fits and no word is distorted.

Colours come from the page's style sheet by class (`s0`, `s1` ... are the sources): light and dark need no second chart.
Every text goes through markupsafe, which escapes it.
"""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from shortlist.reports.evaluation import Estimate
from shortlist.reports.facts import DayVolume
from shortlist.reports.lists import Change, RankBand

_AXIS = 18  # pixels below the columns for their labels
_GAP = 0.18  # share of a column's width that stays empty


def volume_chart(days: Sequence[DayVolume], height: int = 150) -> Markup:
    """Events per day as columns, the last one marked.

    Args:
        days: Oldest first, at least one.
        height: Pixels of the columns.
    """
    most = max(1, *(day.events for day in days))
    columns = [
        _column(
            position,
            len(days),
            0,
            day.events / most,
            height,
            "now" if position == len(days) - 1 else "then",
            _describe_day(day),
        )
        for position, day in enumerate(days)
    ]
    every = -(-len(days) // 4)
    # The last day is named at the right end; a label too near to it would be written over.
    named = [position for position in range(0, len(days), every) if position + every / 2 < len(days) - 1] + [
        len(days) - 1
    ]
    labels = [
        _label(position, len(days), height, f"{days[position].day.day} {days[position].day:%b}") for position in named
    ]
    last, events = days[-1].day.isoformat(), days[-1].events
    return _svg(
        height + _AXIS,
        f"events per day; {events:,} on {last}, {most:,} at most",
        [*columns, _guide(height, most), *labels],
    )


def rank_share_chart(bands: Sequence[RankBand], classes: Mapping[str, str], height: int = 110) -> Markup:
    """Which source fills which rank: one stacked column per band of ranks.

    Args:
        bands: From the first rank to the last, at least one.
        classes: CSS class by source; sources are stacked in this order.
        height: Pixels of the columns.
    """
    parts: list[Markup] = []
    for position, band in enumerate(bands):
        below = 0.0
        for source, css in classes.items():
            share = band.shares.get(source, 0.0)
            if share:
                title = f"{_ranks(band)}: {share:.0%} {source}"
                parts.append(_column(position, len(bands), below, share, height, css, title))
            below += share
    return _svg(height + _AXIS, "share of each source by rank", [*parts, *_rank_labels(bands, height)])


def score_chart(bands: Sequence[RankBand], height: int = 110) -> Markup:
    """Scores along the ranks: from the 10 % to the 90 % quantile, with a mark at the median.

    Args:
        bands: From the first rank to the last, at least one.
        height: Pixels of the columns.
    """
    lowest, highest = min(band.low for band in bands), max(band.high for band in bands)
    floor = min(0.0, lowest)
    span = (highest - floor) or 1.0
    parts: list[Markup] = []
    for position, band in enumerate(bands):
        title = f"{_ranks(band)}: median {band.median:.4g}, 10-90 % {band.low:.4g} to {band.high:.4g}"
        reach = max((band.high - band.low) / span, 2 / height)
        base = min((band.low - floor) / span, 1 - reach)  # a band without width is drawn two pixels high, inside
        parts.append(_column(position, len(bands), base, reach, height, "then", title))
        mark = 2 / height
        parts.append(
            _column(position, len(bands), min((band.median - floor) / span, 1 - mark), mark, height, "median", title)
        )
    ends = [_label(0, 2, height, f"rank 1: {bands[0].median:.3g}")]
    if len(bands) > 1:
        ends.append(_end_label(height, f"rank {bands[-1].last}: {bands[-1].median:.3g}"))
    return _svg(height + _AXIS, "scores by rank", [*parts, *ends])


def overlap_chart(change: Change, height: int = 70) -> Markup:
    """How many lists kept how much: one column per tenth of overlap."""
    most = max(1, *change.tenths)
    parts = [
        _column(
            position,
            10,
            0,
            lists / most,
            height,
            "then",
            f"{position * 10}-{position * 10 + 10} % kept: {lists:,} lists",
        )
        for position, lists in enumerate(change.tenths)
    ]
    labels = [_label(position, 10, height, f"{position * 10} %") for position in (0, 5)]
    return _svg(height + _AXIS, "lists by share of items kept", [*parts, *labels, _end_label(height, "100 %")])


def interval_track(estimate: Estimate, highest: float, css: str, title: str, height: int = 22) -> Markup:
    """One mean as a dot on its 95 % interval, on a track from 0 to `highest`.

    Args:
        estimate: The mean and its interval; without an interval there is only the dot.
        highest: Value at the right end, above 0.
        css: Class of the colour.
        title: What a reader of the dot sees.
        height: Pixels.
    """
    middle = height / 2

    def at(value: float) -> str:
        return f"{100 * min(max(value / highest, 0), 1):.2f}%"

    parts = [Markup('<line x1="0" x2="100%" y1="{0}" y2="{0}" class="track"/>').format(middle)]
    if estimate.low is not None and estimate.high is not None:
        parts.append(
            Markup('<line x1="{}" x2="{}" y1="{}" y2="{}" class="interval {}"/>').format(
                at(estimate.low), at(estimate.high), middle, middle, css
            )
        )
    parts.append(
        Markup('<circle cx="{}" cy="{}" r="5" class="dot {}"><title>{}</title></circle>').format(
            at(estimate.value), middle, css, title
        )
    )
    return _svg(height, title, parts)


def _svg(height: float, title: str, parts: Iterable[Markup]) -> Markup:
    return Markup('<svg width="100%" height="{}" role="img" aria-label="{}">{}</svg>').format(
        height, title, Markup("").join(parts)
    )


def _column(position: int, positions: int, base: float, share: float, height: int, css: str, title: str) -> Markup:
    """A column at one of `positions`, from `base` upwards by `share` of the height."""
    wide = 100 / positions
    return Markup(
        '<rect x="{:.3f}%" width="{:.3f}%" y="{:.2f}" height="{:.2f}" class="{}"><title>{}</title></rect>'
    ).format(wide * (position + _GAP / 2), wide * (1 - _GAP), height * (1 - base - share), height * share, css, title)


def _label(position: int, positions: int, height: int, text: str) -> Markup:
    return Markup('<text x="{:.3f}%" y="{}" text-anchor="{}">{}</text>').format(
        100 if position == positions - 1 else 100 * position / positions,
        height + _AXIS - 4,
        "end" if position == positions - 1 else "start",
        text,
    )


def _end_label(height: int, text: str) -> Markup:
    return Markup('<text x="100%" y="{}" text-anchor="end">{}</text>').format(height + _AXIS - 4, text)


def _guide(height: int, most: int) -> Markup:
    """Lines at a round value and its half, with the value written above the upper one."""
    step = 10 ** (len(str(most)) - 1)
    top = next((step * factor / 10 for factor in (100, 80, 60, 40, 20, 10) if step * factor / 10 <= most), float(most))
    line = Markup('<line x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}" class="guide"/>')
    text = Markup('<text x="0" y="{:.1f}" class="halo">{:,.0f}</text>')
    positions = {value: height * (1 - value / most) for value in (top, top / 2)}
    return Markup("").join(
        line.format(position) + text.format(position - 3, value) for value, position in positions.items()
    )


def _rank_labels(bands: Sequence[RankBand], height: int) -> list[Markup]:
    labels = [_label(0, max(2, len(bands)), height, "rank 1")]
    if len(bands) > 1:
        labels.append(_end_label(height, f"rank {bands[-1].last}"))
    return labels


def _ranks(band: RankBand) -> str:
    return f"rank {band.first}" if band.first == band.last else f"ranks {band.first}-{band.last}"


def _describe_day(day: DayVolume) -> str:
    refused = f", {day.quarantined:,} lines refused" if day.quarantined else ""
    return f"{day.day.isoformat()}: {day.events:,} events{refused}"
