"""What was shown to a subject often enough, without engagement, is not given to it as long as that is recent."""

from shortlist.rules.facts import PairRule

SERVED = PairRule(
    lambda surface: surface.fatigue is not None,
    lambda pairs, surface: pairs.served,
    "it was shown to the subject often enough lately, and they did not engage with it (fatigue)",
)
