"""`shortlist why`: where an item was lost on its way to a subject's list, or why the list is short or absent.

Answered from the tables, at the versions that the publisher read, by the rules of `shortlist.cli.eligibility`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from rich.console import Console

from shortlist.blending.slots import EXPLORATION, INTEREST
from shortlist.cli.eligibility import Knowledge
from shortlist.cli.output import Facts, print_table, say
from shortlist.cli.proposing import say_of_each
from shortlist.cli.served import Served, served
from shortlist.columns import (
    BLENDED_SCORE,
    CONDITION,
    ITEM_ID,
    PROPENSITY,
    RANK,
    REASON,
    RELATION,
    REMOVED_BY,
    SCORE,
    SLOT,
    SOURCE,
    SOURCES,
)
from shortlist.config import Settings
from shortlist.records.manifest import ItemRules
from shortlist.reports.surfaces import read_titles
from shortlist.rules import ITEM_RULES, LIST_RULES, PAIR_RULES, TABLE_RULES
from shortlist.rules.kept_slots import GROUPS
from shortlist.subjects import SUBJECTS

Answer = tuple[str, str, str]
"""A word for programs, one sentence, and the next step."""

_PASSED_OVER = {
    "blocked": "is in the audience that gets no list (blocked_audience)",
    "inactive": "did nothing within active_within_days, and gets a list again after the next engagement",
    "sent_lately": "was sent something lately, and gets no list until sent.user_days have gone by",
}
# List rules that had another name when the tables of earlier days were written.
_KEPT_SLOTS = "kept_slots"
_RENAMED = {"fresh_slots": _KEPT_SLOTS}
_OF_LISTS = (*LIST_RULES, *TABLE_RULES)
_NOTHING = "nothing: this is as it should be"


def why(settings: Settings, surface: str, subject: str, item: str | None, day: date | None) -> dict[str, Any]:
    """Explain one list, or one item's absence from it or rank in it.

    Args:
        settings: settings in force.
        surface: the surface.
        subject: user, item or query whose list it is.
        item: the item; None asks about the list as a whole.
        day: a published day; None means the one that readers are served.

    Returns:
        surface, subject, item, title (of the item), run_date, table_version, k, length (of the list), verdict, says, next,
        sources (what each says of the item: source, rank at which it proposed it, null where it did not, score, contribution to
        the blended score, says: why it did or did not, in a sentence; without an item: source, how many items it proposed),
        rules (without an item: rule, left_out: how many items, of: which ones; rules about the subject where its list is short),
        notes.

        Verdicts about an item: published, not_a_subject, not_eligible, hidden, seen, paused, served, sent, itself,
        not_proposed, audience, only_relation, one_per_content_key, max_per_category, max_per_creator, max_per_campaign,
        max_campaigns, kept_slots, campaign_share, below_k, fallback_not_needed, unknown.
        About a list: full, short_nothing_left, short_by_rules, short_too_few_proposed, no_history, below_floor, not_addressed,
        blocked, sent_lately, inactive, not_lapsing, held_back, over_budget, not_clicked, no_list, unknown.
    """
    view = served(settings, surface, day)
    subject = SUBJECTS[settings.surfaces[surface].subject].name_of(subject)
    rows, candidates, knowledge = view.list_of(subject), view.candidates(subject), view.knowledge()
    if item is None:
        verdict, says, then = _about_list(view, subject, rows, candidates, knowledge)
    else:
        verdict, says, then = _about_item(view, subject, item, rows, candidates, knowledge)
    return {
        "surface": surface,
        "subject": subject,
        "item": item,
        "title": read_titles(view.lake, view.day, [item]).get(item) if item else None,
        "run_date": view.day.isoformat(),
        "table_version": view.decision.table_version,
        "k": settings.surfaces[surface].k,
        "length": rows.height,
        "verdict": verdict,
        "says": says,
        "next": then,
        "sources": _sources(view, subject, item, candidates, knowledge, verdict),
        "rules": []
        if item is not None or knowledge is None
        else _rules(view.item_rules(), knowledge, view.removed(subject)),
        "notes": _notes(view, knowledge, candidates),
    }


def _about_list(
    view: Served, subject: str, rows: pl.DataFrame, candidates: pl.DataFrame | None, knowledge: Knowledge | None
) -> Answer:
    config = view.settings.surfaces[view.surface]
    if rows.height >= config.k:
        return "full", f"the list is full: {rows.height} of {config.k}", _NOTHING
    if knowledge is None:
        return _forgotten(view)
    if not _is_subject(knowledge, subject, candidates):
        return _no_subject(view, subject, knowledge)
    passed_over = _passed_over(view, subject, knowledge)
    if passed_over is not None:
        return passed_over
    left = knowledge.left_for(subject)
    have = f"{rows.height} of {config.k}"
    if left < config.k:
        says = f"{have}: only {left} eligible items are left that the subject has not seen"
        return "short_nothing_left", says, "lower min_item_support or k of the surface, if more is wanted"
    made = 0 if candidates is None else candidates[ITEM_ID].n_unique()
    taken = {rule: count for rule, count in view.removed(subject).items() if rule in _OF_LISTS}
    if rows.height + sum(taken.values()) >= config.k:
        by = ", ".join(f"{rule} {count}" for rule, count in taken.items())
        says = f"{have}: all sources together proposed {made}, of which rules of the list took: {by}"
        return "short_by_rules", says, f"raise the surface's depth ({config.depth}), or relax the rule"
    verdict = "short_too_few_proposed" if rows.height else "no_list"
    says = f"{have}: {left} eligible items are left, but all sources together proposed {made}"
    return verdict, says, f"raise the surface's depth ({config.depth}), or give it a fallback"


def _about_item(
    view: Served,
    subject: str,
    item: str,
    rows: pl.DataFrame,
    candidates: pl.DataFrame | None,
    knowledge: Knowledge | None,
) -> Answer:
    found = rows.filter(pl.col(ITEM_ID) == item)
    if not found.is_empty():
        row = found.row(0, named=True)
        relation = f"; a {row[RELATION]} of {subject}" if row.get(RELATION) else ""
        by = f"source {row[SOURCE]}; proposed by {', '.join(row[SOURCES])}; reason: {row[REASON]}{relation}{_slot_of(row)}"
        return "published", f"published at rank {row[RANK]} of {rows.height}, score {row[SCORE]:.6g}; {by}", _NOTHING
    if knowledge is None:
        return _forgotten(view)
    if not _is_subject(knowledge, subject, candidates):
        _, says, then = _no_subject(view, subject, knowledge)
        return "not_a_subject", f"no item can be given: {says}", then
    passed_over = _passed_over(view, subject, knowledge)
    if passed_over is not None:
        return "not_a_subject", f"no item can be given: {passed_over[1]}", passed_over[2]
    ineligibility_reasons = knowledge.ineligibility_reasons(item)
    if ineligibility_reasons:
        then = f"if it should be shown: settings of surfaces.{view.surface}, or the catalog, decide this"
        return "not_eligible", f"not eligible: {'; '.join(ineligibility_reasons)}", then
    mask = knowledge.mask(subject, item)
    if mask is not None:
        return mask, PAIR_RULES[mask].reason, _NOTHING
    return _lost(view, subject, item, rows, candidates, knowledge)


def _slot_of(row: Facts) -> str:
    """How a row came to its slot, where not by its score."""
    slot = row.get(SLOT)
    if slot == EXPLORATION:
        return f"; drawn for an exploration slot with probability {row[PROPENSITY]:.3g}"
    if slot == INTEREST:
        return f"; in a slot that is kept for the interest around item {row[CONDITION]}"
    group = GROUPS.get(slot or "")
    return "" if group is None else f"; in a slot that is kept for {group.named}"


def _is_subject(knowledge: Knowledge, subject: str, candidates: pl.DataFrame | None) -> bool:
    """Whether a list was made for the subject. Clicks of queries are in no table: whether something was proposed says it."""
    if knowledge.subject.history == "clicks":
        return candidates is None or not candidates.is_empty()
    return knowledge.is_subject(subject)


def _passed_over(view: Served, user: str, knowledge: Knowledge) -> Answer | None:
    """Why a surface that is not for everybody makes no list for a user; None where it makes one."""
    if not knowledge.is_addressed(user):
        says = f"no promotion that is live when {view.day} ends is for user {user}: its audiences do not hold them"
        return "not_addressed", says, "look at promotions and audience_members, if there should be one"
    kept = knowledge.passed_over(user)
    if kept is not None:
        return kept, f"user {user} {_PASSED_OVER[kept]}", _NOTHING
    lapsing = view.settings.surfaces[view.surface].lapsing
    if lapsing is None:
        return None
    decision = view.decision_about(user)
    if decision is None:
        until = "" if lapsing.until is None else f" and at most {lapsing.until:g}"
        says = (
            f"user {user} is not lapsing: that takes {lapsing.min_active_days} active days, and at least {lapsing.after:g}"
            f"{until} of their own intervals since the last one"
        )
        return "not_lapsing", says, f"settings of surfaces.{view.surface}.lapsing decide this"
    if decision == "held_back":
        return decision, f"user {user} is lapsing and held back: users without a list show what lists achieve", _NOTHING
    if decision == "over_budget":
        says = f"user {user} is lapsing, but {lapsing.budget} others are likelier to return"
        return decision, says, f"raise surfaces.{view.surface}.lapsing.budget, if more is to be spent"
    return None


def _of_lists_reason(rule: str) -> str:
    return LIST_RULES[rule].reason if rule in LIST_RULES else TABLE_RULES[rule].reason


def _campaign_is_full(view: Served, subject: str, item: str, knowledge: Knowledge) -> bool:
    """Whether the item's campaign has as many rows of the whole table as it may have."""
    surface = view.settings.surfaces[view.surface]
    own = None if surface.promotions is None else knowledge.offers(subject).get(item)
    if own is None:
        return False
    most = TABLE_RULES["campaign_share"].most_rows(surface, view.subjects())
    return most is not None and view.rows_of(own) >= most


