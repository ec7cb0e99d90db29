"""A list holds at most so many items of one creator."""

from shortlist.rules.facts import ListRule
from shortlist.rules.groups import at_most

MAX_PER_CREATOR = ListRule(
    lambda surface: surface.max_per_creator is not None,
    lambda found, surface: at_most(found.subjects, found.traits.creators, surface.max_per_creator),
    "better items of its creator fill the slots that max_per_creator leaves to one",
)
