"""After an erasure no live file says a word of the subject, what is served stays readable, and nothing brings it back."""

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import ErasedError, HeldError, LandingError
from shortlist.store.digests import DIGESTED, digest_rows
from shortlist.store.manifests import new_manifest
from shortlist.store.scratch import SCRATCH
from shortlist.subjects import Subject
from shortlist.tables import PUBLICATIONS, QUARANTINE
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run
from tests import tiny
from tests.jobs.conftest import Deployment, deploy

USER, ITEM, TITLE = "erika-mustermann", "forgotten-lamp", "Lamp Nobody Remembers"
DAY, NEXT, LATER = date(2017, 11, 9), date(2017, 11, 10), date(2017, 11, 11)
BROKEN = f'{{"event_id": "e", "user_id": "{USER}", "item_id": '
SHORT = '{"event_id": "e", "item_id": "forgotten\\u002dlamp", "event_type": "save"}'
OF_A_DAY = 3 + 4  # erika's three purchases, one of them the lamp, and four others who take the lamp


def events_of(day: date) -> list[tiny.Event]:
    """The tiny day; erika, who buys from group a; and the lamp in her basket and in those of four of group a."""
    usual = tiny.events_of(day)
    like = {**usual[0], "session_id": f"{USER}/{day}", "user_id": USER}
    items = ["a01", "a02", ITEM]
    hers = [{**like, "event_id": f"{USER}-{day}-{item}", "item_id": item} for item in items]
    others = [
        {
            **usual[0],
            "event_id": f"{user}-{day}-{ITEM}",
            "user_id": user,
            "session_id": f"{user}-{day}",
            "item_id": ITEM,
        }
        for user in ("u00", "u02", "u04", "u06")
    ]
    return [*usual, *hers, *others]


def land(deployment: Deployment, day: date) -> None:
    tiny.write_folder(deployment.landing, day, [*events_of(day), BROKEN, SHORT])


def land_catalog(deployment: Deployment) -> None:
    folder = deployment.landing / "catalog" / "2017-11-01"
    folder.mkdir(parents=True)
    items = [*(item for group in tiny.GROUPS.values() for item in group), ITEM]
    titles = [TITLE if item == ITEM else None for item in items]
    catalog = {"item_id": items, "title": titles, "status": ["active"] * len(items)}
    pl.DataFrame(catalog, {"item_id": pl.String, "title": pl.String, "status": pl.String}).write_parquet(
        folder / "items.parquet"
    )
    (folder / "_SUCCESS").touch()
    folder = deployment.landing / "audience_members" / "2017-11-01"
    folder.mkdir(parents=True)
    (folder / "members.csv").write_text(f"audience,user_id\nclub,{USER}\nclub,{tiny.USERS[0]}\n")
    (folder / "_SUCCESS").touch()


def ask(deployment: Deployment, day: date, *requests: dict[str, Any], marker: bool = True) -> None:
    folder = deployment.landing / "erasures" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(request)}\n" for request in requests)
    (folder / "requests.json.gz").write_bytes(gzip.compress(text.encode()))
    if marker:
        (folder / "_SUCCESS").touch()


