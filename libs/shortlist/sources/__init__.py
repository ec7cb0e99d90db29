"""Candidate sources: one file each, one entry here, one config class in `shortlist.config`. Arithmetic on arrays, no Spark."""

from collections.abc import Mapping
from typing import Final

from shortlist.sources.als import Als
from shortlist.sources.category_affinity import CategoryAffinity
from shortlist.sources.content import Content
from shortlist.sources.conversion import Conversion
from shortlist.sources.cooccurrence import Cooccurrence
from shortlist.sources.fresh import Fresh
from shortlist.sources.inputs import Source
from shortlist.sources.interests import Interests
from shortlist.sources.last_basket import LastBasket
from shortlist.sources.log_lift import LogLift
from shortlist.sources.popularity import Popularity
from shortlist.sources.query_clicks import QueryClicks
from shortlist.sources.query_neighbours import QueryNeighbours
from shortlist.sources.repeat import Repeat
from shortlist.sources.rp3beta import Rp3beta
from shortlist.sources.session_neighbours import SessionNeighbours
from shortlist.sources.session_next import SessionNext
from shortlist.sources.spectral import Spectral
from shortlist.sources.trending import Trending
from shortlist.sources.user_neighbours import UserNeighbours
from shortlist.sources.word_parts import WordParts
from shortlist.sources.words import Words

SOURCES: Final[Mapping[str, type[Source]]] = {
    "als": Als,
    "interests": Interests,
    "cooccurrence": Cooccurrence,
    "last_basket": LastBasket,
    "rp3beta": Rp3beta,
    "log_lift": LogLift,
    "spectral": Spectral,
    "user_neighbours": UserNeighbours,
    "session_neighbours": SessionNeighbours,
    "session_next": SessionNext,
    "category_affinity": CategoryAffinity,
    "content": Content,
    "query_clicks": QueryClicks,
    "query_neighbours": QueryNeighbours,
    "words": Words,
    "word_parts": WordParts,
    "repeat": Repeat,
    "conversion": Conversion,
    "trending": Trending,
    "fresh": Fresh,
    "popularity": Popularity,
}
