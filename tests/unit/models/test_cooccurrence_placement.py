"""Where co-occurrence is counted: the formulas by hand, at their edges."""

from typing import Any

import pytest

from shortlist.config import CooccurrenceConfig
from shortlist.errors import ModelError
from shortlist.models.cooccurrence.placement import Sizes, choose_placement, require_fit

# 1 million rows: 64 MB, and 100 neighbours of 10,000 items by two measures: 160 MB. As a file 4 + 1.6 MB.
SIZES = Sizes(1_000_000, 100_000, 10_000)


def config(**more: Any) -> CooccurrenceConfig:
    return CooccurrenceConfig.model_validate({"local_gigabytes": 0.224, "shared_gigabytes": 0.0056, **more})


@pytest.mark.parametrize(
    ("changes", "folder", "placement"),
    [
        ({}, True, "local"),
        ({"local_gigabytes": 0.2239}, True, "mapped"),
        ({"local_gigabytes": 0.2239}, False, "shuffled"),
        ({"local_gigabytes": 0.2239, "shared_gigabytes": 0.00559}, True, "shuffled"),
        ({"placement": "mapped"}, True, "mapped"),
        ({"placement": "shuffled"}, True, "shuffled"),
        ({"placement": "local", "local_gigabytes": 0.001}, True, "local"),
        # A list is no longer than there are items: 80 MB, not 160.
        ({"local_gigabytes": 0.145, "neighbours": 50}, True, "local"),
    ],
)
def test_choose_placement__the_first_that_fits(changes: dict[str, Any], folder: bool, placement: str) -> None:
    assert choose_placement(SIZES, config(**changes), folder)[0] == placement


def test_choose_placement__a_named_one_is_that_or_none() -> None:
    with pytest.raises(ModelError, match=r"mapped: its file is 0.0056 GB, cooccurrence.shared_gigabytes is 0.005\n"):
        choose_placement(SIZES, config(placement="mapped", shared_gigabytes=0.005), folder=True)
    with pytest.raises(ModelError, match="mapped: its file must be in a folder that every task sees, and"):
        choose_placement(SIZES, config(placement="mapped"), folder=False)


def test_require_fit__refuses_with_every_number() -> None:
    settings = config(local_gigabytes=0.1)
    _, refused = choose_placement(SIZES, settings, folder=False)
    require_fit(SIZES, 10**9, 5_600_000, settings, refused)
    with pytest.raises(ModelError) as error:
        require_fit(SIZES, 10**9, 5_610_000, settings, refused)
    for part in (
        "local: one process would hold 0.224 GB, cooccurrence.local_gigabytes is 0.1",
        "mapped: its file must be in a folder",
        "shuffled: a task would hold 0.00561 GB of baskets, cooccurrence.shared_gigabytes is 0.0056",
        "next: raise cooccurrence.shared_gigabytes",
    ):
        assert part in str(error.value)
