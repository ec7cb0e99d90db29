"""Erase subjects from every table, from the files of older versions, from manifests and reports; prove it.

The protocol, in order: rows out of the newest versions; the served days of every surface announced at a version that stays
readable; files that only older versions need removed from storage, whatever the retention; the same again for tables that
somebody committed to meanwhile; then, while nobody can commit, the proof. A run that began before the proof is refused when
it would write after it (`Run.require_no_erasure`), so nothing that was read before can come back.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

import deltalake
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BASKET_ID,
    BASKET_KIND,
    ERASED_AT,
    FILES_REMOVED,
    INGEST_DATE,
    ITEM_ID,
    RAW,
    REASON,
    ROWS,
    RUN_DATE,
    RUN_ID,
    SUBJECT_DIGEST,
    SUBJECT_ID,
    SUBJECT_KIND,
    TABLE_NAME,
    TABLE_VERSION,
    TITLE,
    WHY,
)
from shortlist.config import IdsConfig
from shortlist.contracts import surface_of
from shortlist.errors import ContractError, ErasedError
from shortlist.landing.folders import Landing
from shortlist.records.publications import Publication
from shortlist.steps.merge import values_of
from shortlist.store.digests import Digest
from shortlist.store.erased_ids import (
    commits_that_quote,
    remove_files_moved_aside,
    remove_pages_that_quote,
)
from shortlist.store.fences import run_partition
from shortlist.store.manifests import redact_manifests
from shortlist.store.publications import announced_surfaces, read_history, reasons
from shortlist.store.scratch import remove_scratch
from shortlist.subjects import GONE, Subject, mention
from shortlist.tables import (
    BASKETS,
    CANDIDATES,
    CATALOG,
    ENGAGEMENTS,
    ERASURES,
    PUBLICATIONS,
    QUARANTINE,
    Table,
    tables_of,
)
from shortlist.transforms.erasure import (
    baskets_of,
    digests_in,
    emptied_digests,
    lists_without,
    names_erased,
    reworded,
    rows_by_subject,
    text_names_erased,
)
from shortlist.warehouse.digests import digest_frame
from shortlist.warehouse.predicates import equals, one_of
from shortlist.warehouse.publishing import announce_again
from shortlist.warehouse.run import Run, log

_PASSES = 5
_WHY = "erasure: the day at a version that no longer names an erased subject"
# As reasons quote a title.
_LONGEST_TITLE = 80


@dataclass
class _Erasure:
    """One erasure of some subjects.

    Attributes:
        run: the run.
        subjects: who is erased.
        titles: titles of the items among them, as reasons quote them.
        baskets: subject_digest, basket_kind, basket_id of the users among them; None without engagements.
        rows: rows by table and digest that were removed or changed.
        files: data files removed from storage, by table.
        versions: version of each table after it was cleaned.
    """

    run: Run
    subjects: Sequence[Subject]
    titles: Sequence[str]
    baskets: DataFrame | None
    rows: dict[str, Counter[str]] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)
    versions: dict[str, int] = field(default_factory=dict)

    @property
    def digests(self) -> list[str]:
        return sorted(subject.digest for subject in self.subjects)

    def tables(self) -> list[Table]:
        """Every table that may name a subject by its contract and exists, in the order of cleaning.

        Baskets come first, because engagements say whose they are; publications last, because candidates are announced there.
        """
        warehouse = self.run.warehouse
        surfaces = sorted({*self.run.settings.surfaces, *announced_surfaces(warehouse.path(PUBLICATIONS))})
        every = [table for table in tables_of(surfaces) if table.names_subjects and warehouse.exists(table)]
        return sorted(every, key=lambda table: (table is PUBLICATIONS, "basket" not in table.subjects.values()))

    def clean(self, table: Table) -> None:
        """Rows, then older versions' files; afterwards only the newest version of the table can be read for certain."""
        log.info("%s: erasing %s", table.name, ", ".join(map(repr, self.subjects)))
        if table.contract == CANDIDATES.contract:
            self._clean_candidates(table)
        elif table is QUARANTINE:
            self._clean_quarantine()
        elif table is PUBLICATIONS:
            self._clean_publications()
        elif table.quotes:
            raise ContractError.invalid(
                f"{table.contract}.odcs.yaml", f"nothing clears ids from its texts ({', '.join(table.quotes)})"
            )
        else:
            self._clean_rows(table)
        self.files[table.name] += self.run.warehouse.vacuum(table, everything=True)
        self.versions[table.name] = self.run.warehouse.version(table)

    def changed(self) -> list[Table]:
        """Tables that somebody else has committed to, or created, since they were cleaned."""
        return [table for table in self.tables() if self.versions.get(table.name) != self.run.warehouse.version(table)]

    def _count(self, table: Table, counted: DataFrame) -> int:
        found = {row[SUBJECT_DIGEST]: row[ROWS] for row in counted.collect()}
        self.rows.setdefault(table.name, Counter()).update(found)
        return sum(found.values())

    def _named(self, table: Table) -> list[Column]:
        return digests_in(table, {name: surface.subject for name, surface in self.run.settings.surfaces.items()})

    def _clean_rows(self, table: Table) -> None:
        """Rows that name a subject by id: Delta rewrites the files that hold some. Its log gets digests, not ids."""
        warehouse, named = self.run.warehouse, self._named(table)
        if named and self._count(table, rows_by_subject(warehouse.read(table), named, self.digests)):
            warehouse.delete(table, names_erased(named, self.digests))
        for column, theirs in emptied_digests(table).items():
            if self._count(table, rows_by_subject(warehouse.read(table), theirs, self.digests)):
                nothing = F.lit(None).cast("string")
                warehouse.update(table, names_erased(theirs, self.digests), {column: nothing})
        if table is BASKETS and self.baskets is not None:
            keys = [BASKET_KIND, BASKET_ID]
            rows = warehouse.read(table).join(F.broadcast(self.baskets), keys, how="inner")
            if self._count(table, rows.groupBy(SUBJECT_DIGEST).agg(F.count("*").alias(ROWS))):
                warehouse.delete_matching(table, self.baskets, keys)

    def _clean_quarantine(self) -> None:
        """Lines that may name a subject anywhere. Rewritten by day: a condition on the text would be kept in the log."""
        lines = self.run.warehouse.read(QUARANTINE)
        ids = self.run.settings.extraction.ids
        names = {subject.digest: _line_quotes(subject, ids) for subject in self.subjects}
        each = F.array(*(F.when(named, F.lit(digest)) for digest, named in names.items()))
        found = F.array_intersect(each, F.array(*map(F.lit, names)))
        marked = lines.withColumn(SUBJECT_DIGEST, found).persist()
        whose = marked.select(F.explode(SUBJECT_DIGEST).alias(SUBJECT_DIGEST)).groupBy(SUBJECT_DIGEST)
        if self._count(QUARANTINE, whose.agg(F.count("*").alias(ROWS))):
            naming = marked.where(F.size(SUBJECT_DIGEST) > 0)
            days = sorted(row[0] for row in naming.select(INGEST_DATE).distinct().collect())
            kept = marked.where(F.col(INGEST_DATE).isin(days) & (F.size(SUBJECT_DIGEST) == 0)).drop(SUBJECT_DIGEST)
            self._replace(kept.repartition(INGEST_DATE), QUARANTINE, "erasure", one_of(INGEST_DATE, days))
        marked.unpersist()

    def _clean_candidates(self, table: Table) -> None:
        """Rewrite the days that name a subject, then announce every published day at a version that stays readable.

        A served day is rewritten from the rows that are served: a later commit of it may never have been verified.
        """
        warehouse, surface = self.run.warehouse, surface_of(table.name) or ""
        named, reason = self._named(table), reworded(F.col(REASON), self.subjects, self.titles)
        rows = warehouse.read(table)
        self._count(table, rows_by_subject(rows, named, self.digests))
        naming = names_erased(named, self.digests) | ~reason.eqNullSafe(F.col(REASON))
        touched = {row[0] for row in rows.where(naming).select(RUN_DATE).distinct().collect()}
        days = set(warehouse.days(table, RUN_DATE))
        served = {each.run_date: each for each in self._served(surface) if each.run_date in days}
        # Days of which the newest version has other files than the one that is served.
        differing = {day for day, publication in served.items() if self._differs(table, publication)}
        rewritten: dict[date, tuple[Digest, int]] = {}
        for day in sorted(touched | differing):
            where = equals(**{RUN_DATE: day})
            version = served[day].table_version if day in differing else None
            lists = lists_without(warehouse.read(table, version, where), named, self.digests, reason).persist()
            rewritten[day] = digest_frame(lists), lists.select(SUBJECT_ID).distinct().count()
            self._replace(lists, table, run_partition(day), where)
            lists.unpersist()
        newest = warehouse.version(table)
        for day, publication in served.items():
            if publication.table_version != newest:
                announce_again(self.run, publication, newest, _WHY, rewritten.get(day))

    def _served(self, surface: str) -> list[Publication]:
        """The days of a surface that readers are served, as publications stands now."""
        path = self.run.warehouse.path(PUBLICATIONS)
        return list(read_history(path, surface).current) if self.run.exists(PUBLICATIONS) else []

    def _differs(self, table: Table, publication: Publication) -> bool:
        """Whether the newest version has other files for a published day than the version that is served."""
        where = equals(**{RUN_DATE: publication.run_date})
        path = self.run.warehouse.path(table)
        served, newest = (
            set(deltalake.DeltaTable(path, version=version).file_uris(file_pruning_predicate=where))
            for version in (publication.table_version, None)
        )
        return served != newest

    def _clean_publications(self) -> None:
        """Reasons of held days may quote sample values."""
        whys = reasons(self.run.warehouse.path(PUBLICATIONS))
        found = {subject.digest: sum(map(bool, map(mention([subject]).search, whys))) for subject in self.subjects}
        self.rows.setdefault(PUBLICATIONS.name, Counter()).update(found)
        if not any(found.values()):
            return
        pattern = mention(self.subjects)

        def without(rows: pa.Table) -> pa.Table:
            said = [None if why is None else pattern.sub(GONE, why) for why in rows.column(WHY).to_pylist()]
            return rows.set_column(rows.column_names.index(WHY), WHY, pa.array(said, pa.string()))

        self.run.warehouse.overwrite(PUBLICATIONS, without)

    def _replace(self, frame: DataFrame, table: Table, partition: str, where: str) -> int:
        """One fenced commit, above whatever attempt was there: what a run before may still hold is refused by the proof."""
        newest = self.run.warehouse.last_attempt(table, partition)
        attempt = 1 if newest is None else newest + 1
        facts = {"job": self.run.arguments.job, "run_id": self.run.arguments.run_id, "erased": self.digests}
        done = self.run.warehouse.replace(frame, table, partition, where, attempt, facts)
        self.run.outputs[f"{table.name}/{partition}"] = done.version
        return done.version


