"""Why each source of a surface proposed an item to a subject, or did not: one sentence a source.

Everything is said from tables, at the versions that the run read: what sources proposed and scored, and what models know of
the item. A source gives the best `depth` items that it scores (above 0, where it counts), so that what is none of them has at
most the score of the last one, or nothing that speaks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from shortlist.cli.eligibility import Knowledge
from shortlist.cli.served import Served
from shortlist.columns import (
    CATEGORY,
    CONTRIBUTION,
    CREATED_AT,
    HIDDEN,
    ID,
    ITEM_ID,
    MEASURE,
    RANK,
    RELATED_ITEM_ID,
    SCORE,
    SOURCE,
    TITLE,
    WEIGHT,
)

# What is true of an item that a source has no score for, or none above 0.
NO_SCORE_BECAUSE: Final[Mapping[str, str]] = {
    "als": "the model has no factors of it, of the subject, or of anything that the subject took",
    "interests": "the model has no factors of it, or of anything that the subject took",
    "cooccurrence": "no list of related items of what votes for the subject holds it",
    "last_basket": "no list of related items of what the subject took last holds it",
    "rp3beta": "no list of related items of what votes for the subject holds it",
    "log_lift": "no list of related items of what votes for the subject holds it",
    "spectral": "nobody took it, or the subject took nothing",
    "user_neighbours": "none of the sampled users who are nearest to the subject took it",
    "session_neighbours": "none of the sampled sessions that are nearest to the subject holds it",
    "session_next": "it follows nothing that the subject took lately in the sampled sessions",
    "category_affinity": "the catalog names no category of it, the subject took nothing of it, or nobody took it lately",
    "content": "its text shares no term with what the subject took",
    "query_clicks": "nobody clicked it for this query",
    "query_neighbours": "nobody clicked it for a query of the sample that is like this one",
    "words": "its text has no word of the query",
    "word_parts": "its text has no part of a word of the query",
    "repeat": "the subject did not take it",
    "conversion": "the subject did not take it, or bought it, or nobody buys it",
    "trending": "it did not grow lately",
    "fresh": "it is not young enough, or too few or too many users took it",
    "popularity": "nobody took it lately",
}


@dataclass(frozen=True)
class Asked:
    """A pair of a subject and an item.

    Attributes:
        view: the published day.
        knowledge: what the run knew.
        subject: user, item or query.
        item: the item.
    """

    view: Served
    knowledge: Knowledge
    subject: str
    item: str

    @property
    def liked(self) -> set[str] | None:
        """What the subject took and did not hide; None where no table says it."""
        kind = self.knowledge.subject.history
        if kind == "clicks":
            return None
        if kind == "itself":
            return {self.subject}
        rows = self.knowledge.history(self.subject)
        return set(rows.filter((pl.col(WEIGHT) > 0) & ~pl.col(HIDDEN))[ITEM_ID])

    def described(self) -> dict[str, Any] | None:
        """What the catalog says of the item; None where it does not describe it."""
        if self.knowledge.catalog is None:
            return None
        rows = self.knowledge.catalog.filter(pl.col(ITEM_ID) == self.item).collect()
        return rows.row(0, named=True) if rows.height else None


def say_of_each(
    view: Served, knowledge: Knowledge | None, subject: str, item: str, candidates: pl.DataFrame, forbidden: bool
) -> list[dict[str, Any]]:
    """What each source did with an item.

    Args:
        view: the published day.
        knowledge: what the run knew; None: nothing is kept but what sources said.
        subject: user, item or query.
        item: the item.
        candidates: as `Served.candidates` gives them.
        forbidden: whether rules of items or pairs forbid the item, so that no source may propose it.

    Returns:
        source, rank, score, contribution (null where the item is no candidate) and says, by source.
    """
    surface = view.settings.surfaces[view.surface]
    named = [*surface.sources, *([surface.fallback] if surface.fallback else [])]
    sources = candidates[SOURCE].unique().sort().to_list() or sorted(named)
    depth = surface.depth
    if not view.same_settings:  # the run's depth is not known; no source proposed more than that
        counts = candidates.filter(pl.col(RANK).is_not_null()).group_by(SOURCE).len()["len"].to_list()
        depth = min(depth, max(counts, default=1))
    asked = None if knowledge is None else Asked(view, knowledge, subject, item)
    said = []
    for source in sources:
        own = candidates.filter(pl.col(SOURCE) == source)
        found = own.filter(pl.col(ITEM_ID) == item).to_dicts()
        row = found[0] if found else dict.fromkeys((RANK, SCORE, CONTRIBUTION))
        proposals = own.filter(pl.col(RANK).is_not_null())[SCORE]
        if row[RANK] is not None:
            says = f"proposed it at rank {row[RANK]} of {len(proposals)}"
        elif forbidden and not found:
            says = "may not propose it"
        else:
            says = _not_proposed(source, row[SCORE], bool(found), proposals, depth, asked)
        said.append({SOURCE: source, **{name: row[name] for name in (RANK, SCORE, CONTRIBUTION)}, "says": says})
    return said


def _not_proposed(
    source: str, score: float | None, scored: bool, proposals: pl.Series, depth: int, asked: Asked | None
) -> str:
    """Why a source did not propose an item that it might have proposed.

    Args:
        source: its name.
        score: its score of the item; None: it has none, or the item is no candidate.
        scored: whether the item is a candidate, which every source scored where it could.
        proposals: scores of what it proposed.
        depth: items that it proposes at most.
        asked: the pair; None: what the run knew is not kept.
    """
    count, last = len(proposals), min(proposals, default=0.0)
    nothing = NO_SCORE_BECAUSE.get(source, "nothing speaks for it")
    if score is not None:
        if score == 0:
            return f"scored it 0: {nothing}"
        equal = ", and of equal scores the smaller id comes first" if score == last else ""
        by_turns = ", and its interests take turns" if source == "interests" else ""
        return f"scored it {score:.6g}; its {count} proposals end with score {last:.6g}{equal}{by_turns}"
    cause = _CAUSES[source](asked) if asked is not None and source in _CAUSES else None
    if cause is not None:
        return f"cannot propose it: {cause}"
    if scored or count < depth:
        return f"has nothing to propose it by: {nothing}"
    then = "its interests take turns" if source == "interests" else "it scores this item no higher"
    return f"its {count} proposals end with score {last:.6g}; {then}"


def _no_factors(asked: Asked) -> str | None:
    factors = asked.view.trained("item_factors")
    if factors is None:
        return None
    liked = asked.liked
    wanted = {asked.item} if liked is None else {asked.item, *liked}
    known = set(factors.filter(pl.col(ID).is_in(list(wanted))).select(ID).collect()[ID])
    if asked.item not in known:
        return "the model has no factors of it"
    return "the model has no factors of any of the subject's items" if liked is not None and not known & liked else None


def _not_related(measure_of: Callable[[Served], str]) -> Callable[[Asked], str | None]:
    def cause(asked: Asked) -> str | None:
        related, liked = asked.view.trained("related_items"), asked.liked
        if related is None:
            return None
        measure = measure_of(asked.view)
        holding = (pl.col(MEASURE) == measure) & (pl.col(RELATED_ITEM_ID) == asked.item) & (pl.col(SCORE) > 0)
        lists = set(related.filter(holding).select(ITEM_ID).collect()[ITEM_ID])
        if not lists:
            return f"no list of related items by {measure} holds it"
        if liked is None or lists & liked:
            return None
        return f"lists of related items by {measure} hold it, but none of the subject's items"

    return cause


def _without(*columns: str) -> Callable[[Asked], str | None]:
    """The catalog says none of these of the item."""

    def cause(asked: Asked) -> str | None:
        described = asked.described()
        if described is None:
            return "there is no catalog that describes it"
        return (
            None
            if any(described.get(name) for name in columns)
            else f"the catalog has no {' and no '.join(columns)} of it"
        )

    return cause


def _not_taken(asked: Asked) -> str | None:
    return None if asked.liked is None or asked.item in asked.liked else "the subject did not take it"


def _taken_by_nobody(asked: Asked) -> str | None:
    return None if asked.knowledge.support(asked.item) else "nobody took it"


# What tables tell of an item that a source cannot propose.
_CAUSES: Final[Mapping[str, Callable[[Asked], str | None]]] = {
    "als": _no_factors,
    "interests": _no_factors,
    "cooccurrence": _not_related(lambda view: view.settings.sources.cooccurrence.measure),
    "rp3beta": _not_related(lambda view: "rp3beta"),
    "log_lift": _not_related(lambda view: "log_lift"),
    "spectral": _taken_by_nobody,
    "user_neighbours": _taken_by_nobody,
    "category_affinity": _without(CATEGORY),
    "content": _without(TITLE, CATEGORY),
    "words": _without(TITLE, CATEGORY),
    "word_parts": _without(TITLE, CATEGORY),
    "repeat": _not_taken,
    "conversion": _not_taken,
    "fresh": _without(CREATED_AT),
}
