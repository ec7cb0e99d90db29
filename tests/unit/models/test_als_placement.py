"""Where a fit runs and its factors lie: the formulas by hand, at their edges."""

import pytest

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.models.als.placement import Sizes, choose_engine, choose_placement

# 4 bytes x 250 = 1 kB a vector.
CONFIG = AlsConfig(engine="spark", factors=250, shared_gigabytes=1.0, sampled_users=500_000)


def changed(**more: object) -> AlsConfig:
    return AlsConfig.model_validate({**CONFIG.model_dump(), **more})


@pytest.mark.parametrize(
    ("sizes", "placement"),
    [
        (Sizes(1_000_000, 1_000_000, 1), "shared"),
        (Sizes(1_000_001, 1_000_000, 1), "sampled"),
        (Sizes(90_000_000, 1_000_000, 1), "sampled"),
        (Sizes(90_000_000, 1_000_001, 1_000_000), "shuffled"),
        (Sizes(10, 1_000_001, 1_000_000), "shuffled"),
    ],
)
def test_choose_placement__the_first_that_fits(sizes: Sizes, placement: str) -> None:
    assert choose_placement(sizes, CONFIG, folder=True) == placement


def test_choose_placement__refuses_with_numbers() -> None:
    with pytest.raises(ModelError) as error:
        choose_placement(Sizes(3_000_000, 2_000_000, 1_500_000), CONFIG, folder=True)
    for part in (
        "shared: an executor would hold 3 GB",
        "sampled: an executor would hold 2 GB",
        "shuffled: an executor would",
    ):
        assert part in str(error.value)
    with pytest.raises(ModelError, match=r"shuffled: it keeps factors in a folder that every task sees"):
        choose_placement(Sizes(3_000_000, 2_000_000, 10), CONFIG, folder=False)


def test_choose_placement__a_named_one_is_that_or_none() -> None:
    assert choose_placement(Sizes(10, 10, 10), changed(placement="shuffled"), folder=True) == "shuffled"
    with pytest.raises(ModelError, match=r"shared: an executor would hold 2 GB, als.shared_gigabytes is 1"):
        choose_placement(Sizes(2_000_000, 10, 10), changed(placement="shared"), folder=True)


def test_choose_engine__by_the_memory_of_one_process() -> None:
    # 10 M observations x 64 bytes + 3 copies of 20,000 vectors of 1 kB = .7 GB.
    sizes = (10_000_000, 10_000, 10_000)
    assert choose_engine(*sizes, changed(local_gigabytes=0.701)) == "local"
    assert choose_engine(*sizes, changed(local_gigabytes=0.699)) == "spark"
