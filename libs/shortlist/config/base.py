"""What all settings share: the words that they are made of, where local state lives, and strictness."""

import os
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

EventType = Literal["impression", "closeup", "save", "hide", "click", "outbound", "add_to_cart", "checkout", "search"]
BasketKind = Literal["board", "session", "order", "user-window"]
Measure = Literal["count", "cosine", "jaccard", "lift", "npmi", "llr", "rp3beta"]
# The G^2 of llr is a statistic of counts.
WEIGHTED_MEASURES: Final[tuple[Measure, ...]] = ("count", "cosine", "jaccard", "lift", "npmi", "rp3beta")
# The others hold pairs against what chance would give, or against a union, of whole baskets.
DIRECTED_MEASURES: Final[tuple[Measure, ...]] = ("count", "cosine", "rp3beta")
SourceName = Literal["als", "cooccurrence", "popularity"]

CHECKOUT = Path(__file__).resolve().parents[3]


def state_home() -> Path:
    """The folder of all local state: `$SHORTLIST_HOME`, else `.shortlist/` of the checkout."""
    return Path(os.environ.get("SHORTLIST_HOME") or CHECKOUT / ".shortlist").resolve()


class Section(BaseModel):
    """A group of settings: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