def _lost(
    view: Served,
    subject: str,
    item: str,
    rows: pl.DataFrame,
    candidates: pl.DataFrame | None,
    knowledge: Knowledge,
) -> Answer:
    """An item that might have been given: no source named it, a rule left no place for it, or others ranked above it."""
    config = view.settings.surfaces[view.surface]
    if candidates is None:
        return (
            "unknown",
            "it may be given, but what the sources proposed that day is not kept any more",
            "ask about a later day",
        )
    named = candidates.filter((pl.col(ITEM_ID) == item) & pl.col(RANK).is_not_null())
    if named.is_empty():
        asked = ", ".join(candidates[SOURCE].unique().sort()) or "none"
        says = f"it may be given, but no source proposed it; {config.depth} items each were asked of: {asked}"
        return "not_proposed", says, "raise the surface's depth, or add a source that knows it"
    rule = _RENAMED.get(named[REMOVED_BY][0], named[REMOVED_BY][0])
    if rule == _KEPT_SLOTS and _better(candidates, item) >= config.k:
        rule = None  # were no slots kept, it would not be listed either
    if rule is None and _campaign_is_full(view, subject, item, knowledge):
        rule = "campaign_share"
    if rule is not None:
        return rule, _of_lists_reason(rule), _NOTHING
    ranks = ", ".join(f"{row[SOURCE]} at rank {row[RANK]}" for row in named.to_dicts())
    if set(named[SOURCE]) == {config.fallback}:
        says = f"only the fallback proposed it ({ranks}), and the list was full without it: {rows.height} of {config.k}"
        return "fallback_not_needed", says, _NOTHING
    kinds = rows[SLOT].to_list() if SLOT in rows.columns else []
    drawn = kinds.count(EXPLORATION)
    kept = {"the subject's interests": kinds.count(INTEREST)}
    kept |= {group.named: kinds.count(name) for name, group in GROUPS.items()}
    above = f"{rows.height - drawn - sum(kept.values())} others rank above it once the sources are blended"
    others = f", and the {drawn} that were drawn are others" if drawn else ""
    others += "".join(f", and {count} slots are kept for {whom}" for whom, count in kept.items() if count)
    says = f"proposed by {ranks}, but {above}{others} (k is {config.k})"
    return "below_k", says, "raise k of the surface, if it should be listed"


