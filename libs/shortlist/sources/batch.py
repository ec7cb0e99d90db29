"""What every candidate source is given: subjects and candidates as arrays. No Spark.

Item indices number all items that any source of the run knows, in the order of their ids: smaller index, smaller id. So ties
that are broken by index are broken by id, the same everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Rows, checked_rows, finite, require_shape

Prepared = TypeVar("Prepared")

# Names of history columns that every batch has.
WEIGHT, FREQUENCY, AGE_DAYS, POSITION = "weight", "frequency", "age_days", "position"
# One more, which reasons need.
RARITY = "rarity"
# One more, for sources that go by rhythms.
GAP_DAYS = "gap_days"
# One more, for sources that go by what was not bought yet.
BOUGHT = "bought"


@dataclass(frozen=True)
class Offers:
    """The promotion for which a subject may be given an item: n subjects, O offers in all.

    Attributes:
        starts: (n + 1,) int64.
        items: (O,) int32 item indices, ascending within a subject, each once.
        promotions: (O,) int32.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    promotions: NDArray[np.int32]

    def find(self, subjects: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.int32]:
        """The promotion of each pair of a subject and an item, -1 where there is none: (C,) int32."""
        places = _find(self.starts, self.items, subjects, items)
        found: NDArray[np.int32] = np.append(self.promotions, np.int32(-1))[places]
        return found

    def slice(self, first: int, last: int) -> "Offers":
        """Those of the subjects from `first` to before `last`, without a copy."""
        within = slice(self.starts[first], self.starts[last])
        return Offers(self.starts[first : last + 1] - self.starts[first], self.items[within], self.promotions[within])

    def select(self, chosen: NDArray[np.bool_]) -> "Offers":
        """Only those of the subjects that are chosen: (n,) bool."""
        theirs = np.repeat(chosen, np.diff(self.starts))
        return Offers(_starts_of(np.diff(self.starts)[chosen]), self.items[theirs], self.promotions[theirs])


