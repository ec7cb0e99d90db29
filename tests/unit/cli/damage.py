"""Every kind of damage that `shortlist verify` can find, planted on a disk; tests look at it there, and in an object store."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from shortlist.store.inspection import Kind
from tests.published import announce, commit, create, write
from tests.unit.cli.conftest import D2, D3, LISTS
from tests.unit.cli.harms import (
    DECEMBER_1,
    DIGESTS,
    MODEL,
    NOVEMBER_29,
    TABLE,
    break_checkpoint_and_lose_first_commit,
    break_last_checkpoint_and_lose_what_it_needs,
    change_number,
    checkpoint,
    data,
    file_of_fewer_rows,
    flip,
    forget_the_training,
    gap_and_empty_end,
    in_log,
    keep_first_line,
    log,
    lose_end_of_catalog,
    lose_removals,
    no_table_in_the_log,
    other_columns,
    other_rows,
    record,
    train,
    trained,
    truncate,
    write_without_a_training,
)

_REPAIR: Final = "shortlist repair moves"
_RESTORE: Final = "from a backup"


@dataclass(frozen=True)
class Damage:
    """One damage.

    Attributes:
        kind: how verify calls it.
        says: a part of what verify says of it.
        mend: a part of the next step.
        harm: what is done to the warehouse of `publish_three_days`; shortlist.yaml lies beside it.
        tables: those of which it is said.
        wrong: whether it is damage, or a note.
        mended: whether `shortlist repair` mends it.
    """

    kind: Kind
    says: str
    mend: str
    harm: Callable[[Path], object]
    tables: tuple[str, ...] = (TABLE,)
    wrong: bool = True
    mended: bool = False


def _retrain(day: date) -> str:
    return f"train it again: infra/submit jobs/train_als.py --run-date {day}"


def _rerun(day: date) -> str:
    return f"infra/submit jobs/publish_candidates.py --run-date {day}, or shortlist rollback homefeed"


_DATA: Final = {
    "data file cut": Damage("truncated_file", "bytes instead of", _RESTORE, truncate),
    "data file gone": Damage("missing_file", "does not exist", _RESTORE, lambda root: data(root).unlink()),
    "data file garbage": Damage(
        "unreadable_file", "cannot be read", _RESTORE, lambda root: data(root).write_bytes(bytes(data(root).stat().st_size))
    ),
    "data file of fewer rows": Damage("other_rows", "version 3: run_date=2017-11-23/part", _RESTORE, file_of_fewer_rows),
    "data file with a bit flipped": Damage("other_rows", "2017-11-23 at version 2: digest", _rerun(D2), flip),
    "day of other rows": Damage("other_rows", "2017-11-23 at version 4: digest", _rerun(D2), other_rows),
    "data file of nobody": Damage(
        "orphan_files",
        "part-orphan.parquet",
        "vacuum removes them",
        lambda root: shutil.copy(data(root), data(root).with_name("part-orphan.parquet")),
        wrong=False,
    ),
}  # fmt: skip

_LOG: Final = {
    "published commit empty": Damage(
        "zero_byte_commit", "commit 3 cannot be used: it is empty", _RESTORE, lambda root: log(root, 3).write_bytes(b"")
    ),
    "older commit empty": Damage(
        "zero_byte_commit", "commit 2 cannot be used: it is empty", _RESTORE, lambda root: log(root, 2).write_bytes(b"")
    ),
    "last commit empty": Damage(
        "zero_byte_commit",
        "commit 4 cannot be used: it is empty",
        _REPAIR,
        lambda root: log(root, 4).write_bytes(b""),
        mended=True,
    ),
    "last commit empty behind a gap": Damage("zero_byte_commit", "commit 4", _RESTORE, gap_and_empty_end),
    "commit no JSON": Damage(
        "broken_commit", "commit 2 cannot be used: it is no JSON", _RESTORE, lambda root: log(root, 2).write_text("{oops")
    ),
    "commit of something else": Damage(
        "broken_commit", "it holds something else than actions", _RESTORE, lambda root: log(root, 2).write_text("[1]")
    ),
    "commit without its additions": Damage(
        "broken_commit",
        "its end is lost: it should add 1 file(s), and names 0",
        _RESTORE,
        lambda root: keep_first_line(log(root, 2)),
    ),
    "commit without its removals": Damage(
        "broken_commit", "it should remove 1 file(s), and names 0", _RESTORE, lose_removals, ("user_factors",)
    ),
    "commit gone": Damage(
        "missing_commit",
        "commits are missing: 2, and the newest version cannot",
        _RESTORE,
        lambda root: log(root, 2).unlink(),
    ),
    "first commit gone": Damage(
        "missing_commit", "the log begins with version 1", _RESTORE, lambda root: log(root, 0).unlink()
    ),
    "end of a log gone": Damage(
        "missing_commit",
        "the publisher of homefeed 2017-11-30 read version 1, the newest is 0",
        _RESTORE,
        lose_end_of_catalog,
        ("catalog",),
    ),
    "last commit copied": Damage(
        "duplicated_commit",
        "commit 4 is a copy of commit 3",
        _REPAIR,
        lambda root: shutil.copy(log(root, 3), log(root, 4)),
        mended=True,
    ),
    "older commit copied": Damage(
        "duplicated_commit",
        "commit 2 is a copy of commit 1",
        _RESTORE,
        lambda root: shutil.copy(log(root, 1), log(root, 2)),
    ),
    "checkpoint broken": Damage(
        "broken_checkpoint",
        "checkpoint 3 cannot be used",
        _REPAIR,
        lambda root: checkpoint(root)[0].write_bytes(b"PAR1"),
        mended=True,
    ),
    # It may hold the only copy of the state; somebody may still read parts of it.
    "checkpoint broken, first commit gone": Damage(
        "broken_checkpoint",
        "checkpoint 3 cannot be used",
        _RESTORE,
        break_checkpoint_and_lose_first_commit,
    ),
    "checkpoint gone": Damage(
        "broken_last_checkpoint",
        "it names checkpoint 3, which does not exist",
        _REPAIR,
        lambda root: checkpoint(root)[0].unlink(),
        mended=True,
    ),
    "_last_checkpoint broken": Damage(
        "broken_last_checkpoint",
        "_last_checkpoint: it cannot",
        _REPAIR,
        lambda root: checkpoint(root)[1].write_text("{"),
        mended=True,
    ),
    "_last_checkpoint broken, first commit and checkpoint gone": Damage(
        "broken_last_checkpoint",
        "_last_checkpoint: it cannot",
        _RESTORE,
        break_last_checkpoint_and_lose_what_it_needs,
    ),
    "leftovers of a writer": Damage(
        "unfinished_files",
        "1 temporary file(s) of writers lie in the log, e.g. _commit_4.json.tmp",
        _REPAIR,
        in_log("_commit_4.json.tmp"),
        wrong=False,
        mended=True,
    ),
    "file of nobody in the log": Damage(
        "strange_file", "copy of 3.json lies in the log", "look at it", in_log("copy of 3.json"), wrong=False
    ),
    "log that makes no table": Damage("unreadable", "it cannot be opened", _RESTORE, no_table_in_the_log),
}  # fmt: skip

_SHAPE: Final = {
    "protocol raised": Damage(
        "protocol",
        "protocol is reader 1 / writer 4, not 1 / 2",
        "a table that the jobs create anew",
        lambda root: DeltaTable(str(root / TABLE)).alter.set_table_properties({"delta.enableChangeDataFeed": "true"}),
    ),
    "column too many": Damage(
        "schema_drift",
        "column price is not in the contract",
        "change candidates.odcs.yaml or bring the table back",
        lambda root: DeltaTable(str(root / TABLE)).alter.add_columns([Field("price", PrimitiveType("double"))]),
    ),
    "other columns": Damage("schema_drift", "column item_id is missing", "bring the table back", other_columns),
    "table of an older contract": Damage(
        "older_schema",
        "gained expires_at",
        "the next run adds",
        lambda root: create(str(root / "candidates_related"), "candidates", without=("expires_at",)),
        ("candidates_related",),
        wrong=False,
    ),
}

_PUBLICATIONS: Final = {
    "table gone": Damage(
        "gone", "is not there, and a_job of 2017-11-30 wrote its version 7", _RESTORE, record("baskets", 7), ("baskets",)
    ),
    "table restored too old": Damage(
        "older_than_recorded", "its newest version is 3, and a_job of 2017-11-30 wrote version 4", _RESTORE, record(TABLE, 4)
    ),
    "publications broken": Damage(
        "no_publications",
        "publications cannot be read",
        "mend publications first",
        lambda root: log(root, 1, "publications").unlink(),
    ),
    "version that never was": Damage(
        "no_such_version",
        "publications names a version that does not exist, the newest is 3",
        _rerun(D3),
        lambda root: announce(root, "homefeed", D3, LISTS, 9),
    ),
    "day written and not announced": Damage(
        "not_announced",
        "holds 2017-11-29, which was never announced",
        _rerun(NOVEMBER_29),
        lambda root: commit(root, "homefeed", NOVEMBER_29, {"u1": "b"}, 2),
    ),
    "day written again and not announced": Damage(
        "not_announced",
        "the newest version holds other files of 2017-11-30 than version 3",
        _rerun(D3),
        lambda root: commit(root, "homefeed", D3, {"u1": "b"}, 2),
    ),
}  # fmt: skip

# What jobs would refuse a model for; and notes.
MODELS: Final = {
    "model with another number": Damage(
        "other_rows",
        "run_date=2017-11-30 is not what was trained: digest 2-",
        _retrain(D3),
        trained(change_number),
        ("item_factors",),
    ),
    "model of other rows": Damage(
        "other_rows",
        f"digest 1-25c8b696ae98eea7 instead of {DIGESTS[D3]}",
        _retrain(D3),
        trained(
            lambda root: write(
                root, "item_factors", "item_factors", [{"id": "x", "factors": [1.0, 2.0], "run_date": D3}]
            )
        ),
        ("item_factors",),
    ),
    "model of two trainings": Damage(
        "other_training",
        "the model of run_date=2017-11-30 is not of one training: user_factors is of m1, item_factors is of m2",
        _retrain(D3),
        trained(lambda root: train(root, D3, "m2", ("item_factors",))),
        MODEL,
    ),
    "model of which a table is gone": Damage(
        "other_training",
        "user_factors is of m1, item_factors is of none",
        _retrain(D3),
        trained(lambda root: shutil.rmtree(root / "item_factors")),
        MODEL,
    ),
    "model that nobody trained": Damage(
        "other_training",
        "user_factors is of none",
        _retrain(DECEMBER_1),
        trained(write_without_a_training),
        MODEL,
    ),
    "model of which rows were taken away": Damage(
        "no_digest",
        "rows were taken away since it was trained, so its digest is not looked at",
        _retrain(D3),
        trained(lambda root: DeltaTable(str(root / "item_factors")).delete("id = 'u1'")),
        ("item_factors",),
        wrong=False,
    ),
    "model older than its log": Damage(
        "no_digest",
        "the log does not reach back to the training",
        _retrain(D3),
        forget_the_training,
        MODEL,
        wrong=False,
    ),
}

DAMAGES: Final = {**_DATA, **_LOG, **_SHAPE, **_PUBLICATIONS, **MODELS}