def _better(candidates: pl.DataFrame, item: str) -> int:
    """How many candidates rank above an item, of those that a list without kept slots might hold; equal scores rank by id."""
    by_others = pl.col(REMOVED_BY).is_not_null() & ~pl.col(REMOVED_BY).is_in([_KEPT_SLOTS, *_RENAMED])
    left = candidates.filter(~by_others).unique(ITEM_ID)
    score = left.filter(pl.col(ITEM_ID) == item)[BLENDED_SCORE].item()
    equal = (pl.col(BLENDED_SCORE) == score) & (pl.col(ITEM_ID) < item)
    return left.filter((pl.col(BLENDED_SCORE) > score) | equal).height


def _no_subject(view: Served, subject: str, knowledge: Knowledge) -> Answer:
    kind = knowledge.subject
    says = kind.no_list_because.format(
        subject=subject,
        support=knowledge.support(subject) if kind.needs_support else None,
        floor=knowledge.surface.min_item_support,
        days=view.settings.interactions.lookback_days,
        day=view.day,
    )
    return kind.no_list, says, kind.no_list_next


def _forgotten(view: Served) -> Answer:
    says = f"what the run of {view.day} knew is not kept any more: interactions have no rows for that day"
    return "unknown", says, "ask about a later day, or run that day again"


