"""One campaign takes at most so large a share of all slots of a surface. Lists are not looked at one by one, but together."""

from fractions import Fraction

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import TableRule


def _most_rows(surface: SurfaceConfig, subjects: int) -> int | None:
    promotions = surface.promotions
    if promotions is None or promotions.max_campaign_share is None:
        return None
    # The share as people write it: 0.29 of 100 slots are 29, although the nearest float is a little less.
    return int(Fraction(str(promotions.max_campaign_share)) * subjects * surface.k)


CAMPAIGN_SHARE = TableRule(
    _most_rows,
    "its campaign has all the slots, over all lists, that promotions.max_campaign_share leaves to one",
)
