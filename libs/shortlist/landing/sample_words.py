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
}
_LIKED, _DISLIKED = 0.8, 0.4
_LEAST_GRADES: Final = 3


def event_types(words: Iterable[str]) -> tuple[dict[str, EventType], list[str]]:
    """Word: event type; and the words that are not usual. Numbers are grades: four fifths of the best is a save.

    Args:
        words: different words of the sample's events.
    """
    given = sorted(set(words))
    grades = {word: float(word) for word in given if re.fullmatch(r"\d+(\.\d+)?", word)}
    if given and len(grades) == len(given) and len(given) >= _LEAST_GRADES:
        best = max(grades.values())
        return {word: _grade(grade / best) for word, grade in sorted(grades.items(), key=lambda pair: pair[1])}, []
    known = {word: _USUAL[bare] for word in given if (bare := re.sub(r"[^a-z]", "", word.lower())) in _USUAL}
    return known, [word for word in given if word not in known]


def _grade(share: float) -> EventType:
    return "save" if share >= _LIKED else "hide" if share <= _DISLIKED else "closeup"
