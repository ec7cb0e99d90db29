"""What a subject engaged with before is not given to it, unless the surface is for repeat purchases."""

from shortlist.rules.facts import PairRule

SEEN = PairRule(
    lambda surface: surface.mask_seen,
    lambda pairs, surface: pairs.engaged,
    "the subject had engaged with it before, so it is not given to it",
)