def _sources(
    view: Served,
    subject: str,
    item: str | None,
    candidates: pl.DataFrame | None,
    knowledge: Knowledge | None,
    verdict: str,
) -> list[dict[str, Any]]:
    if candidates is None:
        return []
    if item is None:
        made = candidates.group_by(SOURCE).agg(pl.col(RANK).is_not_null().sum().alias("items"))
        return made.sort(SOURCE).to_dicts()
    forbidden = verdict in {"not_a_subject", "not_eligible", *PAIR_RULES}
    return say_of_each(view, knowledge, subject, item, candidates, forbidden)


def _rules(counted: ItemRules | None, knowledge: Knowledge, removed: Mapping[str, int]) -> list[dict[str, Any]]:
    """How many items each rule left out: rules of items of all items, the others of what these left.

    Args:
        counted: what the run counted, which the report says too; None: it is not kept, and tables say what they can. They do
            not know items of the run that nobody took: what was only hidden, and what models, clicks or the catalog name.
        knowledge: what the run knew.
        removed: how many items each other rule took from the subject.
    """
    left_out: Mapping[str, int]
    if counted is None:
        left_out, of_all = knowledge.left_out()
        of = f"{of_all} items that somebody took"
        if not knowledge.surface.min_item_support:
            of += ", or the catalog describes"
    else:
        left_out, of = counted.left_out, f"{counted.items} items"
    order = {rule: position for position, rule in enumerate(ITEM_RULES)}  # a manifest is sorted by name
    named = sorted(left_out, key=lambda rule: order.get(rule, len(order)))
    of_items = [{"rule": rule, "left_out": left_out[rule], "of": of} for rule in named]
    of_subject = [
        {"rule": rule, "left_out": count, "of": "what may be shown" if rule in PAIR_RULES else "what sources proposed"}
        for rule, count in removed.items()
    ]
    return of_items + of_subject


def _notes(view: Served, knowledge: Knowledge | None, candidates: pl.DataFrame | None) -> list[str]:
    notes = []
    if not view.same_settings:
        notes.append("settings have changed since that run: floors, rules and lengths named here are today's")
    if knowledge is not None and knowledge.catalog is None:
        notes.append("there is no catalog: rules that go by it are off")
    if knowledge is not None and knowledge.surface.promotions is not None:
        if knowledge.promotions is None:
            notes.append("no promotions are known: the surface has no lists")
        elif knowledge.members is None:
            notes.append("no members of audiences are known: only promotions without an audience reach anybody")
    if candidates is None:
        notes.append("what the sources proposed that day is not kept any more")
    return notes


def render(facts: Facts, to: Console) -> None:
    """For people."""
    item = f", item {facts['item']}" + (f" ({facts['title']})" if facts["title"] else "") if facts["item"] else ""
    say(to, f"{facts['surface']} {facts['run_date']}: {facts['subject']}{item}", "bold")
    say(to, facts["says"])
    if facts["sources"]:
        columns = list(facts["sources"][0])
        print_table(to, columns, [list(each.values()) for each in facts["sources"]], "what the sources say")
    if facts["rules"]:
        columns = list(facts["rules"][0])
        print_table(to, columns, [list(each.values()) for each in facts["rules"]], "what rules left out")
    for note in facts["notes"]:
        say(to, f"note: {note}")
    say(to, f"next: {facts['next']}")
