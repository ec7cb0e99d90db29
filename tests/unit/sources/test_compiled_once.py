"""No surprise at night: what `python -m shortlist.kernels` compiles is all that the counting sources need."""

from shortlist.kernels import counting_loops, sample_loops
from shortlist.kernels.__main__ import count_each_way
from tests.unit.sources.small_world import BATCH, CASES, ELIGIBLE, EVERY_ITEM


def test_counting_loops_are_compiled_for_one_kind_of_arrays() -> None:
    count_each_way()
    for case in CASES.values():
        prepared = case.scorer.prepare(BATCH)
        case.scorer.propose(BATCH, prepared, 3, ELIGIBLE)
        case.scorer.score(BATCH, prepared, EVERY_ITEM)
        case.scorer.explain(BATCH, prepared, EVERY_ITEM)
    loops = {
        name: loop for name, loop in {**vars(counting_loops), **vars(sample_loops)}.items() if hasattr(loop, "py_func")
    }
    entered = {name: len(loop.signatures) for name, loop in loops.items() if not name.startswith("_")}
    imported = {"rank_key", "key_index", "key_score", "keep_largest"}
    assert {name: count for name, count in entered.items() if name not in imported and count != 1} == {}
    assert len(entered) - len(imported) == 9
