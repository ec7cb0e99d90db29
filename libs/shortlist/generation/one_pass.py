"""One pass over a batch of subjects: propose, unite, score all, blend, cut, explain. Arithmetic on arrays, no Spark."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shortlist.blending.fusion import Ranking
from shortlist.blending.slots import (
    INTEREST,
    RANKED,
    SLOTS,
    Draw,
    Filled,
    Kept,
    candidate_numbers,
    fill_slots,
    in_order_of_score,
    with_interests,
)
from shortlist.config import ExplorationConfig
from shortlist.generation.interests import INTERESTS, interest_turns
from shortlist.kernels.arrays import Doubles, Floats, Indices
from shortlist.kernels.candidates import proposal_ranks
from shortlist.kernels.ranking import best_first
from shortlist.rules import LIST_RULES, PAIR_RULES
from shortlist.rules.kept_slots import GROUPS
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.common_set import NARROW_SUBJECTS, ScoredBlock, score_together

# A matrix product looks through the vectors of all items once a call before it begins: many subjects share that.
WIDE_SUBJECTS: Final = 1024
_KEPT_SLOTS: Final = [*LIST_RULES].index("kept_slots")
# The slot of each group; at the end that of what no group reserved (-1).
_SLOTS_OF_GROUPS: Final = np.array([SLOTS.index(name) for name in (*GROUPS, RANKED)], np.int8)


@dataclass(frozen=True)
class ListRuleResults:
    """What the rules of lists say of C candidates.

    Attributes:
        removing: (C,) int8, the list rule that takes a candidate out (position in LIST_RULES), -1 where it stays.
        reserving: (C,) int8, the group whose slots are kept for it (position in GROUPS), -1 where none are.
        relations: (C,) int8, what it is to the subject (position in RELATIONS), -1 where it is nothing, or nobody asks.
    """

    removing: NDArray[np.int8]
    reserving: NDArray[np.int8]
    relations: NDArray[np.int8]


@dataclass(frozen=True)
class Lists:
    """What the pass makes of some consecutive subjects: n of them with C candidates, L of which are listed.

    Attributes:
        first: index of the first subject in the batch.
        candidates: everything that any source proposed.
        ranks: (sources, C) int32, at which rank each source proposed it, from 1; 0 where it did not.
        scores: (sources, C) float32, each source's score of every candidate; NaN where it cannot say.
        blended: (C,) float64, the score by which candidates are listed.
        contributions: (sources, C) float64, what each source adds to it; NaN where it is no sum over sources.
        removing: (C,) int8, the list rule that took a candidate out (position in LIST_RULES), -1 where none did.
        filled: the list of each subject.
        listed: (L,) int64, which candidates are on it, best first.
        winners: (L,) int64, the source that speaks for each.
        because: (L,) int32, the history item that spoke most for it, as its winner says; -1 where that names none.
        conditions: (L,) int32, the item in the middle of the interest that brought it into its slot; -1 for none.
        promotions: (L,) int32, the promotion that it is given for; -1 for none.
        relations: (L,) int8, what it is to the subject (position in RELATIONS); -1 for nothing, and where nobody asks.
        left: (n,) int64, how many eligible items each subject may be given.
        removed: (rules, n) int32, how many eligible items each pair rule, and how many candidates each list rule, took from
            each subject.
    """

    first: int
    candidates: CandidateSet
    ranks: Indices
    scores: Floats
    blended: Doubles
    contributions: Doubles
    removing: NDArray[np.int8]
    filled: Filled
    listed: NDArray[np.int64]
    winners: NDArray[np.int64]
    because: Indices
    conditions: Indices
    promotions: Indices
    relations: NDArray[np.int8]
    left: NDArray[np.int64]
    removed: Indices


def keep_all(batch: SubjectBatch, subjects: NDArray[np.int64], items: Indices) -> ListRuleResults:
    """No list rule: every candidate stays."""
    none = np.full(len(subjects), -1, np.int8)
    return ListRuleResults(none, none, none)


def promotions_of(batch: SubjectBatch, subjects: NDArray[np.int64], items: Indices) -> Indices:
    """The promotion for which each item is given to a subject: (n,) int32, -1 for none."""
    return np.full(len(items), -1, np.int32) if batch.offers is None else batch.offers.find(subjects, items)


@dataclass(frozen=True)
class OnePass:
    """The pass of one surface: lists that depend on each subject alone, whatever batch it is in.

    Attributes:
        scorers: its sources by name, the fallback last.
        ranking: makes one score of theirs; knows the same sources in the same order.
        eligible: (items,) uint8, 1 where an item may be shown.
        depth: items that each source proposes.
        k: longest list.
        apply_list_rules: what the rules of lists say: of a batch, and the subjects (ascending) and items of candidates, the best
            of each subject first.
        exploration: slots that are drawn; None: none.
        interest_slots: slots that are kept for what source `interests` proposes.
        wide_subjects: subjects that wide scorers take at once.
        narrow_subjects: subjects that the others take at once.
    """

    scorers: Mapping[str, Scorer[Any]]
    ranking: Ranking
    eligible: NDArray[np.uint8]
    depth: int
    k: int
    apply_list_rules: Callable[[SubjectBatch, NDArray[np.int64], Indices], ListRuleResults] = keep_all
    exploration: ExplorationConfig | None = None
    interest_slots: int = 0
    wide_subjects: int = WIDE_SUBJECTS
    narrow_subjects: int = NARROW_SUBJECTS

    def lists(self, batch: SubjectBatch) -> Iterator[Lists]:
        """The lists of all subjects of a batch, some at a time, in their order."""
        sizes = self.wide_subjects, self.narrow_subjects
        for block in score_together(self.scorers, batch, self.depth, self.eligible, None, *sizes):
            yield self._listed(block)

    def _listed(self, block: ScoredBlock) -> Lists:
        candidates = block.candidates
        ranks = proposal_ranks(block.proposals, candidates.rows)
        ranked = self.ranking.rank(block, ranks)
        ordered = best_first(candidates.starts, ranked.scores)
        owners = np.repeat(np.arange(block.batch.size), np.diff(candidates.starts))
        considered, forward, medoids = self._considered(block, ranks, ordered, owners)
        in_turn = ordered[considered]
        results = self.apply_list_rules(block.batch, owners, candidates.items[in_turn])
        draw = self._draw(block.batch, owners, candidates.items[in_turn])
        allowed = results.removing < 0
        kept = Kept(_SLOTS_OF_GROUPS[results.reserving], results.removing == _KEPT_SLOTS)
        filled = fill_slots(owners, allowed, block.batch.size, self.k, draw, kept)
        if self.interest_slots:
            filled = in_order_of_score(filled, considered, forward, allowed, owners, block.batch.size, self.k)
        listed = ordered[filled.listed]
        winners = ranked.winners(listed)
        removing, relations = np.empty_like(results.removing), np.empty_like(results.relations)
        removing[in_turn], relations[in_turn] = results.removing, results.relations
        return Lists(
            first=block.first,
            candidates=candidates,
            ranks=ranks,
            scores=block.scores,
            blended=ranked.scores,
            contributions=ranked.contributions,
            removing=removing,
            filled=filled,
            listed=listed,
            winners=winners,
            because=self._reasons(block, winners, listed),
            conditions=np.where(filled.slots == SLOTS.index(INTEREST), medoids[listed], np.int32(-1)),
            promotions=promotions_of(block.batch, owners[filled.listed], candidates.items[listed]),
            relations=relations[listed],
            left=self._left(block.batch),
            removed=self._removed(block.batch, owners, results.removing),
        )

    def _considered(
        self, block: ScoredBlock, ranks: Indices, ordered: NDArray[np.int64], owners: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], Indices]:
        """The order in which candidates are considered: positions in `ordered`, which of it an interest brought forward, and the
        item in the middle of the interest that brings each candidate, -1 for none.
        """
        if not self.interest_slots:
            return np.arange(len(ordered)), np.zeros(len(ordered), np.bool_), np.full(len(ordered), -1, np.int32)
        proposed = ranks[[*self.scorers].index(INTERESTS)] > 0
        numbers, medoids = interest_turns(block, self.scorers[INTERESTS], proposed)
        at_first = self.k - self.interest_slots
        return *with_interests(owners, numbers[ordered], block.batch.size, at_first, self.interest_slots), medoids

    def _draw(self, batch: SubjectBatch, owners: NDArray[np.int64], items: Indices) -> Draw | None:
        """How the last slots of the lists are drawn, where any are.

        Raises:
            ValueError: the batch has no random numbers to draw by.
        """
        if self.exploration is None:
            return None
        if batch.numbers is None:
            raise ValueError(
                "slots are to be drawn, but the subjects have no random numbers; next: make subject_numbers"
            )
        return Draw(self.exploration.slots, self.exploration.pool, candidate_numbers(batch.numbers[owners], items))

    def _reasons(self, block: ScoredBlock, winners: NDArray[np.int64], listed: NDArray[np.int64]) -> Indices:
        """The reason of each listed item, by the arithmetic of its winner: -1 where that names no item.

        No other source is asked: its item would stand in the winner's sentence.
        """
        # Candidates ascend within their subject, listed items do not.
        ascending = np.argsort(listed)
        numbers, sources = listed[ascending], winners[ascending]
        because = np.full(len(listed), -1, np.int32)
        for row, (name, scorer) in enumerate(self.scorers.items()):
            asked = sources == row
            if asked.any():
                asking = block.candidates.take(numbers[asked])
                because[ascending[asked]] = scorer.explain(block.batch, block.prepared[name], asking)
        return because

    def _removed(self, batch: SubjectBatch, owners: NDArray[np.int64], removing: NDArray[np.int8]) -> Indices:
        """Items that pair rules and list rules took from each subject."""
        counts = np.zeros((len(PAIR_RULES) + len(LIST_RULES), batch.size), np.int32)
        if batch.masking_rules is not None:
            counted = self.eligible[batch.masked_items] > 0
            subjects = np.repeat(np.arange(batch.size), np.diff(batch.masked_starts))
            np.add.at(counts, (batch.masking_rules[counted], subjects[counted]), 1)
        taken = removing >= 0
        np.add.at(counts, (len(PAIR_RULES) + removing[taken].astype(np.int64), owners[taken]), 1)
        return counts

    def _left(self, batch: SubjectBatch) -> NDArray[np.int64]:
        """How many eligible items are not masked."""
        masked = np.concatenate(([0], np.cumsum(self.eligible[batch.masked_items], dtype=np.int64)))
        left: NDArray[np.int64] = int(self.eligible.sum(dtype=np.int64)) - np.diff(masked[batch.masked_starts])
        return left
