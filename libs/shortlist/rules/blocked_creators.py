"""An item of a creator that settings block is left out."""

from shortlist.rules.among import among
from shortlist.rules.facts import ItemRule

BLOCKED_CREATORS = ItemRule(
    lambda items, surface: bool(surface.blocked_creators),
    lambda items, surface: ~among(items.creators, surface.blocked_creators),
    lambda items, surface, index: f"its creator {items.creators[index].as_py()} is among blocked_creators",
)
