"""Secrets taken out of text, before it becomes an error, a log line, a manifest, a row or a page.

No setting of Shortlist holds a secret: storage credentials come from the environment or from a provider of Hadoop's or the
cloud's. What is here is for the day on which one is put where it does not belong, or is quoted by a library's error.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

MASK: Final = "***"

_WORDS = (
    r"secret|passw(?:or)?d|passphrase|token|credentials?|access[._-]?key|account[._-]?key|api[._-]?key|"
    r"private[._-]?key|signature"
)
_SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
# What follows looks at each word once, from its beginning, and never goes back in it: an error may quote a line of megabytes.
# `fs.s3a.access.key=x`, `"password": "x"`, `?sig=x`
_KEYED = re.compile(
    rf"""((?:(?<![\w.-])(?=[\w.-]*?(?:{_WORDS}))[\w.-]++|[?&]sig)["']?\s*+[=:]\s*+["']?)([^\s"',;&}})\]]++)""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\bbearer\s++)[\w.~+/=-]{8,}+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<![a-z0-9+.-])([0-9+.-]*+)([a-z][a-z0-9+.-]*+)://([^\s/@'\"]++)@", re.IGNORECASE)
# In these the part before the @ is a container.
_CONTAINERS: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})
# Shorter values would blank out half of every text.
_SHORTEST: Final = 8


def redact(text: str) -> str:
    """The text with `***` instead of secrets.

    Taken out: users and passwords in URLs, values of keys that are named like a secret, bearer tokens, and the values of
    environment variables that are named like one, wherever they stand.
    """
    for value in _secrets_of_the_environment():
        text = text.replace(value, MASK)
    text = _USERINFO.sub(_without_userinfo, text)
    text = _KEYED.sub(rf"\g<1>{MASK}", text)
    return _BEARER.sub(rf"\g<1>{MASK}", text)


def redact_all(value: Any) -> Any:
    """A JSON-able value with every text in it redacted; what stands under a key named like a secret goes whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            key: MASK if isinstance(part, str) and _SECRET_NAME.search(str(key)) else redact_all(part)
            for key, part in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [redact_all(part) for part in value]
    return value


def secret_in_url(url: str) -> str | None:
    """What a URL holds that belongs into the environment, in words; None when there is nothing, or it is no URL."""
    if "://" not in url:
        return None
    parts = urlsplit(url)
    if "@" in parts.netloc and (parts.scheme.lower() not in _CONTAINERS or ":" in parts.netloc.rpartition("@")[0]):
        return "it holds a user or a password"
    return "it holds a query, where signatures stand" if parts.query else None


def _without_userinfo(found: re.Match[str]) -> str:
    before, scheme, user = found.groups()
    if scheme.lower() in _CONTAINERS and ":" not in user:
        return found[0]
    return f"{before}{scheme}://{MASK}@"


def _secrets_of_the_environment() -> list[str]:
    named = (value for name, value in os.environ.items() if _SECRET_NAME.search(name))
    # A path is where a secret lies, not the secret.
    return sorted((v for v in named if len(v) >= _SHORTEST and not v.startswith("/")), key=len, reverse=True)
