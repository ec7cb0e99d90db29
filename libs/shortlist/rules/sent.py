"""What was sent to a subject lately is not sent again."""

from shortlist.rules.facts import PairRule

SENT = PairRule(
    lambda surface: surface.sent is not None and surface.sent.item_days is not None,
    lambda pairs, surface: pairs.sent,
    "it was sent to the subject lately (sent.item_days)",
)
