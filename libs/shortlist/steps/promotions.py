"""What is promoted on a day, and to whom; said where a promotion reaches nobody."""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from shortlist.columns import AUDIENCE, CAMPAIGN, ENDS_AT, ITEM_ID, PROMOTION_ID, STARTS_AT
from shortlist.generation.prepared import Promoting
from shortlist.rules.promotions import served_from
from shortlist.tables import AUDIENCE_MEMBERS, PROMOTIONS
from shortlist.warehouse.run import Run, log

_TIME = pa.timestamp("us", "UTC")
_NONE = pa.schema(
    [(name, pa.string()) for name in (PROMOTION_ID, ITEM_ID, CAMPAIGN, AUDIENCE)]
    + [(STARTS_AT, _TIME), (ENDS_AT, _TIME)]
).empty_table()
# Audiences without anybody that a log line names.
_SHOWN = 10


def promoting(run: Run, day: date) -> Promoting | None:
    """The newest descriptions of promotions and audiences up to a day; None where no surface looks at them."""
    if all(surface.promotions is None for surface in run.settings.surfaces.values()):
        return None
    described = run.snapshot(PROMOTIONS, day)
    if described is None:
        log.warning("no promotions are known up to %s: surfaces of promotions have no lists", day)
        return Promoting(_NONE, None)
    live = (described[STARTS_AT] <= served_from(day)) & (described[ENDS_AT] > served_from(day))
    found = Promoting(described.where(live).select(*_NONE.column_names).toArrow(), run.snapshot(AUDIENCE_MEMBERS, day))
    _say(found.promotions, found.members, day)
    return found


def _say(live: pa.Table, members: DataFrame | None, day: date) -> None:
    named = {name for name in pc.unique(live[AUDIENCE]).to_pylist() if name is not None}
    log.info(
        "promotions that are live when %s ends: %d of an item each, of %d items, for %d audiences",
        day, live.num_rows, pc.count_distinct(live[ITEM_ID]).as_py(), len(named),
    )  # fmt: skip
    if not live.num_rows:
        log.warning("no promotion is live when %s ends: surfaces of promotions have no lists", day)
    if not named:
        return
    if members is None:
        log.warning(
            "promotions name %d audiences, and no audience_members are known up to %s: only promotions without an audience "
            "reach anybody; next: land <landing>/audience_members/<day>/ (audience, user_id)",
            len(named), day,
        )  # fmt: skip
        return
    empty = sorted(named - {row[AUDIENCE] for row in members.select(AUDIENCE).distinct().collect()})
    if empty:
        shown = ", ".join(empty[:_SHOWN]) + (" ..." if len(empty) > _SHOWN else "")
        log.warning("nobody is in %d audiences that promotions name, so nobody gets these: %s", len(empty), shown)
