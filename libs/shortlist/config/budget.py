"""Settings of what a job may cost."""

from pydantic import Field

from shortlist.config.base import Section


class BudgetConfig(Section):
    """Most that training, learning a blend or generating may cost, by formulas of counts; null: any.

    A job that is beyond one of these is refused before it begins, with exit code 3, and yesterday's lists stay served. Limits
    of memory by which a placement is chosen are each model's own.
    """

    pairs: float | None = Field(default=None, gt=0)
    """Pairs that are looked at: of a user and what it took, in every half-epoch of ALS and twice in every pass of source
    `spectral`; of two items in a basket; of a subject and an item that a source scores."""
    flops: float | None = Field(default=None, gt=0)
    """Floating point operations."""
    shuffle_gigabytes: float | None = Field(default=None, gt=0)
    """Bytes that move between processes."""
    memory_gigabytes: float | None = Field(default=None, gt=0)
    """Memory of the process that holds most: the driver where one process does it all, else an executor with one task."""
