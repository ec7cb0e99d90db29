"""What can be done to a warehouse on a disk: the faults of `tests.unit.cli.damage`, and what they begin from."""

import json
import shutil
import struct
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import CommitProperties, DeltaTable

from shortlist.config import load_settings
from tests.published import commit, decide, publish, write
from tests.unit.cli.conftest import D1, D2, D3, LISTS
from tests.unit.reports.world import manifest

TABLE: Final = "candidates_homefeed"
MODEL: Final = ("user_factors", "item_factors")
# Digests of the rows of `train` by run date.
DIGESTS: Final = {D2: "2-a9a5cb5662f5a705", D3: "2-e8912a6cec978705"}
NOVEMBER_29: Final = D3 - timedelta(days=1)
DECEMBER_1: Final = D3 + timedelta(days=1)


def publish_three_days(root: Path) -> None:
    """Three days of one surface: version 0 makes the table, 1 to 3 publish."""
    for day in (D1, D2, D3):
        publish(root, "homefeed", day, LISTS)


def log(root: Path, version: int, table: str = TABLE) -> Path:
    """A commit."""
    return root / table / "_delta_log" / f"{version:020}.json"


def data(root: Path, day: date = D2) -> Path:
    """The data file of a day."""
    (file,) = (root / TABLE / f"run_date={day}").glob("*.parquet")
    return file


def checkpoint(root: Path) -> tuple[Path, Path]:
    """A checkpoint of version 3, and the file that names it."""
    DeltaTable(str(root / TABLE)).create_checkpoint()
    folder = root / TABLE / "_delta_log"
    return folder / f"{3:020}.checkpoint.parquet", folder / "_last_checkpoint"


def train(root: Path, day: date, model: str = "m1", tables: tuple[str, ...] = MODEL) -> None:
    """A model as its job commits it: the same two rows in each table."""
    for table in tables:
        rows = [
            {"id": "u1", "factors": [1.0, -0.5], "run_date": day},
            {"id": "Zoë", "factors": [0.25, 2.0], "run_date": day},
        ]
        stamp = {"partition": f"run_date={day}", "model": model, "digest": DIGESTS[day]}
        properties = CommitProperties(custom_metadata={"userMetadata": json.dumps(stamp)})
        write(root, table, table, rows, commit_properties=properties)


def truncate(root: Path) -> None:
    content = data(root).read_bytes()
    data(root).write_bytes(content[: len(content) // 2])


def flip(root: Path) -> None:
    """One bit of a reason: the file opens, its footer is right, its length is right."""
    content = bytearray(data(root).read_bytes())
    content[content.index(b"goes with")] ^= 1  # in the dictionary page
    data(root).write_bytes(content)


def gap_and_empty_end(root: Path) -> None:
    log(root, 2).unlink()
    log(root, 4).write_bytes(b"")


def break_checkpoint_and_lose_first_commit(root: Path) -> None:
    checkpoint(root)[0].write_bytes(b"PAR1")
    log(root, 0).unlink()


def break_last_checkpoint_and_lose_what_it_needs(root: Path) -> None:
    named, last = checkpoint(root)
    named.unlink()
    last.write_text("{")
    log(root, 0).unlink()


def other_rows(root: Path) -> None:
    """Somebody wrote the day anew and changed publications' version by hand: digest and rows tell."""
    version = commit(root, "homefeed", D2, {"u1": "ba", "u2": "b"}, 2)
    announced = pl.read_delta(str(root / "publications")).filter(run_date=D2).row(0, named=True)
    facts = {name: announced[name] for name in ("rows", "subjects", "digest")}
    decide(root, "homefeed", D2, "published", version, **facts)


def file_of_fewer_rows(root: Path) -> None:
    """The commit says that the file has more rows than it has."""
    added = log(root, 2).read_text()
    assert added.count(r"\"numRecords\":3") == 1
    log(root, 2).write_text(added.replace(r"\"numRecords\":3", r"\"numRecords\":4"))


def keep_first_line(file: Path) -> None:
    file.write_text(file.read_text().splitlines()[0])


def lose_removals(root: Path) -> None:
    """A day written anew whose commit lost what it removes: both writings stand, and every reader opens the table."""
    for _ in range(2):
        write(root, "user_factors", "user_factors", [{"id": "u1", "factors": [1.0], "run_date": D3}])
    last = log(root, 2, "user_factors")
    lines = last.read_text().splitlines()
    last.write_text("\n".join(line for line in lines if not line.startswith('{"remove"')))
    assert len(pl.read_delta(str(root / "user_factors"))) == 2


def lose_end_of_catalog(root: Path) -> None:
    """A later commit than the one before it was read by a publisher: nothing in the log itself tells of it."""
    item = {"item_id": "a", "status": "active", "buyable": True, "snapshot_date": D3.replace(day=1)}
    write(root, "catalog", "catalog", [item])
    publish(root, "homefeed", D3, LISTS, 2)
    log(root, 1, "catalog").unlink()


def no_table_in_the_log(root: Path) -> None:
    """Every commit is there and whole, and none says what the table is."""
    log(root, 0).write_text('{"commitInfo":{}}')


def other_columns(root: Path) -> None:
    shutil.rmtree(root / TABLE)
    rows = pl.DataFrame({"subject_id": ["u1"], "rank": [1.5], "run_date": [D3]})
    rows.write_delta(root / TABLE, delta_write_options={"partition_by": ["run_date"]})


def record(table: str, version: int) -> Callable[[Path], object]:
    """A manifest of a job that wrote a version."""
    return lambda root: manifest(
        load_settings(root.parent / "shortlist.yaml"), "a_job", D3, outputs={f"{table}/run_date={D3}": version}
    )


def in_log(name: str) -> Callable[[Path], object]:
    return lambda root: (root / TABLE / "_delta_log" / name).write_text("{")


def trained(harm: Callable[[Path], object]) -> Callable[[Path], object]:
    """Two trainings, and then harm."""

    def train_and_harm(root: Path) -> None:
        for day in (D2, D3):
            train(root, day)
        harm(root)

    return train_and_harm


def change_number(root: Path) -> None:
    """Behind the table's back: a file of the same length with other numbers."""
    (file,) = (root / "item_factors" / f"run_date={D3}").glob("*.parquet")
    content = file.read_bytes()
    number = struct.pack("<f", 0.25)  # neither the least nor the greatest, which stand in the footer too
    assert content.count(number) == 1
    file.write_bytes(content.replace(number, struct.pack("<f", 0.5)))


def write_without_a_training(root: Path) -> None:
    for table in MODEL:
        write(root, table, table, [{"id": "u1", "factors": [1.0], "run_date": NOVEMBER_29}])
        write(root, table, table, [{"id": "u1", "factors": [1.0], "run_date": DECEMBER_1}])


def forget_the_training(root: Path) -> None:
    """Delta takes old commits away that a checkpoint stands for, and with them what they say of themselves."""
    train(root, D3)
    for table in MODEL:
        DeltaTable(str(root / table)).create_checkpoint()
    train(root, D2)
    for table in MODEL:
        for version in range(2):
            log(root, version, table).unlink()
