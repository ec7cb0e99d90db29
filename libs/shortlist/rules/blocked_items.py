"""An item that settings block is left out."""

from shortlist.rules.among import among
from shortlist.rules.facts import ItemRule

BLOCKED_ITEMS = ItemRule(
    lambda items, surface: bool(surface.blocked_items),
    lambda items, surface: ~among(items.ids, surface.blocked_items),
    lambda items, surface, index: "it is among blocked_items",
)
