"""Users with audiences as arrays: what they are masked, what they are offered, and what the pass makes of it."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from shortlist.blending.fusion import Fusion
from shortlist.generation import offers
from shortlist.generation.batches import Reading, read_batch, write_lists
from shortlist.generation.offers import in_pieces
from shortlist.generation.one_pass import OnePass
from shortlist.rules import PAIR_RULES
from shortlist.rules.promotions import LivePromotions, live_promotions
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.popularity import PopularityScorer
from shortlist.subjects import SUBJECTS
from tests.unit.generation.test_one_pass import DAY, HISTORIES, ITEMS, RARITY, USERS, batch_of, entry, surface

BEGUN, SOON, LATER = (datetime(2017, *day, tzinfo=UTC) for day in ((11, 1), (12, 5), (12, 9)))
# a and b for the club, d for the staff, e for both; c and f are not promoted.
PROMOTIONS = [
    ("p1", "a", "x", "club", BEGUN, SOON),
    ("p2", "b", "x", "club", BEGUN, SOON),
    ("p3", "d", "y", "staff", BEGUN, SOON),
    ("p4", "e", "x", "club", BEGUN, SOON),
    ("p5", "e", None, "staff", BEGUN, LATER),
]
AUDIENCES = {"u1": ["club"], "u2": ["staff", "unknown"], "u3": None, "u4": ["club", "staff"]}


def live() -> LivePromotions:
    names = ("promotion_id", "item_id", "campaign", "audience")
    texts = {name: pa.array(list(column)) for name, column in zip(names, zip(*PROMOTIONS, strict=True), strict=False)}
    times = {
        name: pa.array([row[place] for row in PROMOTIONS], pa.timestamp("us", "UTC"))
        for place, name in ((4, "starts_at"), (5, "ends_at"))
    }
    return live_promotions(pa.table({**texts, **times}), ITEMS, DAY)


READING = Reading(DAY, ITEMS, RARITY, surface(mask_seen=False, promotions={}), promotions=live())


def users() -> pa.RecordBatch:
    batch = batch_of({**HISTORIES, "u4": [entry("b", 1.0, 30, hidden=True)]})
    return batch.append_column("audiences", pa.array(list(AUDIENCES.values()), pa.list_(pa.string())))


def masked(batch: SubjectBatch) -> list[dict[str, str]]:
    """By item the rule that masks it, of each subject."""
    assert batch.masking_rules is not None
    starts, items = batch.masked
    rules = [list(PAIR_RULES)[rule] for rule in batch.masking_rules]
    named = [ITEMS[int(item)].as_py() for item in items]
    return [dict(zip(named[first:last], rules[first:last], strict=True)) for first, last in pairwise(starts)]


def test_what_is_promoted_to_others_is_masked() -> None:
    batch = read_batch(users(), SUBJECTS["user"], READING)
    assert masked(batch) == [
        {"c": "audience", "d": "audience"},  # c was taken, and is promoted to nobody
        {"a": "audience", "b": "audience", "d": "hidden"},
        {"a": "audience", "b": "audience", "d": "audience", "e": "audience"},
        {"b": "hidden"},
    ]
    seen = replace(READING, surface=surface(promotions={}))
    assert masked(read_batch(users(), SUBJECTS["user"], seen))[0] == {"a": "seen", "c": "audience", "d": "audience"}


def test_what_rests_is_masked_beside_the_history_and_beside_promotions() -> None:
    """u1 took c and a; u2 took b, hid d and a. Items that the run does not know are nobody's candidates."""
    served = pa.array([["e", "a"], None, ["f", "zzz"], []], pa.list_(pa.string()))
    sent = pa.array([["e", "b"], ["d"], [], None], pa.list_(pa.string()))
    batch = users().append_column("served", served).append_column("sent", sent)
    resting = {"fatigue": {}, "sent": {"surface": "mail"}, "mask_seen": False}
    plain = Reading(DAY, ITEMS, RARITY, surface(**resting))
    assert masked(read_batch(batch, SUBJECTS["user"], plain)) == [
        {"a": "served", "b": "sent", "e": "served"},
        {"a": "hidden", "d": "hidden"},
        {"f": "served"},
        {"b": "hidden"},
    ]
    promoted = Reading(DAY, ITEMS, RARITY, surface(**resting, promotions={}), promotions=live())
    assert masked(read_batch(batch, SUBJECTS["user"], promoted)) == [
        {"a": "served", "b": "sent", "c": "audience", "d": "audience", "e": "served"},
        {"a": "audience", "b": "audience", "d": "hidden"},
        {"a": "audience", "b": "audience", "d": "audience", "e": "audience", "f": "served"},
        {"b": "hidden"},
    ]


def test_offers_follow_their_subjects() -> None:
    batch = read_batch(users(), SUBJECTS["user"], READING)
    assert batch.offers is not None
    campaigns = live().campaign_names.to_pylist()
    subjects, items = np.repeat(np.arange(4), 6), np.tile(np.arange(6, dtype=np.int32), 4)
    found = batch.offers.find(subjects, items).reshape(4, 6)
    named = [
        ["-" if p < 0 else campaigns[c] if (c := live().campaigns[p]) >= 0 else "none" for p in row] for row in found
    ]
    assert ["".join(name[0] for name in row) for row in named] == ["xx--x-", "---yn-", "------", "xx-yn-"]
    chosen = np.array([False, True, False, True])
    for part in (batch.offers.select(chosen), batch.select(chosen).offers):
        assert part is not None
        assert part.find(subjects[:12], items[:12]).reshape(2, 6).tolist() == found[chosen].tolist()
    part = batch.slice(1, 4).offers
    assert part is not None
    assert part.find(subjects[:18], items[:18]).reshape(3, 6).tolist() == found[1:].tolist()


def rows_of(pieces: list[pa.RecordBatch]) -> list[dict[str, object]]:
    one_pass = OnePass({"popularity": PopularityScorer(USERS)}, Fusion(("popularity",), None, 60),
                       np.array([1, 1, 0, 1, 1, 0], np.uint8), 6, 3)  # fmt: skip
    return [
        row
        for piece in pieces
        for made in one_pass.lists(read_batch(piece, SUBJECTS["user"], READING))
        for theirs in [piece["subject_id"].slice(made.first, len(made.left))]
        for row in write_lists(theirs, made, ["popularity"], ITEMS, live()).to_pylist()
    ]  # fmt: skip


def test_popularity_is_that_within_the_audience_and_rows_say_campaign_and_end() -> None:
    listed = [
        [(each["item_id"], each["campaign"], each["expires_at"]) for each in row["listed"]]  # type: ignore[attr-defined]
        for row in rows_of([users()])
    ]
    assert listed == [
        [("b", "x", SOON), ("a", "x", SOON), ("e", "x", SOON)],
        [("e", None, LATER)],  # d was hidden
        [],
        [("a", "x", SOON), ("d", "y", SOON), ("e", None, LATER)],
    ]
    # What promotions leave out is counted, of the items that may be shown to anybody.
    removed = [dict(row["removed"]) for row in rows_of([users()])]  # type: ignore[call-overload]
    assert removed == [{"audience": 1}, {"audience": 2, "hidden": 1}, {"audience": 4}, {"hidden": 1}]


def test_lists_are_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(in_pieces(users(), None)) == [users()]
    monkeypatch.setattr(offers, "_PAIRS", 8)  # of 4 promoted items: two users at once
    pieces = list(in_pieces(users(), live()))
    assert [piece.num_rows for piece in pieces] == [2, 2]
    assert rows_of(pieces) == rows_of([users()])
