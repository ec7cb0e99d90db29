"""What readers of a surface are served on a day, and what the run behind it knew, at the versions that it read."""

import json
from dataclasses import dataclass
from datetime import date

import polars as pl

from shortlist.cli.eligibility import Knowledge
from shortlist.columns import (
    BLENDED_SCORE,
    CAMPAIGN,
    CATEGORY,
    CONDITION,
    CONTRIBUTION,
    CONTRIBUTIONS,
    DECISION,
    INGEST_DATE,
    ITEM_ID,
    LENGTH,
    PROPENSITY,
    RANK,
    RANKS,
    REASON,
    RELATION,
    REMOVED,
    REMOVED_BY,
    SCORE,
    SCORES,
    SLOT,
    SOURCE,
    SOURCES,
    SUBJECT_ID,
    SURFACE,
    TITLE,
    USER_ID,
)
from shortlist.config import Settings
from shortlist.contracts import candidates_name
from shortlist.errors import NotPublishedError
from shortlist.generation.text_answers import answer_by_text
from shortlist.records.manifest import ItemRules
from shortlist.records.publications import Publication, SurfaceHistory
from shortlist.reports.lists import draw_subjects
from shortlist.store.commits import read_inputs
from shortlist.store.fences import run_partition
from shortlist.store.manifests import NO_MANIFEST, read_manifest
from shortlist.store.pinned_tables import Lake, UnreadableTableError


