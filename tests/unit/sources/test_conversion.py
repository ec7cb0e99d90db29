"""What was looked at and not bought, by hand."""

import numpy as np
import pytest

from shortlist.config.sources import ConversionSourceConfig
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.conversion import conversion_rates, open_values


def test_a_rate_is_the_share_of_takers_who_buy_drawn_to_the_usual_one() -> None:
    # 6 of 20 buy: .3 is usual. (1 + 10 x .3) / (2 + 10), (5 + 3) / (18 + 10), and nobody took the last.
    assert conversion_rates([2, 18, 0], [1, 5, 0], 10).tolist() == pytest.approx([4 / 12, 8 / 28, 0.3])
    assert conversion_rates([2, 18], [1, 5], 0).tolist() == pytest.approx([1 / 2, 5 / 18])


def test_items_that_nobody_took_have_no_rate() -> None:
    assert conversion_rates([0, 0], [0, 0], 5).tolist() == [0.0, 0.0]
    assert conversion_rates([0, 2], [0, 1], 0).tolist() == [0.0, 0.5]


def test_counts_of_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="buyers has shape"):
        conversion_rates([1, 2], [1], 5)


def test_what_was_bought_or_hidden_has_no_value() -> None:
    history = {"weight": np.array([2.0, 3.0, -1.0, 1.0], np.float32), "bought": np.array([0, 1, 0, 0], np.float32)}
    none = np.zeros(2, np.int64)
    batch = SubjectBatch(
        np.array([0, 4]), np.arange(4, dtype=np.int32), history, none, np.empty(0, np.int32), np.array([-1], np.int32)
    )
    rates = np.array([0.5, 0.5, 0.5, 0.25], np.float32)
    assert open_values(batch, rates, ConversionSourceConfig()).tolist() == [1.0, 0.0, 0.0, 0.25]
