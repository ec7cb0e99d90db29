"""A list holds at most so many items of one category."""

from shortlist.rules.facts import ListRule
from shortlist.rules.groups import at_most

MAX_PER_CATEGORY = ListRule(
    lambda surface: surface.max_per_category is not None,
    lambda found, surface: at_most(found.subjects, found.traits.categories, surface.max_per_category),
    "better items of its category fill the slots that max_per_category leaves to one",
)
