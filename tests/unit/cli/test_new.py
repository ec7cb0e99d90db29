"""`shortlist new`: small logs of several kinds, each with the mapping, the days and the gaps that are in it."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shortlist.cli.program import main
from shortlist.config import CHECKOUT, load_settings
from shortlist.landing.sample_words import event_types, types_by_grade
from tests.unit.cli.conftest import Answer

FILMS = [
    ["event_id", "userId", "movieId", "rating", "timestamp", "title", "genres"],
    ["r1", "1", "31", "2.5", "1483228800", "Dangerous Minds (1995)", "Drama"],
    ["r2", "1", "32", "5.0", "1483228900", "Twelve Monkeys", "Mystery"],
    ["r3", "2", "31", "0.5", "1483315300", "Dangerous Minds", "Drama"],
    ["r4", "2", "31", "4.0", "1483574400", "Dangerous Minds", "Drama"],
]


@pytest.fixture
def new(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command on a sample, writing into tmp_path/mine."""

    def run(sample: Path, *arguments: str) -> Answer:
        capsys.readouterr()
        code = main(["new", str(sample), "--into", str(tmp_path / "mine"), *arguments])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return run


def csv_file(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def mapping(answer: Answer) -> dict[str, str]:
    return {each["column"]: each["field"] for each in answer.facts["mapping"] if each["column"] != "(not used)"}


def landed(folder: Path, feed: str = "events") -> dict[str, list[str]]:
    """Day: the lines of its file; every folder has its marker."""
    days = sorted((folder / "landing" / feed).iterdir())
    assert all((day / "_SUCCESS").exists() for day in days)
    return {day.name: gzip.decompress(next(day.glob("part-*")).read_bytes()).decode().splitlines() for day in days}


def test_films_become_settings_that_are_valid_and_a_landing_by_day(new: Any, tmp_path: Path) -> None:
    answer = new(csv_file(tmp_path / "ratings.csv", FILMS), "--feed", "ratings", "--json")
    assert answer.code == 0, answer.err
    assert mapping(answer) == {
        "event_ts": "timestamp", "user_id": "userId", "item_id": "movieId", "event_id": "event_id",
        "event_type": "rating", "title": "title", "category": "genres",
    }  # fmt: skip
    settings = load_settings(tmp_path / "mine" / "settings.yaml")
    feed = settings.extraction.feeds["ratings"]
    assert (feed.event_types, feed.event_types_by_number) == ({}, {0.5: "hide", 2.5: "closeup", 4.0: "save"})
    assert (feed.format, feed.timestamp.format) == ("csv", "epoch-seconds")
    assert set(feed.mapped) == {"event_ts", "user_id", "item_id", "event_id", "event_type"}
    assert settings.extraction.missing_days == "allow"
    assert settings.cooccurrence.basket_kind == "user-window"
    assert settings.baskets["user-window"].event_types == ("save",)
    assert settings.evaluation.relevant_event_types == ("save",)
    assert Path(settings.paths.landing) == tmp_path / "mine" / "landing"
    days = landed(tmp_path / "mine", "ratings")
    assert {day: [line.split(",")[0] for line in lines[1:]] for day, lines in days.items()} == {
        "2017-01-01": ["r1", "r2"],
        "2017-01-02": ["r3"],
        "2017-01-05": ["r4"],
    }
    assert days["2017-01-01"][0] == ",".join(FILMS[0])
    items = pl.read_parquet(tmp_path / "mine/landing/catalog/2017-01-01/part-00000.parquet")
    assert items.select("item_id", "title", "category", "status").rows() == [
        ("31", "Dangerous Minds", ["Drama"], "active"),
        ("32", "Twelve Monkeys", ["Mystery"], "active"),
    ]


def test_nested_json_keeps_its_lines_and_words_that_are_not_known_are_named(new: Any, tmp_path: Path) -> None:
    lines = [
        {"id": "1", "at": "2017-11-29T23:30:00-05:00", "actor": {"visitorId": "v1"}, "sku": "a", "event": "addtocart"},
        {"id": "2", "at": "2017-11-30T10:00:00Z", "actor": {"visitorId": "v1"}, "sku": "b", "event": "view"},
        {"id": "3", "at": "2017-11-30T11:00:00Z", "actor": {"visitorId": "v2"}, "sku": "b", "event": "teleport"},
    ]
    sample = tmp_path / "log.jsonl.gz"
    texts = [json.dumps(line, separators=(",", ":")) for line in lines]
    sample.write_bytes(gzip.compress("\n".join(texts).encode()))
    answer = new(sample, "--json")
    assert mapping(answer)["user_id"] == "actor.visitorId"
    # 23:30 in New York is the next day in UTC.
    assert landed(tmp_path / "mine") == {"2017-11-30": texts}
    feed = load_settings(tmp_path / "mine/settings.yaml").extraction.feeds["events"]
    assert feed.event_types == {"addtocart": "add_to_cart", "view": "closeup"}
    assert any("teleport" in note and "quarantine" in note for note in answer.facts["notes"])


def test_parquet_with_typed_times_and_a_zone(new: Any, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "line_id": ["l1", "l2", "l3"],
            "order_id": ["o1", "o1", "o2"],
            "customer": [7, 7, 8],
            "article_no": [1, 2, 1],
            "price": [1.5, 2.5, 1.5],
            "ordered_at": pl.Series(
                ["2017-11-29T23:30:00", "2017-11-29T23:30:00", "2017-11-30T12:00:00"]
            ).str.to_datetime(),
        }
    )
    frame.write_parquet(tmp_path / "orders.parquet")
    answer = new(tmp_path / "orders.parquet", "--zone", "America/New_York", "--json")
    assert mapping(answer) == {
        "event_ts": "ordered_at", "user_id": "customer", "item_id": "article_no", "event_id": "line_id",
        "session_id": "order_id", "value": "price",
    }  # fmt: skip
    settings = load_settings(tmp_path / "mine" / "settings.yaml")
    feed = settings.extraction.feeds["events"]
    assert (feed.constants, feed.timestamp.zone) == ({"event_type": "checkout"}, "America/New_York")
    assert settings.cooccurrence.basket_kind == "session"
    day = pl.read_parquet(tmp_path / "mine/landing/events/2017-11-30/part-00000.parquet")
    assert day.equals(frame)


