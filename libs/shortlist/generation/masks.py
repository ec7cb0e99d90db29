"""What the subjects of a batch must not be given, and by which rule: pairs of their history, and pairs beside it."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.generation.offers import promoted_pairs
from shortlist.generation.resting import SENT, SERVED, resting_pairs
from shortlist.kernels.arrays import Indices
from shortlist.rules import forbidding_rules
from shortlist.rules.facts import PairFacts
from shortlist.rules.promotions import LivePromotions
from shortlist.sources.batch import Offers


@dataclass(frozen=True)
class Masks:
    """M pairs that some rule forbids, ascending by subject and item.

    Attributes:
        rows: (M,) subjects.
        items: (M,) int32.
        rules: (M,) int8, positions in PAIR_RULES.
        offers: the promotions for which items may be given; None where promotions are not looked at.
    """

    rows: NDArray[np.int64]
    items: Indices
    rules: NDArray[np.int8]
    offers: Offers | None


def masks_of(
    batch: pa.RecordBatch,
    surface: SurfaceConfig,
    item_ids: pa.Array,
    promotions: LivePromotions | None,
    history: tuple[NDArray[np.int64], Indices, PairFacts],
) -> Masks:
    """The masks of a batch.

    Args:
        batch: of users, with audiences where promotions are looked at, and what rests for them where the surface asks.
        surface: whose rules are asked.
        item_ids: sorted; an item's index is its position here.
        promotions: that are live, of eligible items; None where they are not looked at.
        history: rows, items and facts of the pairs of the history, ascending by row and item.
    """
    rows, items, own = history
    known = rows << 32 | items
    served, sent = (resting_pairs(batch, name, item_ids) for name in (SERVED, SENT))
    own = replace(own, served=np.isin(known, served), sent=np.isin(known, sent))
    offers, not_addressed = None, np.zeros(0, np.int64)
    if promotions is not None:
        promoted = promoted_pairs(batch, promotions, rows, items)
        offers, not_addressed = promoted.offers, promoted.rows << 32 | promoted.items
        own = replace(own, addressed=offers.find(rows, items) >= 0)
    others, addressed = not_addressed, np.zeros(len(not_addressed), np.bool_)
    if len(served) or len(sent):
        others = np.union1d(others, np.setdiff1d(np.concatenate((served, sent)), known))
        addressed = ~np.isin(others, not_addressed, assume_unique=True)
    beside = replace(
        PairFacts.unknown(len(others)),
        served=np.isin(others, served),
        sent=np.isin(others, sent),
        addressed=addressed,
    )
    rules = np.append(forbidding_rules(own, surface), forbidding_rules(beside, surface))
    pairs = np.append(known, others)
    order = np.argsort(pairs, kind="stable")  # two ordered parts are merged
    order = order[rules[order] >= 0]
    pairs = pairs[order]
    return Masks(pairs >> 32, (pairs & 0xFFFFFFFF).astype(np.int32), rules[order], offers)
