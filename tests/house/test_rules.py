"""The house's rules see the faults that they are for: each is shown one."""

import ast
from pathlib import Path

import pytest

from tests.house.rules import COLLECTING, impure_words, runs_job, silent_tests, words


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("def f(spark):\n    return spark.read.parquet('p')", {"read"}),
        ("def f(df):\n    df.write.format('delta').save('p')", {"write"}),
        ("def f(spark):\n    reader = spark.read\n    return reader.load('p')", {"read"}),
        ("from datetime import datetime\nAT = datetime.now()", {"now"}),
        ("from pyspark.sql.functions import rand as chance\nX = chance(1)", {"rand"}),
        ("import numpy as np\nX = np.random.default_rng()", {"default_rng()"}),
        ("import polars as pl\nX = pl.scan_delta('p')", {"scan_delta"}),
        ("import numpy as np\nX = np.random.default_rng(7)", set()),
        ("def f(df, now):\n    return df.select('read', now)", set()),
    ],
)
def test_storage_clocks_and_chance_are_found(fault: str, found: set[str]) -> None:
    assert impure_words(ast.parse(fault)) == found


def test_a_frame_that_is_collected_is_found() -> None:
    assert words(ast.parse("rows = df.select('a').collect()")) & COLLECTING == {"collect"}


def test_a_job_is_run_by_its_test_and_not_only_named() -> None:
    assert runs_job(ast.parse("deployment.run('train_als', DAY)"), "train_als")
    assert runs_job(ast.parse("from shortlist.jobs.train_als import main\nmain([])"), "train_als")
    assert not runs_job(ast.parse('"""After train_als."""\nJOBS = ("train_als",)'), "train_als")


@pytest.mark.parametrize(
    ("body", "silent"),
    [
        ("assert f() == 1", False),
        ("with pytest.raises(ValueError):\n        f()", False),
        ("check_rows(f())", True),
        ("expect(f())", True),
        ("looks_right(f())", False),
        ("by_way_of_another(f())", False),
        ("shared_rows(f())", False),
        ("np.testing.assert_allclose(f(), 1)", False),
        ("assert True", True),
        ("f()", True),
    ],
)
def test_a_test_that_cannot_fail_is_found(body: str, silent: bool) -> None:
    helpers = (
        "import numpy as np\n"
        "from tests.shared import shared_rows\n"
        "def check_rows(rows):\n    return len(rows)\n"
        "def expect(rows):\n    return expect(rows)\n"
        "def looks_right(rows):\n    assert rows\n"
        "def by_way_of_another(rows):\n    looks_right(rows)\n"
    )
    root = Path("house")
    path = root / "tests" / "test_x.py"
    shared = ast.parse("def shared_rows(rows):\n    assert rows")
    trees = {path: ast.parse(f"{helpers}def test_it():\n    {body}\n"), root / "tests" / "shared.py": shared}
    assert silent_tests(path, root, trees) == (["test_it"] if silent else [])
