"""What a subject hid is not given to it."""

from shortlist.rules.facts import PairRule

HIDDEN = PairRule(
    lambda surface: surface.mask_hidden,
    lambda pairs, surface: pairs.hidden,
    "the subject hid it, so it is never given to it",
)
