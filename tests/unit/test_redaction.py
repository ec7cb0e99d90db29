"""What is taken out of text, and what is left alone."""

import pytest

from shortlist.redaction import redact, redact_all, secret_in_url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIk7MDENG")
    monkeypatch.setenv("SHORT_TOKEN", "abc")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/etc/google.json")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("s3a://AKIA:hush@bucket/t", "s3a://***@bucket/t"),
        ("https://tok3n@host/x and http://u:p@h", "https://***@host/x and http://***@h"),
        ("abfss://lake@account.dfs.core.windows.net/t", "abfss://lake@account.dfs.core.windows.net/t"),
        ("abfss://lake:hush@account/t", "abfss://***@account/t"),
        ("fs.s3a.access.key=AKIA99, next", "fs.s3a.access.key=***, next"),
        ("spark.hadoop.fs.s3a.secret.key: hush", "spark.hadoop.fs.s3a.secret.key: ***"),
        ('{"password": "hush", "user": "u"}', '{"password": "***", "user": "u"}'),
        ("session_token='hush')", "session_token='***')"),
        ("https://h/x?sv=2&sig=hush%3D&se=1", "https://h/x?sv=2&sig=***&se=1"),
        ("Authorization: Bearer eyJhbGciOi.x-y", "Authorization: Bearer ***"),
        ("it said wJalrXUtnFEMIk7MDENG!", "it said ***!"),
        ("see...https://u:p@h and +s3a://k:v@b", "see...https://***@h and +s3a://***@b"),
        ("a=token=hush;x.token.y = hush", "a=token=***;x.token.y = ***"),
        ("abc and /etc/google.json stay", "abc and /etc/google.json stay"),
        ("table t: attempt 3 is fenced off; next: nothing", "table t: attempt 3 is fenced off; next: nothing"),
        ("user u1@example.com of file:///data/x", "user u1@example.com of file:///data/x"),
    ],
)
def test_redact(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize("word", ["x", "token", "a.", "a-", "s3a:", "bearer ", "sig", "a://", " = ", "\t"])
def test_a_line_of_megabytes_is_looked_at_once(word: str) -> None:
    """Going back in it would take days, and an error that quotes it would never be raised."""
    text = word * (1_000_000 // len(word))
    made_safe = redact(f"{text} password=hush")
    assert made_safe.endswith("***")
    assert "hush" not in made_safe


def test_redact_all_goes_into_what_is_nested() -> None:
    given = {"settings": {"paths": ["s3://a:b@c"], "access.key": "AKIA"}, "rows": 3, "tokens": 7, "none": None}
    assert redact_all(given) == {
        "settings": {"paths": ["s3://***@c"], "access.key": "***"},
        "rows": 3,
        "tokens": 7,
        "none": None,
    }


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/data/warehouse", None),
        ("/data/odd@name?x", None),
        ("s3a://bucket/warehouse", None),
        ("abfss://lake@account.dfs.core.windows.net/w", None),
        ("s3a://AKIA:hush@bucket/w", "user or a password"),
        ("hdfs://me@node/w", "user or a password"),
        ("abfss://lake:hush@account/w", "user or a password"),
        ("https://h/w?sig=x", "signatures"),
    ],
)
def test_secret_in_url(url: str, found: str | None) -> None:
    said = secret_in_url(url)
    assert said is None if found is None else found in (said or "")