def traces(home: Path) -> list[str]:
    """Files that say a word of the subjects: as they lie on the disk, and every column of every Parquet file."""
    words = [word.encode() for word in (USER, ITEM, TITLE, *SHORT.split('"')[7:8])]
    found = []
    for path in sorted(path for folder in ("warehouse", "manifests", "reports") for path in (home / folder).rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            # Not as a dataset: the file by itself, whatever the log says of it.
            content += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if any(word in content for word in words):
            found.append(str(path.relative_to(home)))
    return found


def tables_of(files: list[str]) -> set[str]:
    return {file.split("/")[1] for file in files if file.startswith("warehouse/")}


def lines(deployment: Deployment, day: date) -> dict[str, int]:
    path = deployment.home / "manifests" / f"run_date={day}" / "extract_engagements.json"
    counted: dict[str, int] = json.loads(path.read_text())["lines"]
    return counted


@dataclass(frozen=True)
class Erased:
    """Two published nights, an erasure on the second, and what was there before it."""

    deployment: Deployment
    before: list[str]
    lists: pl.DataFrame
    proofs: pl.DataFrame
    engagements: int


@pytest.fixture(scope="module")
def erased(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Erased]:
    deployment = deploy(tmp_path_factory.mktemp("erased"))
    lenient = "extraction.max_rejected_share=0.1"
    # Long lists, so that the lamp is in some of them whichever way the models lean.
    settings = deployment.config.read_text().replace("k: 4, depth: 20", "k: 12, depth: 20")
    deployment.config.write_text(settings + "extraction: {max_rejected_share: 0.1}\n")
    land_catalog(deployment)
    for day in tiny.days(last=NEXT):
        land(deployment, day)
    deployment.night(DAY)
    deployment.night(NEXT)
    deployment.run("publish_candidates", NEXT)  # so that there is an older version of a day too
    with pytest.raises(HeldError):  # its text quotes lines, and stays in the manifest of a day that was held
        deployment.run("extract_engagements", NEXT, lenient.replace("0.1", "0.001"))
    why = {"surface": "homefeed", "published_at": datetime(2017, 11, 12), "run_date": NEXT, "run_id": "r", "rows": 0,
           "subjects": 0, "status": "held", "why": f"top item '{ITEM}' begins 9 of 16 lists"}  # fmt: skip
    warehouse = Warehouse(_spark, str(deployment.home / "warehouse"))
    warehouse.append([dict.fromkeys(PUBLICATIONS.columns) | why], PUBLICATIONS)
    (deployment.home / "reports" / "extra.html").write_text(f"<td>{USER}</td>")
    killed = deployment.home / "warehouse" / SCRATCH / "less.dead"  # a backtest's
    killed.mkdir(parents=True)
    (killed / "part-0.json").write_text(f'{{"user_id": "{USER}"}}')
    engagements = len(deployment.table("engagements"))
    before, lists = traces(deployment.home), deployment.table("candidates_homefeed")
    ask(deployment, NEXT, {"kind": "user", "id": USER}, {"kind": "item", "id": ITEM})
    deployment.run("erase_subject", NEXT)
    proofs = deployment.table("erasures")
    yield Erased(deployment, before, lists, proofs, engagements)
    _spark.catalog.clearCache()


def test_the_search_would_find_them(erased: Erased) -> None:
    """Before the erasure every table that may name a subject does, and so do a manifest and a page."""
    tables = {"engagements", "quarantine", "catalog", "interactions", "baskets", "user_factors", "item_factors"}
    tables |= {
        "related_items",
        "source_candidates",
        "unchecked_candidates",
        "candidates_homefeed",
        "candidates_related",
    }
    tables |= {"publications", "audience_members", SCRATCH}
    assert tables_of(erased.before) == tables
    assert f"manifests/run_date={NEXT}/extract_engagements.json" in erased.before
    assert "reports/extra.html" in erased.before
    # No id is in a log at all, not even as the smallest or largest value of a column.
    assert [file for file in erased.before if "_delta_log" in file] == []


def test_no_live_file_says_a_word_of_them(erased: Erased) -> None:
    assert traces(erased.deployment.home) == []


def test_all_else_is_still_there(erased: Erased) -> None:
    deployment = erased.deployment
    days = len(tiny.days(last=NEXT))
    assert len(deployment.table("engagements")) == erased.engagements - OF_A_DAY * days == 48 * days
    assert set(deployment.table("engagements")["user_id"]) == set(tiny.USERS)
    assert set(deployment.table("user_factors")["id"]) == set(tiny.USERS)
    assert deployment.table("quarantine").is_empty()
    held = deployment.table("publications").filter(status="held")
    assert held["why"].to_list() == ["top item '(erased)' begins 9 of 16 lists"]
    manifest = json.loads((deployment.home / "manifests" / f"run_date={NEXT}" / "extract_engagements.json").read_text())
    assert "(erased)" in manifest["error"]
    assert manifest["settings"]["extraction"]["max_rejected_share"] == 0.001


def test_lists_keep_their_order_and_close_their_ranks(erased: Erased) -> None:
    for surface in ("homefeed", "related"):
        lists = erased.deployment.table(f"candidates_{surface}").sort("run_date", "subject_id", "rank")
        ranks = lists.group_by("run_date", "subject_id", maintain_order=True).agg("rank")["rank"].to_list()
        assert ranks
        assert all(each == list(range(1, len(each) + 1)) for each in ranks)


def test_reasons_no_longer_quote_the_item(erased: Erased) -> None:
    """Where the lamp had spoken for another item, the words for something unknown stand now."""
    others = (pl.col("subject_id") != USER) & (pl.col("item_id") != ITEM)
    quoted = erased.lists.filter(others & pl.col("reason").str.contains(TITLE))
    assert len(quoted) > 0
    keys = ["run_date", "subject_id", "item_id"]
    now = erased.deployment.table("candidates_homefeed").join(quoted.select(keys), on=keys)
    assert len(now) == len(quoted)
    assert set(now["reason"]) == {
        "often in one basket with your items",
        "fits your items, by what similar shoppers take",
    }


def test_every_published_day_names_a_version_that_can_be_read(erased: Erased) -> None:
    deployment = erased.deployment
    rows = deployment.table("publications").filter(status="published").sort("published_at")
    newest = rows.group_by("surface", "run_date").last()
    assert {(row["surface"], row["run_date"]) for row in newest.iter_rows(named=True)} == {
        (surface, day) for surface in ("homefeed", "related") for day in (DAY, NEXT)
    }
    assert rows.select("surface", "published_at", "run_date").is_duplicated().any() is False
    for row in newest.iter_rows(named=True):
        assert row["why"].startswith("erasure: ")
        path = str(deployment.home / "warehouse" / f"candidates_{row['surface']}")
        served = pl.read_delta(path, version=row["table_version"]).filter(pl.col("run_date") == row["run_date"])
        assert (len(served), served["subject_id"].n_unique()) == (row["rows"], row["subjects"])
        assert str(digest_rows(served.select(DIGESTED).to_arrow())) == row["digest"]


def test_the_folders_that_still_hold_their_lines_are_named(erased: Erased) -> None:
    manifest = json.loads(
        (erased.deployment.home / "manifests" / f"run_date={NEXT}" / "erase_subject.json").read_text()
    )
    assert manifest["landing_folders"] == [f"engagements/{day}" for day in tiny.days(last=NEXT)]
    assert "extra.html" in manifest["reports_removed"]


def test_the_proof_says_what_went_and_does_not_say_who(erased: Erased) -> None:
    found = {(row["subject_kind"], row["table_name"]): row for row in erased.proofs.iter_rows(named=True)}
    days = len(tiny.days(last=NEXT))
    assert {row["subject_digest"] for row in found.values()} == {
        Subject("user", USER).digest,
        Subject("item", ITEM).digest,
    }
    rows = {key: row["rows"] for key, row in found.items()}
    assert rows["user", "engagements"] == 3 * days
    assert rows["item", "engagements"] == 5 * days
    assert rows["user", "quarantine"] == rows["item", "quarantine"] == days
    assert (rows["user", "catalog"], rows["item", "catalog"]) == (0, 1)
    assert rows["user", "audience_members"] == 1
    assert (rows["user", "user_factors"], rows["item", "item_factors"]) == (2, 2)  # a row a run date
    assert rows["user", "interactions"] == 2 * 3
    assert rows["item", "interactions"] == 2 * 5
    # Her sessions' rows, whatever their item, and the lamp wherever it lies: those of DAY and NEXT.
    assert rows["user", "baskets"] == 3 * (9 + 10) - (9 + 10)
    assert rows["item", "baskets"] == 5 * (9 + 10)
    assert rows["item", "publications"] == 1
    lists = ("source_candidates", "unchecked_candidates", "candidates_homefeed", "candidates_related")
    for name in ("related_items", *lists):
        assert rows["item", name] > 0
        assert found["item", name]["files_removed"] > 0
    warehouse = erased.deployment.home / "warehouse"
    for (_, name), row in found.items():
        assert pl.read_delta(str(warehouse / name), version=row["table_version"]) is not None


def test_nothing_brings_them_back(erased: Erased) -> None:
    """A later landing, an earlier day run again, a new description of the catalog: all of them name the subjects."""
    deployment = erased.deployment
    land(deployment, LATER)
    for kind in ("catalog", "audience_members"):
        shutil.copytree(deployment.landing / kind / "2017-11-01", deployment.landing / kind / LATER.isoformat())
    deployment.run("extract_engagements", LATER)
    assert lines(deployment, LATER) == {
        "landed": 48 + OF_A_DAY + 2,
        "accepted": 48,
        "quarantined": 0,
        "duplicates": 0,
        "erased": OF_A_DAY + 2,
    }
    deployment.run("extract_engagements", DAY)
    assert lines(deployment, DAY)["erased"] == OF_A_DAY + 2
    # A folder that is held for its bad lines quotes some of them, but none of hers.
    tiny.write_folder(deployment.landing, DAY, [*events_of(DAY), BROKEN, SHORT, "{zzz"])
    with pytest.raises(HeldError, match=r"1 of 58 lines cannot be used(.|\n)*\{zzz"):
        deployment.run("extract_engagements", DAY, "extraction.max_rejected_share=0.001")
    assert len(deployment.table("catalog").filter(pl.col("snapshot_date") == LATER)) == 80
    assert deployment.table("audience_members")["user_id"].to_list() == 2 * tiny.USERS[:1]
    assert traces(deployment.home) == []


def test_a_request_is_done_once_and_again_for_its_own_day(erased: Erased) -> None:
    deployment = erased.deployment
    deployment.run("erase_subject", LATER)
    assert len(deployment.table("erasures")) == len(erased.proofs)
    deployment.run("erase_subject", NEXT)
    again = deployment.table("erasures").filter(pl.col("erased_at") > erased.proofs["erased_at"].max())
    assert len(again) == len(erased.proofs)
    assert again["rows"].sum() == 0


def test_a_request_that_cannot_be_meant_is_refused_without_quoting_it(deployment: Deployment) -> None:
    ask(deployment, DAY, {"kind": "user", "id": USER}, {"kind": "usr", "id": USER}, marker=False)
    with pytest.raises(HeldError, match="has no _SUCCESS"):
        deployment.run("erase_subject", DAY)
    ask(deployment, DAY, {"kind": "user", "id": USER}, {"kind": "usr", "id": USER})
    with pytest.raises(LandingError, match=r"requests.json.gz line 2: has no kind among user, item") as error:
        deployment.run("erase_subject", DAY)
    assert USER not in str(error.value)
    assert not deployment.exists("erasures")


def test_a_run_that_began_before_is_refused(spark: SparkSession, deployment: Deployment) -> None:
    """What it read may name the subject. It is refused while it holds the table, so that no gap is left."""
    tiny.write_folder(deployment.landing, DAY, [*tiny.events_of(DAY), BROKEN])
    deployment.run("extract_engagements", DAY, "extraction.max_rejected_share=0.1")
    arguments = parse_job(
        job_parser("extract_engagements", None), ["--config", str(deployment.config), "--run-date", DAY.isoformat()]
    )
    early = Run(arguments, spark, Warehouse(spark, arguments.settings.paths.warehouse), new_manifest(arguments))
    held = early.table(QUARANTINE).localCheckpoint()
    ask(deployment, DAY, {"kind": "user", "id": USER})
    deployment.run("erase_subject", DAY)
    with pytest.raises(ErasedError, match="a subject was erased since this run began"):
        early.commit(held, QUARANTINE, "late", equals(ingest_date=DAY))
    assert deployment.table("quarantine").is_empty()
    late = Run(arguments, spark, Warehouse(spark, arguments.settings.paths.warehouse), new_manifest(arguments))
    assert late.commit(held, QUARANTINE, "late", equals(ingest_date=DAY)) > 0


def test_a_log_that_names_them_is_told_of(spark: SparkSession, deployment: Deployment) -> None:
    """A table that was made without our properties keeps smallest and largest values."""
    path = str(deployment.home / "warehouse" / "engagements")
    tiny.write_folder(deployment.landing, DAY, tiny.events_of(DAY))
    deployment.run("extract_engagements", DAY)
    rows = spark.read.format("delta").load(path)
    lines_of = rows.limit(1).replace({"u00": USER}, subset=["user_id"]).localCheckpoint()
    spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('delta.dataSkippingNumIndexedCols' = '32')")
    lines_of.write.format("delta").mode("append").save(path)
    ask(deployment, DAY, {"kind": "user", "id": str(lines_of.first()["user_id"])})  # type: ignore[index]
    with pytest.raises(ErasedError, match=r"its id is still in: engagements/_delta_log/0+\d\.json"):
        deployment.run("erase_subject", DAY)
    assert not deployment.exists("erasures")
