"""Substitutes and complements: by hand."""

from typing import Any

import numpy as np
import pytest

from shortlist.rules import removing_rules
from shortlist.rules.relations import relations_of
from tests.unit.rules.test_rules import CANDIDATES, surface


def test_relations_are_by_category() -> None:
    own, others = np.array([1, 1, -1, 1, -1], np.int32), np.array([1, 2, 1, -1, -1], np.int32)
    assert relations_of(own, others).tolist() == [0, 1, -1, -1, -1]


@pytest.mark.parametrize(
    ("relations", "settings", "removed"),
    [
        # The first list is substitute, -, complement, substitute, substitute, -, the second complement, substitute.
        ({"only": "substitutes"}, {}, [1, 2, 5, 6]),
        ({"only": "complements"}, {}, [0, 1, 3, 4, 5, 7]),
        ({"only": "complements"}, {"max_per_creator": 1}, [0, 1, 3, 4, 5, 7]),  # 0 and 1 fill no slot of 2's creator
        ({"complements": 1}, {"k": 1}, [0, 1, 3, 4, 5, 7]),
        ({"substitutes": 2, "complements": 1}, {"k": 3}, [1, 4, 5]),
        ({}, {}, []),
    ],
)
def test_relations_leave_others_out_or_keep_slots(
    relations: dict[str, Any], settings: dict[str, Any], removed: list[int]
) -> None:
    asked = surface(subject="item", relations=relations, **settings)
    assert np.flatnonzero(removing_rules(CANDIDATES, asked) >= 0).tolist() == removed


def test_relations_that_say_nothing_are_refused() -> None:
    with pytest.raises(
        ValueError, match="relations are between items, the subject is a user; next: take relations out"
    ):
        surface(relations={})
    with pytest.raises(ValueError, match=r"relations\.only leaves substitutes alone on a list"):
        surface(subject="item", relations={"only": "substitutes", "complements": 2})
    with pytest.raises(ValueError, match=r"6 slots are kept \(substitute 2, complement 4\), which is above k 5"):
        surface(subject="item", k=5, relations={"substitutes": 2, "complements": 4})
