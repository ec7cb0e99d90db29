"""An item is given only to users in the audience of a live promotion of it."""

from shortlist.rules.facts import PairRule

AUDIENCE = PairRule(
    lambda surface: surface.promotions is not None,
    lambda pairs, surface: ~pairs.addressed,
    "no live promotion of it is for this user: its audiences do not hold them (promotions)",
)
