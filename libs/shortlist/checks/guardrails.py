"""What a contract cannot say: a surface's candidates beside those of the last published day, and list by list."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, SCORE, SOURCE, SUBJECT_ID
from shortlist.config import GuardrailsConfig
from shortlist.metrics.definitions import overlap
from shortlist.records.checks import CheckResult
from shortlist.subjects import SubjectKind

LIST, ITEMS, LAST_ITEMS, TOP_ITEM = "list", "items", "last_items", "top_item"
NO_LAST_DAY = "there is no published day to compare with"


def guardrails(
    frame: DataFrame,
    last: DataFrame | None,
    config: GuardrailsConfig,
    k: int,
    fallback: str | None,
    subject: SubjectKind,
    expected_subjects: int,
) -> tuple[CheckResult, ...]:
    """Critical results about a surface's candidates, all from one pass of Spark over both days.

    A frame without rows fails every limit on a share: there is nothing that could keep it. Results name no table;
    `Audit.with_results` does.

    Args:
        frame: candidates of the run date, in the columns of the candidates contract.
        last: those of the last published day; None before the first publication: comparisons with it are then off, and say so.
        config: limits.
        k: length of a whole list.
        fallback: source that fills lists; None where the surface has none.
        subject: what a list is made for; an item must not be recommended to itself.
        expected_subjects: how many subjects ought to have a list.
    """
    facts = _facts(frame, last, k, fallback)
    results = [
        _rows_change(facts, last is not None, config),
        _overlap(facts, last is not None, config),
        _top_item_share(facts, config),
        _fallback_share(facts, fallback, config),
        _short_share(facts, k, expected_subjects, config),
        _ranks_without_holes(facts),
        _score_falls_with_rank(facts),
    ]
    return (*results, _not_itself(facts)) if subject == "item" else tuple(results)


@dataclass(frozen=True)
class _Facts:
    """Totals over all lists of a day.

    Attributes:
        rows: candidates.
        subjects: lists.
        short: lists with fewer than k rows.
        from_fallback: rows whose source is the fallback.
        itself: rows that recommend the subject to itself.
        with_holes: lists whose ranks are not 1..n.
        rising: lists in which a score is above an earlier one.
        last_rows: candidates of the last day.
        compared: lists whose subject had one on the last day too.
        overlap: sum over these of the overlap with the last list, see `metrics.definitions.overlap`.
        top_item: item that most lists begin with, the last id of equals; None when no list has a rank 1.
        top_subjects: lists that begin with it.
    """

    rows: int
    subjects: int
    short: int
    from_fallback: int
    itself: int
    with_holes: int
    rising: int
    last_rows: int
    compared: int
    overlap: float
    top_item: str | None
    top_subjects: int


def _facts(frame: DataFrame, last: DataFrame | None, k: int, fallback: str | None) -> _Facts:
    """One action: lists as arrays, beside last day's lists, counted by the item they begin with, then in all."""
    entry = F.struct(RANK, ITEM_ID, SCORE, SOURCE)
    lists = frame.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(entry)).alias(LIST))
    if last is None:
        both = lists.withColumn(LAST_ITEMS, F.lit(None).cast("array<string>"))
    else:
        earlier = last.groupBy(SUBJECT_ID).agg(F.collect_list(ITEM_ID).alias(LAST_ITEMS))
        both = lists.join(earlier, on=SUBJECT_ID, how="full")
    totals = dict(_totals(k, fallback))
    by_top_item = both.groupBy(_top_item().alias(TOP_ITEM)).agg(*(total.alias(name) for name, total in totals.items()))
    # Among items that begin equally many lists the last id is named, so that a re-run says the same.
    reached = F.when(F.col(TOP_ITEM).isNotNull(), F.struct("subjects", TOP_ITEM))
    row = by_top_item.agg(*(F.sum(name).alias(name) for name in totals), F.max(reached).alias("top")).first()
    assert row is not None, "an aggregate without groups has one row"
    return _from_row(row, list(totals))


def _totals(k: int, fallback: str | None) -> Iterator[tuple[str, Column]]:
    """Sums over lists; LIST is null for a subject that only the last day has, LAST_ITEMS for a new one."""
    entries, last_items = F.col(LIST), F.col(LAST_ITEMS)
    here, length = entries.isNotNull(), F.size(entries)
    ranks, scores, items = entries[RANK], entries[SCORE], entries[ITEM_ID]
    whole_ranks = ranks.eqNullSafe(F.sequence(F.lit(1), length))
    falling = scores.eqNullSafe(F.sort_array(scores, asc=False))
    spoken_by_fallback = F.filter(entries[SOURCE], lambda source: source == F.lit(fallback))
    same = F.filter(items, lambda item: item == F.col(SUBJECT_ID))
    kept = overlap(F.size(F.array_intersect(items, last_items)), F.greatest(length, F.size(last_items)))
    yield "rows", F.sum(F.when(here, length))
    yield "subjects", F.count_if(here)
    yield "short", F.count_if(here & (length < k))
    yield "from_fallback", F.sum(F.when(here, F.size(spoken_by_fallback)))
    yield "itself", F.sum(F.when(here, F.size(same)))
    yield "with_holes", F.count_if(here & ~whole_ranks)
    yield "rising", F.count_if(here & ~falling)
    yield "last_rows", F.sum(F.when(last_items.isNotNull(), F.size(last_items)))
    yield "compared", F.count_if(here & last_items.isNotNull())
    yield "overlap", F.sum(F.when(here & last_items.isNotNull(), kept))