@dataclass(frozen=True)
class Served:
    """A published day of a surface.

    Attributes:
        lake: the warehouse.
        settings: settings in force.
        surface: name of the surface.
        decision: its row of publications.
        inputs: versions that its publisher read, by table, from the commit's own metadata.
    """

    lake: Lake
    settings: Settings
    surface: str
    decision: Publication
    inputs: dict[str, int]

    @property
    def day(self) -> date:
        """The run date."""
        return self.decision.run_date

    def rows(self) -> pl.LazyFrame:
        """Every list of the day."""
        table = candidates_name(self.surface)
        rows = self.lake.of_day(table, self.day, self.decision.table_version)
        if rows is None:
            raise NotPublishedError.table_is_gone(self.surface, table, self.day)
        return rows

    def some_subject(self) -> str:
        """A subject that has a list, drawn by lot; the same one whenever this day is asked."""
        subjects = self.lake.collect(
            candidates_name(self.surface), self.rows().select(SUBJECT_ID).unique(), self.decision.table_version
        )
        return draw_subjects(subjects[SUBJECT_ID].to_list(), self.day, 1)[0]

    def list_of(self, subject: str) -> pl.DataFrame:
        """The subject's list, best first; without rows when it has none.

        Returns:
            rank, item_id, score, source, sources, reason; slot, propensity, condition and relation where the table has them.
        """
        kept = self.rows()
        there = kept.collect_schema().names()
        columns = [
            RANK,
            ITEM_ID,
            SCORE,
            SOURCE,
            SOURCES,
            REASON,
            *(name for name in (SLOT, PROPENSITY, CONDITION, RELATION) if name in there),
        ]
        rows = kept.filter(pl.col(SUBJECT_ID) == subject).select(columns).sort(RANK)
        return self.lake.collect(candidates_name(self.surface), rows, self.decision.table_version)

    def answer(self, query: str) -> pl.DataFrame:
        """What the text of the day's catalog answers to a query without a list, in the first columns of `list_of`."""
        known, catalog = self.knowledge(), self._newest("catalog")
        if known is None or catalog is None:
            return self.list_of(query)
        texts = self.lake.collect("catalog", catalog.select(ITEM_ID, TITLE, CATEGORY)).to_arrow()
        may_be_shown = known.eligible()[ITEM_ID].to_arrow()
        surface = self.settings.surfaces[self.surface]
        found = pl.DataFrame(answer_by_text(self.settings, surface, query, texts, may_be_shown))
        wording = {source: config.reason for source, config in self.settings.sources}
        return found.with_row_index(RANK, offset=1).with_columns(
            pl.concat_list(SOURCE).alias(SOURCES), pl.col(SOURCE).replace_strict(wording).alias(REASON)
        )

    def candidates(self, subject: str) -> pl.DataFrame | None:
        """What each source says of every candidate of the subject, None where the day is not kept any more.

        Returns:
            item_id, removed_by, blended_score, source, rank (null where the source did not propose it), score, contribution; by
            source and rank.
        """
        rows = self._of_day("source_candidates")
        if rows is None:
            return None
        wanted = rows.filter((pl.col(SURFACE) == self.surface) & (pl.col(SUBJECT_ID) == subject))
        named = {SOURCES: SOURCE, RANKS: RANK, SCORES: SCORE, CONTRIBUTIONS: CONTRIBUTION}
        blended = pl.col(SCORE).alias(BLENDED_SCORE)
        kept = wanted.select(ITEM_ID, REMOVED_BY, blended, *(pl.col(many).alias(one) for many, one in named.items()))
        rows = kept.explode(list(named.values())).sort(SOURCE, RANK, ITEM_ID, nulls_last=True)
        return self.lake.collect("source_candidates", rows)

    def trained(self, table: str) -> pl.LazyFrame | None:
        """The rows of a model that the run's sources read, None where they are not kept any more."""
        generated = read_inputs(self.lake.path("source_candidates"), self.inputs.get("source_candidates"))
        if table not in generated:
            return None
        try:
            rows = self.lake.of_day(table, self.day, generated[table])
            return None if rows is None or self.lake.collect(table, rows.select(pl.len())).item() == 0 else rows
        except UnreadableTableError:  # upkeep keeps the versions of lists, not those of models
            return None

    def removed(self, subject: str) -> dict[str, int]:
        """How many items each rule took from a subject whose list is short; empty where that is not kept."""
        rows = self._of_day("short_lists")
        if rows is None or REMOVED not in rows.collect_schema().names():
            return {}
        wanted = rows.filter((pl.col(SURFACE) == self.surface) & (pl.col(SUBJECT_ID) == subject)).select(REMOVED)
        found = self.lake.collect("short_lists", wanted)[REMOVED].drop_nulls().to_list()
        return json.loads(found[0]) if found else {}

    def item_rules(self) -> ItemRules | None:
        """What the run itself counted of the surface's rules of items; None where its manifest is not kept."""
        try:
            generated = read_manifest(self.settings.paths.manifests, self.day, "generate_candidates")
        except NO_MANIFEST:
            return None
        made = generated.outputs.get(f"source_candidates/{run_partition(self.day)}")
        # A later run of the day leaves another manifest, of a version that the publisher cannot have read.
        was_read = made is not None and made <= self.inputs.get("source_candidates", -1)
        return generated.item_rules.get(self.surface) if was_read else None

    def decision_about(self, user: str) -> str | None:
        """What was decided about a lapsing user: listed, held_back or over_budget; None for one who is not lapsing."""
        rows = self._of_day("audiences")
        if rows is None:
            return None
        wanted = rows.filter((pl.col(SURFACE) == self.surface) & (pl.col(USER_ID) == user)).select(DECISION)
        found = self.lake.collect("audiences", wanted)[DECISION].to_list()
        return found[0] if found else None

    def knowledge(self) -> Knowledge | None:
        """What the run knew; None where its interactions are not kept any more."""
        interactions = self._of_day("interactions")
        if interactions is None:
            return None
        surface = self.settings.surfaces[self.surface]
        asks_members = surface.promotions is not None or surface.blocked_audience is not None
        return Knowledge(
            interactions,
            self._newest("catalog"),
            surface,
            self.day,
            promotions=None if surface.promotions is None else self._newest("promotions"),
            members=self._newest("audience_members") if asks_members else None,
            engagements=None if surface.fatigue is None and surface.sent is None else self._engagements(),
            engaging=tuple(self.settings.interactions.weights),
        )

    def _engagements(self) -> pl.LazyFrame | None:
        """What was known when the day ended."""
        rows = self.lake.scan("engagements", self.inputs.get("engagements"))
        if rows is None or self.settings.interactions.late_events == "include":
            return rows
        return rows.filter(pl.col(INGEST_DATE) <= self.day)

    @property
    def same_settings(self) -> bool:
        """Whether the settings in force are those of the run."""
        return self.decision.run_id.endswith(self.settings.fingerprint())

    def _of_day(self, table: str) -> pl.LazyFrame | None:
        rows = self.lake.of_day(table, self.day, self.inputs.get(table))
        if rows is None or self.lake.collect(table, rows.select(pl.len())).item() == 0:
            return None
        return rows

    def rows_of(self, campaign: str) -> int:
        """How many rows of the day are of a campaign; 0 where the table is from before campaigns."""
        rows = self.rows()
        if CAMPAIGN not in rows.collect_schema().names():
            return 0
        counted = rows.filter(pl.col(CAMPAIGN) == campaign).select(pl.len())
        return int(self.lake.collect(candidates_name(self.surface), counted, self.decision.table_version).item())

    def subjects(self) -> int:
        """How many subjects there were, with a list or without."""
        rows = self._of_day("short_lists")
        if rows is None:
            return self.decision.subjects
        without = rows.filter((pl.col(SURFACE) == self.surface) & (pl.col(LENGTH) == 0)).select(pl.len())
        return self.decision.subjects + int(self.lake.collect("short_lists", without).item())

    def _newest(self, table: str) -> pl.LazyFrame | None:
        newest = self.lake.snapshot(table, self.day, self.inputs.get(table))
        return None if newest is None else newest[1]


def served(settings: Settings, surface: str, day: date | None) -> Served:
    """The day that readers are served, or a given published day.

    Raises:
        NotPublishedError: saying what was decided instead.
    """
    lake = Lake(settings.paths.warehouse)
    history = lake.histories().get(surface, SurfaceHistory())
    decision = history.latest if day is None else history.current_of(day)
    if decision is None:
        decisions = [each for each in history.decisions if day is None or each.run_date == day]
        last = decisions[-1] if decisions else None
        said = None if last is None else (last.status, last.why or "")
        raise NotPublishedError.day(surface, day, said, [each.run_date for each in history.current])
    path = lake.path(candidates_name(surface))
    return Served(lake, settings, surface, decision, read_inputs(path, decision.table_version))
