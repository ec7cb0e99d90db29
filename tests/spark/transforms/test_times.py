"""Times: every form that ISO 8601 and Java write, a zone that is named applied once, letters that may mean several refused."""

import pytest
from pyspark.sql import SparkSession

from shortlist.config import TimestampConfig
from shortlist.transforms.times import abbreviations, event_time, time_text

TEN = "2017-11-30 10:00:00"
# Format, zone, text, the time in UTC (or None), whether the text named its zone, and what else is wrong.
CASES: list[tuple[str, str, str, str | None, bool, str]] = [
    ("iso", "America/New_York", "2017-11-30T10:00:00Z", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30 05:00:00", TEN, False, ""),
    ("iso", "America/New_York", "2017-11-30 10:00:00.000001Z", "2017-11-30 10:00:00.000001", True, ""),
    ("iso", "America/New_York", "2017-11-30T10:00:00Z\n", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T05:00:00\n", TEN, False, ""),
    ("iso", "America/New_York", "2017-11-30T05:00", TEN, False, ""),
    ("iso", "America/New_York", "2017-11-30T05", TEN, False, ""),
    ("iso", "America/New_York", "2017-11-30T10Z", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30t10:00:00z", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T12:00:00+02", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T12:00:00+0200", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T12:00:00 +02:00", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T12:00+02:00", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30 10:00:00 UTC", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T10:00:00 GMT", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T10:00:00,25Z", "2017-11-30 10:00:00.25", True, ""),
    ("iso", "America/New_York", "2017-11-30T10:00:00.123456789Z", "2017-11-30 10:00:00.123456", True, ""),
    ("iso", "America/New_York", "2017-11-30T11:00+01:00[Europe/Paris]", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T11:00:00[Europe/Paris]", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30 11:00:00 Europe/Paris", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30T10:00Z[UTC]", TEN, True, ""),
    ("iso", "America/New_York", "20171130T100000Z", TEN, True, ""),
    ("iso", "America/New_York", "20171130T1000Z", TEN, True, ""),
    ("iso", "America/New_York", "20171130T120000+0200", TEN, True, ""),
    ("iso", "America/New_York", "20171130T050000", TEN, False, ""),
    ("iso", "UTC", "20171130", "2017-11-30 00:00:00", False, ""),
    ("iso", "UTC", "2017-334T10:00:00Z", TEN, True, ""),
    ("iso", "UTC", "2017-W48-4T10:00:00Z", TEN, True, ""),
    ("iso", "UTC", "2017-W48-4", "2017-11-30 00:00:00", False, ""),
    ("iso", "UTC", "Thu Nov 30 10:00:00 UTC 2017", TEN, True, ""),
    ("iso", "America/New_York", "Thu Nov 30 05:00:00 EST 2017", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30 05:00:00 EST", TEN, True, ""),
    ("iso", "America/New_York", "2017-11-30 05:00:00.0", TEN, False, ""),
    ("iso", "UTC", "Thu Nov 30 05:00:00 CST 2017", None, False, "ambiguous"),
    ("iso", "UTC", "2017-11-30 05:00:00 IST", None, False, "ambiguous"),
    ("iso", "UTC", "2017-02-30T10:00:00Z", None, True, "impossible"),
    ("iso", "UTC", "2017-11-30T25:00:00Z", None, True, "impossible"),
    ("iso", "UTC", "2017-400", None, False, "type"),
    ("iso", "UTC", "yesterday", None, False, "type"),
    ("iso", "UTC", "12:30", None, False, "type"),
    ("iso", "UTC", "1512036000", None, False, "type"),
    ("epoch-millis", "America/New_York", "1512036000000", TEN, True, ""),
    ("dd/MM/yyyy HH:mm[ XXX]", "Europe/Berlin", "30/11/2017 11:00", TEN, False, ""),
    ("dd/MM/yyyy HH:mm[ XXX]", "Europe/Berlin", "30/11/2017 12:00 +02:00", TEN, True, ""),
    ("dd/MM/yyyy HH:mm z", "America/New_York", "30/11/2017 05:00 EST", TEN, True, ""),
    ("dd/MM/yyyy HH:mm z", "UTC", "30/11/2017 05:00 CST", None, True, "ambiguous"),
]


def test_every_form_of_a_time_is_read_once(spark: SparkSession) -> None:
    wrong = []
    for kind in sorted({(case[0], case[1]) for case in CASES}):
        cases = [case for case in CASES if case[:2] == kind]
        frame = spark.createDataFrame([(number, case[2]) for number, case in enumerate(cases)], "n int, text string")
        config = TimestampConfig(format=kind[0], zone=kind[1])
        frame = frame.withColumn("canonical", time_text(frame["text"], config))
        time = event_time(frame["text"], frame["canonical"], config)
        rows = (
            frame.select("n", time.time.cast("string"), time.written, time.named_zone, time.ambiguous)
            .orderBy("n")
            .collect()
        )
        for case, (_, found, written, named, ambiguous) in zip(cases, rows, strict=True):
            fault = "" if found else "ambiguous" if ambiguous else "impossible" if written else "type"
            if (found, fault) != (case[3], case[5]) or (found and named is not case[4]):
                wrong.append((case, found, fault, named))
    assert wrong == []


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", {"EST": "-05:00", "EDT": "-04:00"}),
        ("Europe/Berlin", {"CET": "+01:00", "CEST": "+02:00"}),
        ("Asia/Kolkata", {"IST": "+05:30"}),
        ("America/Sao_Paulo", {}),
    ],
)
def test_letters_mean_what_the_feeds_zone_means_by_them(zone: str, expected: dict[str, str]) -> None:
    assert abbreviations(zone) == expected