def _top_item() -> Column:
    """The item at rank 1, null where a list has none."""
    first = F.get(F.col(LIST), F.lit(0))
    return F.when(first[RANK] == 1, first[ITEM_ID])


def _from_row(row: Row, names: list[str]) -> _Facts:
    values = {name: row[name] or 0 for name in names}
    top = row["top"]
    return _Facts(**values, top_item=top[TOP_ITEM] if top else None, top_subjects=top["subjects"] if top else 0)


def _rows_change(facts: _Facts, has_last: bool, config: GuardrailsConfig) -> CheckResult:
    limit = config.max_rows_change
    description = f"Rows change by at most {limit:.0%} from the last published day (guardrails.max_rows_change)."
    if not has_last:
        return _off("rows_change", "", description, NO_LAST_DAY)
    if facts.last_rows == 0:
        return _guardrail("rows_change", "", description, False, "the last published day has no rows")
    change = facts.rows / facts.last_rows - 1
    observed = f"{facts.rows} rows after {facts.last_rows}, a change of {change:+.1%}"
    return _guardrail("rows_change", "", description, abs(change) <= limit, observed)


def _overlap(facts: _Facts, has_last: bool, config: GuardrailsConfig) -> CheckResult:
    limit = config.min_overlap
    description = (
        f"On average a list has at least {limit:.0%} in common with the subject's last one (guardrails.min_overlap)."
    )
    if not has_last:
        return _off("overlap_with_last_day", ITEM_ID, description, NO_LAST_DAY)
    if facts.compared == 0:
        observed = "no subject had a list on the last published day"
        return _guardrail("overlap_with_last_day", ITEM_ID, description, False, observed)
    mean = facts.overlap / facts.compared
    observed = f"{mean:.1%} over {facts.compared} subjects with a list on both days"
    return _guardrail("overlap_with_last_day", ITEM_ID, description, mean >= limit, observed)


def _top_item_share(facts: _Facts, config: GuardrailsConfig) -> CheckResult:
    limit = config.max_top_item_share
    description = f"No item begins more than {limit:.0%} of all lists (guardrails.max_top_item_share)."
    observed = f"{facts.top_item!r} begins {facts.top_subjects} of {facts.subjects} lists"
    return _at_most("top_item_share", ITEM_ID, description, observed, facts.top_subjects, facts.subjects, limit)


def _fallback_share(facts: _Facts, fallback: str | None, config: GuardrailsConfig) -> CheckResult:
    limit = config.max_fallback_share
    description = f"At most {limit:.0%} of all rows come from the fallback source (guardrails.max_fallback_share)."
    if fallback is None:
        return _off("fallback_share", SOURCE, description, "the surface has no fallback source")
    observed = f"{facts.from_fallback} of {facts.rows} rows come from {fallback!r}"
    return _at_most("fallback_share", SOURCE, description, observed, facts.from_fallback, facts.rows, limit)


def _short_share(facts: _Facts, k: int, expected_subjects: int, config: GuardrailsConfig) -> CheckResult:
    limit = config.max_short_share
    description = (
        f"At most {limit:.0%} of expected subjects have fewer than {k} candidates (guardrails.max_short_share)."
    )
    without = max(expected_subjects - facts.subjects, 0)
    expected = max(expected_subjects, facts.subjects)
    observed = f"{facts.short} short lists and {without} subjects without a list, of {expected}"
    return _at_most("short_lists", SUBJECT_ID, description, observed, facts.short + without, expected, limit)


def _ranks_without_holes(facts: _Facts) -> CheckResult:
    description = "Ranks of a list are 1, 2, 3 and so on."
    return _none("ranks_without_holes", RANK, description, "lists", facts.with_holes, facts.subjects)


def _score_falls_with_rank(facts: _Facts) -> CheckResult:
    description = "No candidate scores above one that is ranked before it."
    return _none("score_falls_with_rank", SCORE, description, "lists", facts.rising, facts.subjects)


def _not_itself(facts: _Facts) -> CheckResult:
    return _none("not_itself", ITEM_ID, "No item is recommended to itself.", "rows", facts.itself, facts.rows)


def _at_most(
    rule: str, column: str, description: str, observed: str, count: int, total: int, limit: float
) -> CheckResult:
    """A share that must not exceed a limit; a share of nothing does."""
    if total == 0:
        return _guardrail(rule, column, description, False, "there are no rows")
    return _guardrail(rule, column, description, count / total <= limit, observed, count, count / total)


def _none(rule: str, column: str, description: str, what: str, count: int, total: int) -> CheckResult:
    """A rule without a limit; `not_empty` is there to refuse a frame in which nothing can break it."""
    share = count / total if total else None
    return _guardrail(rule, column, description, count == 0, f"{count} of {total} {what} break it", count, share)


def _off(rule: str, column: str, description: str, why: str) -> CheckResult:
    """A guardrail that has nothing to judge: shown as such, not as satisfied."""
    return replace(_guardrail(rule, column, description, True, why), off=why)


def _guardrail(
    rule: str,
    column: str,
    description: str,
    success: bool,
    observed: str,
    count: int | None = None,
    share: float | None = None,
) -> CheckResult:
    return CheckResult(
        table="",
        rule=rule,
        description=description,
        expectation="guardrail",
        column=column,
        severity="critical",
        success=success,
        raised=None,
        observed=observed,
        unexpected_count=count,
        unexpected_share=share,
    )
