"""The first unseen places of an order that is everybody's: by hand, and against walking it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.models.ranking.popularity import unseen_places


def test_unseen_places__by_hand() -> None:
    # Row 0 saw nothing; row 1 the first two and 4; row 2 all but 3, one of them twice.
    indptr, indices = np.array([0, 0, 3, 8]), np.array([0, 1, 4, 0, 1, 1, 2, 4], np.int32)
    places, counts = unseen_places(indptr, indices, 5, 3)
    assert places[:2].tolist() == [[0, 1, 2], [2, 3, 5]]
    assert counts.tolist() == [3, 2, 1]
    assert places[2, 0] == 3


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.data())
def test_unseen_places__equals_walking(data: st.DataObject) -> None:
    count, k = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 15))
    seen = data.draw(st.lists(st.lists(st.integers(0, count - 1)).map(sorted), min_size=1, max_size=5))
    indptr = np.cumsum([0, *map(len, seen)])
    indices = np.array([place for row in seen for place in row], np.int32)
    places, counts = unseen_places(indptr, indices, count, k)
    found = [row[:length].tolist() for row, length in zip(places, counts, strict=True)]
    assert found == [[place for place in range(count) if place not in row][:k] for row in seen]
