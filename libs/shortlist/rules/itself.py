"""An item is not given beside itself."""

from shortlist.rules.facts import PairRule

ITSELF = PairRule(lambda surface: True, lambda pairs, surface: pairs.itself, "it is the subject itself")
