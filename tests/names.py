"""Names of files that a URL, a pattern or a shell would take for something else."""

from typing import Final

NAMES: Final = (
    "copy of 3.json", " 3.json", "Zoë.json", "日本.json", "part-0+(1).parquet", "100%.json", "a%20b.json", "a%2Fb.json",
    "what?.json", "a?region=x", "a#b.json", "[1].json", "{a,b}.json", "*.json", "a:b=c&d;e,f.json", "it's \"quoted\".json",
    "<a>|^~`$!@.json",
)  # fmt: skip
