"""Places of candidates among those that share something, against a loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shortlist.rules.groups import better_in_group, groups_before

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30).map(
    lambda pairs: sorted(pairs, key=lambda pair: pair[0])
)


@given(PAIRS)
def test_places_in_a_list(pairs: list[tuple[int, int]]) -> None:
    subjects = np.array([subject for subject, _ in pairs], np.int64)
    groups = np.array([group for _, group in pairs], np.int32)
    better, before = better_in_group(subjects, groups), groups_before(subjects, groups)
    for place, pair in enumerate(pairs):
        theirs = [group for subject, group in pairs[:place] if subject == pair[0]]
        assert better[place] == theirs.count(pair[1])
        until = theirs.index(pair[1]) if pair[1] in theirs else len(theirs)
        assert before[place] == len(set(theirs[:until]))