@dataclass(frozen=True)
class SubjectBatch:
    """Some subjects and what is known of them: n subjects with E history entries in all.

    Attributes:
        history_starts: (n + 1,) int64; the entries of subject s are those from history_starts[s] to history_starts[s + 1].
        history_items: (E,) int32 item indices, ascending within a subject, each once.
        history: (E,) float32 columns by name; at least weight (as interactions has it, below 0 for a hide), age_days (days
            since the last event) and position (0 is the newest entry); for reasons also rarity (above 0; how few took the item);
            for rhythms gap_days (the mean time between two purchases of the item, 0 where the subject did not buy it twice); for
            conversions bought (1 where the subject bought the item, 0 where it only took it in other ways).
        masked_starts: (n + 1,) int64.
        masked_items: int32 item indices, ascending within a subject: what must not be given to it.
        sample_rows: (n,) int32, where the subject is in the shared sample of subjects; -1 where it is not in it.
        vectors: (n, d) float32 vectors that are stored for the subjects, by model; a row of NaN where one has none.
        masking_rules: int8, the pair rule that masks each item (position in PAIR_RULES); None where nobody counts.
        texts: (n,) what was searched for, of queries; None of other subjects.
        offers: the promotions for which items may be given to the subjects; None where promotions are not looked at.
        numbers: (n,) uint64, a random number for each subject; None where nothing is drawn.
    """

    history_starts: NDArray[np.int64]
    history_items: NDArray[np.int32]
    history: Mapping[str, NDArray[np.float32]]
    masked_starts: NDArray[np.int64]
    masked_items: NDArray[np.int32]
    sample_rows: NDArray[np.int32]
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    masking_rules: NDArray[np.int8] | None = None
    texts: Sequence[str] | None = None
    offers: Offers | None = None
    numbers: NDArray[np.uint64] | None = None

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "SubjectBatch":
        """Queries that nobody asked before: without a history, and nothing is masked."""
        none, nothing = np.zeros(len(texts) + 1, np.int64), np.empty(0, np.int32)
        return cls(none, nothing, {}, none, nothing, np.full(len(texts), -1, np.int32), texts=texts)

    @property
    def size(self) -> int:
        """How many subjects."""
        return len(self.history_starts) - 1

    @property
    def masked(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """What each subject must not be given, as rows."""
        return self.masked_starts, self.masked_items

    def taken(self, items: int) -> Rows:
        """The history as checked rows.

        Args:
            items: how many items there are.

        Raises:
            ValueError: an index out of range or out of order.
        """
        return checked_rows((self.history_starts, self.history_items), items, "history")

    def column(self, name: str) -> NDArray[np.float32]:
        """A column of the history, finite.

        Raises:
            ValueError: the batch has no such column, or not one value for each entry.
        """
        if name not in self.history:
            raise ValueError(
                f"the history has no column {name!r}, only {', '.join(sorted(self.history))}; "
                "next: name one of these in the source's settings, or gather it with the subjects"
            )
        values = finite(self.history[name], f"history column {name}")
        require_shape(values, self.history_items.shape, f"history column {name}")
        return values

    def engaged(self, subjects: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether each subject engaged with an item, hides not counted: (C,) bool.

        Args:
            subjects: (C,) indices in this batch.
            items: (C,) item indices.
        """
        places = _find(self.history_starts, self.history_items, subjects, items)
        found: NDArray[np.bool_] = np.append(self.column(FREQUENCY) > 0, False)[places]
        return found

    def telling(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weights of the history entries as reasons count them: (E,) float32.

        What nearly everybody took explains nothing about this subject, however much it added to a score.

        Args:
            weights: (E,) as they count for the score.
        """
        return np.asarray(weights * self.column(RARITY), np.float32)

    def slice(self, first: int, last: int) -> "SubjectBatch":
        """The subjects from `first` to before `last`, without a copy of the entries."""
        history = slice(self.history_starts[first], self.history_starts[last])
        masked = slice(self.masked_starts[first], self.masked_starts[last])
        return SubjectBatch(
            self.history_starts[first : last + 1] - self.history_starts[first],
            self.history_items[history],
            {name: column[history] for name, column in self.history.items()},
            self.masked_starts[first : last + 1] - self.masked_starts[first],
            self.masked_items[masked],
            self.sample_rows[first:last],
            {name: vectors[first:last] for name, vectors in self.vectors.items()},
            None if self.masking_rules is None else self.masking_rules[masked],
            None if self.texts is None else self.texts[first:last],
            None if self.offers is None else self.offers.slice(first, last),
            None if self.numbers is None else self.numbers[first:last],
        )

    def select(self, chosen: NDArray[np.bool_]) -> "SubjectBatch":
        """Only the subjects that are chosen: (n,) bool."""
        history = np.repeat(chosen, np.diff(self.history_starts))
        masked = np.repeat(chosen, np.diff(self.masked_starts))
        return SubjectBatch(
            _starts_of(np.diff(self.history_starts)[chosen]),
            self.history_items[history],
            {name: column[history] for name, column in self.history.items()},
            _starts_of(np.diff(self.masked_starts)[chosen]),
            self.masked_items[masked],
            self.sample_rows[chosen],
            {name: vectors[chosen] for name, vectors in self.vectors.items()},
            None if self.masking_rules is None else self.masking_rules[masked],
            None if self.texts is None else list(compress(self.texts, chosen)),
            None if self.offers is None else self.offers.select(chosen),
            None if self.numbers is None else self.numbers[chosen],
        )


def _find(
    starts: NDArray[np.int64], items: NDArray[np.int32], subjects: NDArray[np.int64], asked: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Where the entry of each pair of a subject and an item is, -1 where there is none: (C,) int64.

    Args:
        starts: (n + 1,) where the entries of each subject begin.
        items: (E,) the item of each entry, ascending within a subject, each once.
        subjects: (C,) indices of subjects.
        asked: (C,) item indices.
    """
    keys = np.append(np.repeat(np.arange(len(starts) - 1), np.diff(starts)) << 32 | items, -1)
    wanted = subjects << 32 | asked
    places = np.searchsorted(keys[:-1], wanted)
    return np.where(keys[places] == wanted, places, -1)


def _starts_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


@dataclass(frozen=True)
class CandidateSet:
    """The candidates of a batch of n subjects, C in all.

    Attributes:
        starts: (n + 1,) int64.
        items: (C,) int32 item indices, ascending within a subject, each once.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]

    @property
    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The candidates as rows."""
        return self.starts, self.items

    def slice(self, first: int, last: int) -> "CandidateSet":
        """The candidates of the subjects from `first` to before `last`, without a copy."""
        starts = self.starts[first : last + 1]
        return CandidateSet(starts - starts[0], self.items[starts[0] : starts[-1]])

    def take(self, numbers: NDArray[np.int64]) -> "CandidateSet":
        """Only some candidates, of the same subjects: (m,) their numbers, ascending."""
        return CandidateSet(np.searchsorted(numbers, self.starts), self.items[numbers])


class Scorer(Protocol[Prepared]):
    """A source with its item-side arrays at hand: pure arithmetic, the same for any batch that a subject is in.

    Attributes:
        wide: what `prepare` makes has one short row per subject, and may be cut like the batch: such a source multiplies
            matrices and wants some hundred subjects at once. Otherwise it may have a row of all items per subject: such a
            source wants some dozens at once, so that they stay in cache from `propose` to `score`.
    """

    wide: bool

    def prepare(self, batch: SubjectBatch) -> Prepared:
        """What `propose`, `score` and `explain` share for a batch, such as query vectors."""

    def propose(
        self, batch: SubjectBatch, prepared: Prepared, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The best `count` eligible items of each subject that are not masked, best first, ties to the smaller index.

        Args:
            batch: n subjects.
            prepared: what `prepare` made of it.
            count: longest list.
            eligible: (items,), 1 where an item may be proposed.

        Returns:
            (n, count) int32 item indices, -1 behind the last. A source that counts proposes scores above 0 only.
        """

    def score(self, batch: SubjectBatch, prepared: Prepared, candidates: CandidateSet) -> NDArray[np.float32]:
        """A score for each candidate, whoever proposed it: (C,) float32, NaN where the source cannot say."""

    def explain(self, batch: SubjectBatch, prepared: Prepared, chosen: CandidateSet) -> NDArray[np.int32]:
        """For each chosen item the history item that says most about it, -1 where there is none: (C,) int32.

        That is the one with the largest contribution to its score times the history item's rarity.
        """
