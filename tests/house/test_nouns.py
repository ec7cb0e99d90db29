"""Nouns have one home: columns, tables, sources and settings name the same things."""

from typing import get_args

import pytest
from pydantic import BaseModel

from shortlist import columns, config, tables
from shortlist.config import Settings
from shortlist.contracts import contract_names
from shortlist.generation.artefacts import LOADERS
from shortlist.generation.prepared import SUBJECT_FRAMES
from shortlist.models.als.fit import ENGINES
from shortlist.sources import SOURCES
from shortlist.sources.inputs import ARTEFACTS
from shortlist.subjects import KINDS, SUBJECTS, SubjectKind
from shortlist.tables import Table
from shortlist.transforms.truth import TRUTHS

TABLES = {value.contract: value for value in vars(tables).values() if isinstance(value, Table)}


def test_every_contract_has_its_table_and_the_other_way_round() -> None:
    assert set(TABLES) == set(contract_names())


def test_every_column_of_a_contract_has_one_constant() -> None:
    stated = {name for table in TABLES.values() for name in table.columns}
    named = [value for name, value in vars(columns).items() if name.isupper() and isinstance(value, str)]
    assert len(named) == len(set(named))
    assert stated <= set(named)


def test_all_tables_are_listed() -> None:
    assert {table.contract for table in tables.TABLES} == set(TABLES)
    assert len(tables.TABLES) == len(TABLES)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_log_keeps_no_values_where_a_row_may_name_somebody(table: Table) -> None:
    """Smallest and largest values would outlive an erasure. Tables of measures only may keep theirs."""
    kept = table.properties.get("delta.dataSkippingNumIndexedCols") != "0"
    assert not kept or table.name in {"evaluations", "erasures"}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_contract_states_key_partition_and_protocol(table: Table) -> None:
    assert table.key or table.name == "quarantine"  # a line may be landed twice
    assert set(table.key) <= set(table.columns)
    assert set(table.partition) <= set(table.columns)
    assert table.partition or table.name == "publications"
    assert (table.properties["delta.minReaderVersion"], table.properties["delta.minWriterVersion"]) == ("1", "2")
    assert table.properties["delta.enableDeletionVectors"] == "false"
    assert table.description
    assert table.retention
    assert all(field.name == field.name.lower() and field.metadata["comment"].endswith(".") for field in table.schema)
    assert all(not table.schema[name].nullable for name in (*table.key, *table.partition))


def test_sources_are_the_same_in_settings_and_code() -> None:
    assert set(SOURCES) == set(config.SourcesConfig.model_fields)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_source_needs_what_there_is(name: str, subject: SubjectKind) -> None:
    surface = {"subject": subject, "sources": ["popularity"], "fallback": None, "mask_seen": False}
    settings = Settings.model_validate({"surfaces": {"any": surface}})
    needs = SOURCES[name].needs(settings, SUBJECTS[subject])
    assert needs
    assert set(needs) <= set(ARTEFACTS)
    assert set(LOADERS) | {"user_vectors"} == set(ARTEFACTS)


def test_every_kind_of_subject_has_its_entries() -> None:
    assert set(SUBJECTS) == set(get_args(SubjectKind))
    assert set(KINDS) < set(SUBJECTS)
    assert {subject.truth for subject in SUBJECTS.values()} == set(TRUTHS)
    assert {subject.history for subject in SUBJECTS.values()} == set(SUBJECT_FRAMES)


def test_engines_are_the_same_in_settings_and_code() -> None:
    # `auto` is no engine: it names one.
    assert {*ENGINES, "auto"} == set(get_args(config.AlsConfig.model_fields["engine"].annotation))


def test_every_setting_has_a_docstring_and_forbids_strangers() -> None:
    sections = [value for value in vars(config).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    sections = [section for section in sections if section not in (BaseModel, config.Section)]
    assert len(sections) > 10
    for section in sections:
        assert section.model_config["extra"] == "forbid"
        assert section.model_config["frozen"] is True
        assert [name for name, field in section.model_fields.items() if not field.description] == []
