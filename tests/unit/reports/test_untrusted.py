"""Words of others: nothing hidden, nothing too long, columns that line up."""

import pytest

from shortlist.reports.untrusted import column, plain, width


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Apples, 3 LB", 20, "Apples, 3 LB"),
        (None, 5, ""),
        (1234, 10, "1234"),
        ("a" * 10_000, 5, "aaaa…"),
        ("exact", 5, "exact"),
        ("two\n lines\tand  tabs", 30, "two lines and tabs"),
        ("red\x1b[31m", 30, "red\ufffd[31m"),
        ("\u202egnp.exe", 30, "\ufffdgnp.exe"),
        ("zero\u200bwidth", 30, "zero\ufffdwidth"),
        ("<b>&amp;", 30, "<b>&amp;"),
        ("Käse 奶酪", 30, "Käse 奶酪"),
    ],
)
def test_plain(text: object, limit: int, expected: str) -> None:
    assert plain(text, limit) == expected


def test_plain__does_not_read_megabytes() -> None:
    assert plain(" " * 5_000_000 + "far away", 10) == ""


def test_width__of_wide_and_combining_characters() -> None:
    assert (width("abc"), width("奶酪"), width("e\u0301")) == (3, 4, 1)


@pytest.mark.parametrize("text", ["", "short", "奶酪奶酪奶酪奶酪", "x" * 99, "\x1b]0;title\x07", "a奶酪奶酪奶酪"])
def test_column__is_exactly_as_wide_as_asked(text: str) -> None:
    assert width(column(text, 8)) == 8
    assert "\x1b" not in column(text, 8)
