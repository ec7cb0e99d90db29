"""Of items that are the same thing a list holds the best one."""

from shortlist.rules.facts import ListRule
from shortlist.rules.groups import at_most

ONE_PER_CONTENT_KEY = ListRule(
    lambda surface: surface.one_per_content_key,
    lambda found, surface: at_most(found.subjects, found.traits.content_keys, 1),
    "a better item of its content_key is in the list: they are the same thing (one_per_content_key)",
)
