"""Words of users and producers, made fit to be shown: no control characters, no hidden direction, no walls of text.

Escaping is the template's work; this is about what escaping leaves alone: terminal escapes, direction marks, length.
"""

import unicodedata

ELLIPSIS = "…"
REPLACEMENT = "\ufffd"

# Controls, formats (zero-width, direction marks), surrogates, private use, unassigned, line and paragraph separators.
_UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: object, limit: int) -> str:
    """The text on one line, at most `limit` characters, each of them visible.

    Runs of white space become one space; a character that cannot be seen becomes U+FFFD, so that nothing hides; a text
    that is cut ends in an ellipsis.

    Args:
        text: Anything; None reads as an empty text.
        limit: Longest result in characters, at least 1.
    """
    if text is None:
        return ""
    # Only the head is looked at: an id may be megabytes long.
    words = " ".join(str(text)[: 4 * limit + 64].split())
    shown = "".join(REPLACEMENT if unicodedata.category(char) in _UNSHOWN else char for char in words[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + ELLIPSIS


def width(text: str) -> int:
    """Columns that the text takes on a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def column(text: object, columns: int) -> str:
    """The text cut and padded to exactly so many terminal columns."""
    shown = plain(text, columns)
    while width(shown) > columns:
        shown = shown[:-2] + ELLIPSIS
    return shown + " " * (columns - width(shown))
