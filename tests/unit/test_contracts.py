"""What contracts say of ids: every id column names somebody or says that it names nobody."""

from pathlib import Path

import pytest

from shortlist import contracts
from shortlist.contracts import CONTRACTS, candidates_name, contract_names, read_contract, surface_of
from shortlist.errors import ContractError
from shortlist.tables import TABLES, tables_of


def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> str:
    """A copy of a contract with some other words, as the contract `changed`."""
    text = (CONTRACTS / f"{name}.odcs.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "changed.odcs.yaml").write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(contracts, "CONTRACTS", tmp_path)
    read_contract.cache_clear()
    return "changed"


@pytest.mark.parametrize("name", contract_names())
def test_every_id_column_says_whom_it_names(name: str) -> None:
    ids = [column for column in read_contract(name).columns if column.name == "id" or column.name.endswith("_id")]
    assert [column.name for column in ids if column.subject is None] == []


USER = "        customProperties:\n          - property: subject\n            value: user\n"


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("", r"column id: its property `subject` is None; next: state whom its ids name, one of user, item"),
        (USER.replace("user", "people"), r"column id: its property `subject` is 'people'"),
        (USER.replace("subject", "subjekt"), r"column id: unknown property subjekt"),
        (
            USER + "          - property: erasure\n            value: empty\n",
            r"column id: erasure: empty needs a column that .* may be empty",
        ),
        (
            USER + "          - property: quotes\n            value: everything\n",
            r"column id: quotes is 'everything', not subjects",
        ),
    ],
)
def test_an_id_column_that_says_nothing_or_nonsense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: str, problem: str
) -> None:
    with pytest.raises(ContractError, match=problem):
        read_contract(changed(tmp_path, monkeypatch, "user_factors", USER, new))
    read_contract.cache_clear()


def test_tables_that_may_name_somebody() -> None:
    nobody = {table.name for table in TABLES if not table.names_subjects}
    assert nobody == {"backtests", "blends", "evaluations", "erasures"}  # weights, measures, and digests


def test_a_surface_and_its_table() -> None:
    assert candidates_name("homefeed") == "candidates_homefeed"
    assert (surface_of("candidates_homefeed"), surface_of("candidates"), surface_of("catalog")) == (
        "homefeed",
        None,
        None,
    )
    names = [table.name for table in tables_of(["a", "b"])]
    assert "candidates" not in names
    assert {"candidates_a", "candidates_b", "erasures"} <= set(names)
    assert len(names) == len(TABLES) + 1
