"""Candidate sources: one file each, one entry here, one config class in `shortlist.config`. Arithmetic on arrays, no Spark."""

from collections.abc import Mapping
from typing import Final

from shortlist.sources.als import Als
from shortlist.sources.cooccurrence import Cooccurrence
from shortlist.sources.inputs import Source
from shortlist.sources.popularity import Popularity

SOURCES: Final[Mapping[str, type[Source]]] = {
    "als": Als,
    "cooccurrence": Cooccurrence,
    "popularity": Popularity,
}
