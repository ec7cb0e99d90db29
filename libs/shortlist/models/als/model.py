"""What every ALS engine gives back."""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from pyspark.sql import DataFrame

log = logging.getLogger("shortlist.als")


@dataclass(frozen=True)
class Als:
    """A fitted model; the score of a user and an item is the inner product of their vectors.

    Frames of engine `spark` are computed where they are used, from files and blocks that `close` gives back: read them
    inside `with fit(...) as model`.

    Attributes:
        user_factors: id, factors (array<float> of length `factors`); users who took something.
        item_factors: id, factors; items that were taken.
        release: gives back what the frames are computed from.
    """

    user_factors: DataFrame
    item_factors: DataFrame
    release: Callable[[], None] = field(default=lambda: None, repr=False)

    def __enter__(self) -> Self:
        """The model."""
        return self

    def __exit__(self, *_: object) -> None:
        """The end of its frames."""
        self.release()


@dataclass
class Progress:
    """Says after each epoch how far a fit is: a line in the log, and a bar where somebody watches.

    Attributes:
        engine: who fits.
        epochs: how many there will be.
    """

    engine: str
    epochs: int
    last: float = field(default_factory=time.perf_counter)

    def __call__(self, epoch: int, loss: float | None) -> None:
        """Epoch number, from 1, has ended with this objective."""
        now = time.perf_counter()
        took, self.last = now - self.last, now
        said = "" if loss is None else f", objective {loss:.6g}"
        log.info("%s: epoch %d of %d%s, %.2f s", self.engine, epoch, self.epochs, said, took)
        if sys.stderr.isatty():
            done = 40 * epoch // self.epochs
            end = "\n" if epoch == self.epochs else "\r"
            sys.stderr.writelines([f"[{'#' * done}{'.' * (40 - done)}] {epoch}/{self.epochs}{end}"])
            sys.stderr.flush()