def test_what_no_setting_can_express_is_left_out_and_counted(new: Any, tmp_path: Path) -> None:
    rows = [
        ["event_id", "customer", "sku", "qty", "when"],
        ["1", "c1", "a", "1", "30.11.2017 10:00"],
        ["2", "", "b", "1", "2017-11-30 11:00"],
        ["3", "c1", "a", "-1", "30.11.2017 12:00"],
        *([str(number), "c2", "a", "1", "30.11.2017 13:00"] for number in range(4, 104)),
        ["104", "c2", "a", "1", "soon"],
    ]
    answer = new(csv_file(tmp_path / "sales.csv", rows, ";"), "--json")
    assert answer.code == 0, answer.err
    notes = "\n".join(answer.facts["notes"])
    assert "when is written in 2 ways (d.M.yyyy H:mm, iso)" in notes
    assert "1 lines lack a user or an item: they go to quarantine" in notes
    left = pl.read_csv(tmp_path / "mine" / "left_out.csv", infer_schema=False)
    assert left.select("event_id", "reason").rows() == [
        ("3", "a cancellation or correction: quantity or value is below zero"),
        ("104", "its time cannot be read"),
    ]
    settings = load_settings(tmp_path / "mine" / "settings.yaml")
    feed = settings.extraction.feeds["events"]
    assert (feed.timestamp.format, feed.csv.delimiter) == ("iso", ";")
    assert landed(tmp_path / "mine")["2017-11-30"][:3] == [
        "event_id;customer;sku;qty;when",
        "1;c1;a;1;2017-11-30T10:00:00Z",
        "2;;b;1;2017-11-30T11:00:00Z",
    ]
    # One line in 102 lacks its user: within the usual limit.
    assert settings.extraction.max_rejected_share == 0.01


def test_without_event_ids_and_customers_the_settings_say_so(new: Any, tmp_path: Path) -> None:
    rows = [
        ["InvoiceNo", "StockCode", "InvoiceDate", "CustomerID"],
        ["1", "a", "2011-12-01 10:00", "17850.0"],
        ["1", "a", "2011-12-01 10:00", "17850.0"],
        ["1", "b", "2011-12-01 10:00", ""],
        ["2", "b", "2011-12-01 11:00", "17851.0"],
    ]
    answer = new(csv_file(tmp_path / "retail.csv", rows), "--json")
    assert "1 of 4 lines are then the same as another" in "\n".join(answer.facts["notes"])
    extraction = load_settings(tmp_path / "mine" / "settings.yaml").extraction
    assert set(extraction.feeds["events"].event_id_from) == {"InvoiceNo", "StockCode", "InvoiceDate", "CustomerID"}
    # A quarter of the day's lines, and a tenth of it more.
    assert extraction.max_rejected_share == 0.28
    assert extraction.max_share_by_reason["malformed"] == 0.01
    assert "missing" not in extraction.max_share_by_reason


def test_the_example_of_a_shop_is_what_is_proposed_for_its_fields(new: Any, tmp_path: Path) -> None:
    rows = [
        ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"],
        ["536365", "85123A", "WHITE HOLDER", "6", "12/1/2010 8:26", "2.55", "17850.0", "United Kingdom"],
        ["536365", "71053", "LANTERN", "6", "12/13/2010 8:26", "3.39", "", "United Kingdom"],
        ["C536366", "71053", "LANTERN", "-6", "2011-12-09 12:50:00", "3.39", "17850.0", "United Kingdom"],
        ["536367", "71053", "LANTERN", "1", "2011-12-09 12:51:00", "3.39", "17851.0", "United Kingdom"],
    ]
    assert new(csv_file(tmp_path / "online_retail.csv", rows), "--feed", "purchases").code == 0
    proposed = load_settings(tmp_path / "mine" / "settings.yaml")
    example = load_settings(CHECKOUT / "infra" / "examples" / "purchases.yaml")
    assert proposed.extraction.feeds == example.extraction.feeds
    assert (proposed.surfaces, proposed.baskets) == (example.surfaces, example.baskets)


