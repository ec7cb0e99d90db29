"""What each figure means, in one sentence; printed beside every number. No Spark is imported here."""

from collections.abc import Iterable
from typing import Any, Final

RECALL: Final = "recall"
RECALL_CAPPED: Final = "recall_capped"
RECALL_STRATIFIED: Final = "recall_stratified"
PRECISION: Final = "precision"
NDCG: Final = "ndcg"
HIT_RATE: Final = "hit_rate"
MRR: Final = "mrr"
MAP: Final = "map"
CATALOGUE_COVERAGE: Final = "catalogue_coverage"
EXPOSURE_GINI: Final = "exposure_gini"
NOVELTY: Final = "novelty"
TOP_ITEM_LISTS: Final = "top_item_lists"
TOP_TEN_LISTS: Final = "top_ten_lists"
ROWS_USED: Final = "rows_used"
LISTS_OF_ACTIVE: Final = "lists_of_active"

BLEND: Final = "blend"
"""Name of the published list beside the sources, which go by their own."""

SERVED: Final = "served"
"""Name of the lists that readers were served, where a backtest judges others beside them."""

MIN_SUBJECTS: Final = 30
"""Subjects behind an interval: resampling a handful says little of others, and may give an interval of width 0."""

LIST_METRICS: Final = (
    ROWS_USED,
    LISTS_OF_ACTIVE,
    CATALOGUE_COVERAGE,
    EXPOSURE_GINI,
    TOP_ITEM_LISTS,
    TOP_TEN_LISTS,
    NOVELTY,
)
"""What is said of all lists, also of those whose subject never came; in the order of tables, after the ranking metrics."""

RANKING_METRICS: Final = (RECALL, RECALL_CAPPED, RECALL_STRATIFIED, PRECISION, NDCG, HIT_RATE, MRR, MAP)
"""What `subject_values.ranking_values` computes, in the order in which tables show it."""

DEFINITIONS: Final[dict[str, str]] = {
    RECALL: "found among the first k, divided by all that were relevant: |L ∩ T| / |T|",
    RECALL_CAPPED: "found among the first k, divided by what a list of k could hold: |L ∩ T| / min(k, |T|)",
    RECALL_STRATIFIED: "recall in which a relevant item counts 1 / sqrt(people who have engaged with it)",
    PRECISION: "found among the first k, divided by k: |L ∩ T| / k",
    NDCG: "found items weighted by 1 / log2(rank + 1), divided by the best possible order of min(k, |T|) items",
    HIT_RATE: "share of subjects with at least one relevant item among the first k",
    MRR: "one divided by the rank of the first relevant item among the first k, 0 when there is none",
    MAP: "precision at the rank of each relevant item found, summed and divided by min(k, |T|)",
    ROWS_USED: "rows among the first k whose item is relevant for their subject, divided by all rows among the first k",
    LISTS_OF_ACTIVE: "lists whose subject has any relevant item afterwards, divided by all lists",
    CATALOGUE_COVERAGE: "share of the catalogue's items that are in at least one list",
    EXPOSURE_GINI: "how unequally ranks are shared by the catalogue's items: 0 all alike, near 1 a few items take all",
    NOVELTY: "mean surprise of the listed items in bits, -log2 of the share of people who have engaged with the item",
    TOP_ITEM_LISTS: "lists that hold the item that most lists hold, divided by all lists: 1 where everybody is given it",
    TOP_TEN_LISTS: "the same share of each of the ten items that most lists hold, in the mean",
}
"""T is a subject's relevant items after the cut, L the first k published items."""


def cutoffs_of(ks: Iterable[int], longest: int) -> tuple[int, ...]:
    """The list lengths by which lists of at most `longest` items are judged: beyond that there is nothing to judge.

    Args:
        ks: lengths that are asked for; those above `longest` become `longest`.
        longest: the surface's k.
    """
    return tuple(sorted({min(k, longest) for k in ks}))


def overlap(common: Any, longer: Any) -> Any:
    """How much two lists have in common: the one definition for guardrails, reports and evaluations.

    By the longer list: a list that lost half of its items is half the same, and so is one that doubled.

    Args:
        common: how many items both lists have; a number, or a column of Spark or Polars.
        longer: length of the longer list, above 0; the same kind of value.
    """
    return common / longer
