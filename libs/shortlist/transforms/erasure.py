"""Who is erased from what: subjects and their digests, the rows that name them, the lists without them.

A subject is recognised by the SHA-256 of "<kind>:<id>". It has no salt: with one, a later landing could not be recognised by
what the proof holds. Where ids are few and guessable, a digest can be guessed too; what it proves is an erasure, no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import get_args

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import (
    BASKET_ID,
    BASKET_KIND,
    ITEM_ID,
    RANK,
    RAW,
    REASON,
    REASONS,
    ROWS,
    RUN_DATE,
    SUBJECT_DIGEST,
    SUBJECT_ID,
    SURFACE,
    USER_ID,
)
from shortlist.config import BasketKind, IdsConfig
from shortlist.contracts import SubjectOf, surface_of
from shortlist.subjects import KINDS, Subject, SubjectKind, as_words
from shortlist.tables import CANDIDATES, ENGAGEMENTS, Table
from shortlist.transforms.baskets import basket_names
from shortlist.transforms.values import id_column, normalised

# What `{because}` is when nothing is known, as in reasons.
_NOBODY = "your items"
# How a line that cannot be parsed may set an id apart: as a quoted text, as a field, as a word within a longer name.
_BETWEEN_QUOTES, _BETWEEN_FIELDS, _BETWEEN_WORDS = r'"', r"[,;|\t\n\r]", r"[^\p{L}\p{N}]+"


def subject_digest(kind: SubjectKind, column: Column | str) -> Column:
    """The digest of a subject whose id is in a column; NULL for NULL."""
    name = F.col(column) if isinstance(column, str) else column
    return F.sha2(F.concat(F.lit(f"{kind}:"), name), 256)


def digests_in(table: Table, surfaces: Mapping[str, SubjectKind]) -> list[Column]:
    """The digests of everybody with whom a row goes: whom its id columns name, as the table's contract says.

    Args:
        table: any table.
        surfaces: what the lists of each surface are made for; those of a surface that is not named here may be for anybody.
    """
    return [
        digest
        for column, subject in table.subjects.items()
        if column not in table.emptied
        for digest in _digests(table, column, subject, surfaces)
    ]


def _digests(table: Table, column: str, subject: SubjectOf, surfaces: Mapping[str, SubjectKind]) -> list[Column]:
    """The digests of whom one column names; none where it names nobody whose erasure can be asked for."""
    if subject != "surface":
        return [subject_digest(kind, column) for kind in KINDS if kind == subject]
    if SURFACE not in table.columns:
        own = surfaces.get(surface_of(table.name) or "")
        return [subject_digest(kind, column) for kind in KINDS if own in (None, kind)]
    others = {kind: [name for name, own in surfaces.items() if own != kind] for kind in KINDS}
    return [F.when(~F.col(SURFACE).isin(others[kind]), subject_digest(kind, column)) for kind in KINDS]


def emptied_digests(table: Table) -> dict[str, list[Column]]:
    """By column that an erasure empties: the digests of whom it names."""
    return {column: _digests(table, column, table.subjects[column], {}) for column in table.emptied}


def names_erased(named: Sequence[Column], digests: Iterable[str]) -> Column:
    """Whether one of the digests of a row is among the erased ones; never NULL."""
    erased = sorted(digests)
    if not named or not erased:
        return F.lit(False)
    return F.coalesce(reduce(or_, (digest.isin(erased) for digest in named)), F.lit(False))


def text_names_erased(text: str, digests: Iterable[str], ids: IdsConfig) -> Column:
    """Whether a landed line that could not be used may name an erased subject, known by its digest only.

    A broken line has no columns to look at, so every part of it that may be an id is: texts between quotes, fields between
    separators, words, and what the line says as JSON. A word that happens to be an erased id is taken for it: a line that
    could not be used anyway is then lost, which is the lesser harm.
    """
    erased = sorted(digests)
    if not erased:
        return F.lit(False)
    form = normalised(F.col(text), ids)
    parts = [F.split(form, pattern) for pattern in (_BETWEEN_QUOTES, _BETWEEN_FIELDS, _BETWEEN_WORDS)]
    said = F.array(F.get_json_object(form, f"$.{USER_ID}"), F.get_json_object(form, f"$.{ITEM_ID}"))
    tokens = F.array_distinct(reduce(F.array_union, [*parts, said]))

    def is_erased(token: Column) -> Column:
        one_form = id_column(F.trim(token), ids.model_copy(update={"unicode": "keep"}))
        return names_erased([subject_digest(kind, one_form) for kind in KINDS], erased)

    return F.coalesce(F.exists(tokens, is_erased), F.lit(False))


def erased_rows(digests: Iterable[str], ids: IdsConfig) -> Column:
    """Whether a parsed line (raw, reasons, the columns of engagements) is about an erased subject; never NULL.

    A usable line is about the user and the item that it names; of one that cannot be used any part may be an id.
    """
    unusable = F.size(REASONS) > 0
    return names_erased(digests_in(ENGAGEMENTS, {}), digests) | (unusable & text_names_erased(RAW, digests, ids))


def rows_by_subject(frame: DataFrame, named: Sequence[Column], digests: Iterable[str]) -> DataFrame:
    """subject_digest, rows: how many rows name each erased subject."""
    erased = F.array(*(F.lit(digest) for digest in sorted(digests)))
    found = F.array_intersect(F.array(*named), erased)
    counted = frame.select(F.explode(found).alias(SUBJECT_DIGEST)).groupBy(SUBJECT_DIGEST)
    return counted.agg(F.count("*").alias(ROWS))


def baskets_of(engagements: DataFrame, digests: Iterable[str]) -> DataFrame:
    """subject_digest, basket_kind, basket_id: every basket that an event of an erased user belongs to.

    Rows of baskets do not say whose they are. A board that others save to is one of its baskets too: as a whole it goes, and
    the next build makes it anew from what is left.
    """
    theirs = engagements.withColumn(SUBJECT_DIGEST, subject_digest("user", USER_ID))
    theirs = theirs.where(F.col(SUBJECT_DIGEST).isin(sorted(digests)))
    kinds: tuple[BasketKind, ...] = get_args(BasketKind)
    named = F.explode(F.array(*(F.struct(F.lit(kind).alias(BASKET_KIND), name.alias(BASKET_ID))
                                for kind in kinds for name in basket_names(kind)))).alias("basket")  # fmt: skip
    baskets = theirs.select(SUBJECT_DIGEST, named).select(
        SUBJECT_DIGEST, f"basket.{BASKET_KIND}", f"basket.{BASKET_ID}"
    )
    return baskets.where(F.col(BASKET_ID).isNotNull()).distinct()


def reworded(reason: Column, subjects: Sequence[Subject], titles: Iterable[str]) -> Column:
    """Reasons that name no erased item: where its id or title stood, the words for an unknown item stand.

    Args:
        reason: the reasons.
        subjects: the erased subjects; users are not named by reasons.
        titles: titles of the erased items, as reasons quote them.
    """
    items = [subject.id for subject in subjects if subject.kind == "item"]
    words = reason
    for text in (*titles, *(f"item {name}" for name in items), *items):
        words = F.regexp_replace(words, as_words([text]), _NOBODY)
    return words


def lists_without(candidates: DataFrame, named: Sequence[Column], digests: Iterable[str], reason: Column) -> DataFrame:
    """Candidates without the erased subjects, ranks without gaps.

    Args:
        candidates: rows of a candidates table.
        named: as `digests_in`.
        digests: the erased subjects.
        reason: the reasons, as `reworded`.

    Returns:
        The columns of candidates.
    """
    in_order = Window.partitionBy(RUN_DATE, SUBJECT_ID).orderBy(RANK)
    kept = candidates.where(~names_erased(named, digests))
    ranked = kept.withColumns({REASON: reason, RANK: F.row_number().over(in_order).cast("int")})
    return ranked.select(*CANDIDATES.columns)