def test_what_the_person_says_wins(new: Any, tmp_path: Path) -> None:
    sample = csv_file(tmp_path / "ratings.csv", FILMS)
    answer = new(sample, "--json", "--field", "event_type=", "--field", "category=title", "--event-type", "save")
    assert "event_type" not in mapping(answer)
    assert mapping(answer)["category"] == "title"
    assert load_settings(tmp_path / "mine/settings.yaml").extraction.feeds["events"].constants == {"event_type": "save"}


def test_looking_writes_nothing(new: Any, tmp_path: Path) -> None:
    answer = new(csv_file(tmp_path / "ratings.csv", FILMS), "--look")
    assert answer.code == 0
    assert "nothing was written" in answer.out
    assert not (tmp_path / "mine").exists()


def test_the_next_steps_are_told(new: Any, tmp_path: Path) -> None:
    answer = new(csv_file(tmp_path / "ratings.csv", FILMS))
    assert f"export SHORTLIST_CONFIG={tmp_path}/mine/settings.yaml" in answer.out.replace("\n", "")
    assert "infra/night 2017-01-01 2017-01-05" in answer.out
    assert "infra/shortlist status --as-of 2017-01-05" in answer.out
    assert "infra/shortlist show related" in answer.out


@pytest.mark.parametrize(
    ("name", "content", "arguments", "problem"),
    [
        ("log.xlsx", "x", (), "has no ending that says what it is; next: name it as one of .csv"),
        ("log.csv", "", (), "cannot be read as csv"),
        ("log.csv", "a,b\n", (), "has no row"),
        ("log.jsonl", "{}\n{", (), "cannot be read as json"),
        ("log.csv", "a,b\n1,2\n", (), "no field looks like event_ts (the time of an event), user_id (who did it)"),
        ("log.csv", "user,item,time\n1,2,2017-11-30\n", ("--field", "user=x"), "--field 'user': is none of event_ts"),
        (
            "log.csv",
            "user,item,time\n1,2,2017-11-30\n",
            ("--field", "user_id=x"),
            "is no field of the sample; next: one of",
        ),
        ("log.csv", "user,item,time\n1,2,2017-11-30\n", ("--field", "user_id"), "is no pair"),
        ("log.csv", "user,item,time\n1,2,2017-11-30\n", ("--zone", "Mars"), "--zone 'Mars': is no time zone"),
        ("log.csv", "user,item,time\n1,2,2017-11-30\n", ("--feed", "catalog"), "cannot be a feed"),
        (
            "log.csv",
            "user,item,time\n1,2,2017-11-30\n",
            ("--time-format", "EEE"),
            "--time-format 'EEE': cannot be read here",
        ),
        (
            "log.csv",
            "user,item,time\n1,2,2017-11-30\n",
            ("--time-format", "d/M/yyyy"),
            "no value is a time written as d/M/yyyy",
        ),
        ("log.csv", "user,item,time,action\n1,2,2017-11-30,x\n", (), "none of its words is known (x)"),
    ],
)
def test_what_cannot_be_is_refused_with_the_next_step(
    new: Any, tmp_path: Path, name: str, content: str, arguments: tuple[str, ...], problem: str
) -> None:
    (tmp_path / name).write_text(content)
    answer = new(tmp_path / name, *arguments)
    assert answer.code == 2
    assert problem in answer.err
    assert not (tmp_path / "mine").exists()


def test_a_folder_in_use_is_left_alone(new: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "settings.yaml").write_text("mine")
    answer = new(csv_file(tmp_path / "ratings.csv", FILMS))
    assert answer.code == 2
    assert "is not empty; next: name a folder that does not exist yet" in answer.err
    assert (tmp_path / "mine" / "settings.yaml").read_text() == "mine"


def test_usual_words_and_grades_are_known() -> None:
    assert event_types(["View", "add-to-cart", "TRANSACTION", "like", "beam"]) == (
        {"View": "closeup", "add-to-cart": "add_to_cart", "TRANSACTION": "checkout", "like": "save"},
        ["beam"],
    )
    assert types_by_grade(["1", "2", "3", "4", "5"]) == {1: "hide", 3: "closeup", 4: "save"}
    assert types_by_grade(["10", "9", "8.0", "8"]) == {8: "save"}
    assert types_by_grade(["1", "2", "good", "3"]) == types_by_grade(["0", "1"]) == types_by_grade([]) == {}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = tmp_path / "log.csv"
    sample.write_text("user,item,time\nu1,i1,2017-11-30 10:00:00\n", encoding="utf-8")
    assert main(["new", str(sample), "--into", str(sample / "below")]) == 2
    refusal = " ".join(capsys.readouterr().err.split())
    assert "--into" in refusal
    assert "cannot be written (Not a directory); next: name a new folder" in refusal
