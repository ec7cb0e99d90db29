"""What the words of a producer's events mean, as far as they are usual. Guesses, for a person to look at."""

import re
from collections.abc import Iterable
from typing import Final

from shortlist.config import EventType

_USUAL: Final[dict[str, EventType]] = {
    **dict.fromkeys(("impression", "impressions", "shown", "show", "display", "served"), "impression"),
    **dict.fromkeys(("view", "viewed", "pageview", "productview", "itemview", "detail", "details"), "closeup"),
    **dict.fromkeys(("closeup", "open", "opened", "play", "watch", "listen", "read"), "closeup"),
    **dict.fromkeys(("click", "clicked", "tap", "select"), "click"),
    **dict.fromkeys(("outbound", "clickout", "redirect", "leave"), "outbound"),
    **dict.fromkeys(("save", "saved", "like", "liked", "fav", "favorite", "favourite", "wishlist"), "save"),
    **dict.fromkeys(("bookmark", "pin", "repin", "follow", "upvote", "love"), "save"),
    **dict.fromkeys(("hide", "hidden", "dislike", "disliked", "block", "report", "downvote", "skip"), "hide"),
    **dict.fromkeys(("addtocart", "cart", "addtobasket", "basket", "add"), "add_to_cart"),
    **dict.fromkeys(("checkout", "purchase", "purchased", "transaction", "order", "ordered"), "checkout"),
    **dict.fromkeys(("buy", "bought", "sale", "sold", "pay", "paid"), "checkout"),
    **dict.fromkeys(("search", "searched", "query"), "search"),
    **dict.fromkeys(("send", "sent", "mailed", "pushed"), "send"),
}
_LIKED, _DISLIKED = 0.8, 0.4
_LEAST_GRADES: Final = 3


def types_by_grade(words: Iterable[str]) -> dict[float, EventType]:
    """Lowest grade: event type, where all words are numbers and some differ: four fifths of the best is a save.

    Args:
        words: different words of the sample's events.
    """
    given = set(words)
    grades = sorted({float(word) for word in given if re.fullmatch(r"\d+(\.\d+)?", word)})
    if len(grades) < _LEAST_GRADES or not all(re.fullmatch(r"\d+(\.\d+)?", word) for word in given):
        return {}
    lowest: dict[EventType, float] = {}
    for grade in grades:
        lowest.setdefault(_grade(grade / grades[-1]), grade)
    return {grade: kind for kind, grade in lowest.items()}


def event_types(words: Iterable[str]) -> tuple[dict[str, EventType], list[str]]:
    """Word: event type; and the words that are not usual.

    Args:
        words: different words of the sample's events.
    """
    given = sorted(set(words))
    known = {word: _USUAL[bare] for word in given if (bare := re.sub(r"[^a-z]", "", word.lower())) in _USUAL}
    return known, [word for word in given if word not in known]


def _grade(share: float) -> EventType:
    return "save" if share >= _LIKED else "hide" if share <= _DISLIKED else "closeup"
