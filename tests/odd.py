"""Ids that somebody, somewhere, has: none of them is an error, and none may be taken for anything but a name."""

from typing import Final

ODD_IDS: Final = {
    "quotes": "o'br\"ien`s",
    "sql": "u'; DROP TABLE candidates_homefeed; --",
    "slashes": "../../etc/passwd\\..\\x",
    "url": "s3a://bucket/a?b=c&d=e#f",
    "percent": "100%25 %s %(x)s {0} ${x}",
    "markup": "<script>alert(1)</script>&amp;",
    "rich": "[bold red]x[/] [link=http://x]y[/link]",
    "spaces": "a  b ",
    "equals": "a=b,c=d;e|f",
    "glob": "*?[!a]{b,c}",
    "unicode": "Zoë 李小龍 👩‍👩‍👧 e\u0301",
    "right to left": "abc\u202etxt.exe",
    "zero width": "a\u200bb\ufeffc",
    "null": "null",
    "number": "0012",
    "float": "1e5",
    "nan": "NaN",
    "dash": "--config",
    "longest": "ü" * 256,
}
# No line of a landing brings them in (extraction sends them to quarantine), but a table may hold them.
UNFIT_IDS: Final = {"controls": "a\x1b[2J\r\n\tb\x07", "endless": "x" * 10_000}
EVERY_ID: Final = {**ODD_IDS, **UNFIT_IDS}