def erase(run: Run, subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Erase some subjects from everything that Shortlist keeps, and prove it.

    Rows that a first attempt removed before it died are not counted again by the next one; Delta's history has them.

    Args:
        run: the run.
        subjects: who is to be erased; none is nothing to do.

    Returns:
        The rows that were added to `erasures`: one per subject and table.

    Raises:
        ErasedError: other writers would not let the tables rest, or a table's log holds an id.
    """
    if not subjects:
        return []
    erasure = _Erasure(run, subjects, _titles(run, subjects), _baskets(run, subjects))
    run.manifest.landing_folders = _landing_folders(run, erasure)
    due = erasure.tables()
    for _ in range(_PASSES):
        for table in due:
            erasure.clean(table)
        with run.warehouse.lock_tables(erasure.tables()):
            due = erasure.changed()
            if not due:
                return _prove(run, erasure)
    raise ErasedError.never_quiet([table.name for table in due], _PASSES)


def _prove(run: Run, erasure: _Erasure) -> list[dict[str, Any]]:
    """Add the proof; nobody can commit to the cleaned tables meanwhile."""
    tables, paths = erasure.tables(), run.settings.paths
    logs = commits_that_quote([(table.name, run.warehouse.path(table)) for table in tables], erasure.subjects)
    if logs:
        raise ErasedError.still_named(logs)
    run.manifest.manifests_redacted = redact_manifests(paths.manifests, erasure.subjects)
    run.manifest.set_aside_removed = remove_files_moved_aside(paths.warehouse)
    gone = remove_scratch(paths.warehouse, quiet_seconds=0)
    if gone:
        log.warning(
            "scratch warehouses of backtests are removed, a backtest that is at work has to be run again: %s",
            ", ".join(gone),
        )
    run.manifest.reports_removed = remove_pages_that_quote(paths.reports, erasure.subjects)
    if run.manifest.reports_removed:
        log.warning(
            "%d page(s) quoted an erased id, or a number or word that is the same, and are removed: %s; next: for a day "
            "whose report is wanted again, infra/submit jobs/write_report.py --run-date DAY",
            len(run.manifest.reports_removed), ", ".join(run.manifest.reports_removed[:20]),
        )  # fmt: skip
    # With a held publication the only code that reads the clock: a proof says when it was given, whatever day it is for.
    erased_at = datetime.now(UTC)
    proofs = [
        {
            SUBJECT_DIGEST: subject.digest,
            SUBJECT_KIND: subject.kind,
            TABLE_NAME: table.name,
            ROWS: erasure.rows.get(table.name, Counter())[subject.digest],
            TABLE_VERSION: erasure.versions[table.name],
            FILES_REMOVED: erasure.files[table.name],
            ERASED_AT: erased_at,
            RUN_ID: run.arguments.run_id,
            RUN_DATE: run.run_date,
        }
        for subject in erasure.subjects
        for table in tables
    ]
    run.warehouse.append(proofs, ERASURES)
    run.manifest.erased = list(proofs)
    return proofs


def _titles(run: Run, subjects: Sequence[Subject]) -> list[str]:
    """Titles of the erased items, in full and as long as reasons quote them; longest first."""
    items = [subject.id for subject in subjects if subject.kind == "item"]
    if not items or not run.exists(CATALOG):
        return []
    rows = run.warehouse.read(CATALOG).where(F.col(ITEM_ID).isin(items) & (F.length(F.trim(TITLE)) > 0))
    titles = {row[TITLE] for row in rows.select(TITLE).distinct().collect()}
    return sorted(titles | {title[:_LONGEST_TITLE] for title in titles}, key=lambda title: (-len(title), title))


def _landing_folders(run: Run, erasure: _Erasure) -> list[str]:
    """Folders below the landing's root that delivered what the tables hold of the subjects, before it is removed."""
    days: set[date] = set()
    if run.exists(ENGAGEMENTS):
        named = names_erased(digests_in(ENGAGEMENTS, {}), erasure.digests)
        days |= values_of(run.warehouse.read(ENGAGEMENTS).where(named), INGEST_DATE)
    if run.exists(QUARANTINE):
        ids = run.settings.extraction.ids
        quoting = [_line_quotes(subject, ids) for subject in erasure.subjects]
        lines = run.warehouse.read(QUARANTINE).where(reduce(Column.__or__, quoting))
        days |= values_of(lines, INGEST_DATE)
    landing = Landing.of(run.settings)
    landed = {feed: days & set(landing.days(feed)) for feed in run.settings.extraction.feeds}
    return sorted(landing.name(feed, day) for feed, theirs in landed.items() for day in theirs)


def _baskets(run: Run, subjects: Sequence[Subject]) -> DataFrame | None:
    """The baskets of the erased users, read while their engagements are still there."""
    users = [subject.digest for subject in subjects if subject.kind == "user"]
    if not users or not run.exists(ENGAGEMENTS):
        return None
    # Cut off from the files that it was read from: they are about to go.
    return baskets_of(run.warehouse.read(ENGAGEMENTS), users).localCheckpoint()


def _line_quotes(subject: Subject, ids: IdsConfig) -> Column:
    return F.col(RAW).rlike(mention([subject]).pattern) | text_names_erased(RAW, [subject.digest], ids)
