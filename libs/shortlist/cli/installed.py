"""What is installed, where there is no checkout whose locks could be asked: packages within the wheel's bounds, and jars."""

import importlib.metadata
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

# What `pip install shortlist[jobs]` asks for, as the wheel states it.
_OF_JOBS: Final = re.compile(r"""^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?([^;]*);\s*extra\s*==\s*['"]jobs['"]""")
_BOUND: Final = re.compile(r"(>=|<)\s*([0-9.]+)")


def requirements() -> list[str]:
    """What the installed project asks for."""
    return importlib.metadata.requires("shortlist") or []


def beyond_bounds(asked: Iterable[str], version_of: Callable[[str], str | None]) -> tuple[int, list[str]]:
    """How many packages the jobs ask for, and what is wrong with those that are missing or not within their bounds.

    Args:
        asked: requirements as a wheel states them: lower and upper bounds.
        version_of: the version of an installed package; None where it is missing.
    """
    packages = [(match[1], match[2]) for each in asked if (match := _OF_JOBS.match(each))]
    return len(packages), [
        f"{name} {version or 'is missing'}, wanted {','.join(''.join(bound) for bound in _BOUND.findall(bounds))}"
        for name, bounds in packages
        if (version := version_of(name)) is None
        or not all(_within(version, *bound) for bound in _BOUND.findall(bounds))
    ]


def missing_jars(folder: Path, delta: str | None, on_s3: bool) -> Iterator[str]:
    """Jars that jobs need beside Spark's and that are not there.

    Args:
        folder: Spark's jars.
        delta: version of the package delta-spark; None where it is missing.
        on_s3: whether tables are on S3, too: Hadoop's connector is to be of the version of its client.
    """
    wanted = [f"delta-spark_*-{delta}.jar", f"delta-storage-{delta}.jar"]
    if on_s3:
        client = next(iter(sorted(folder.glob("hadoop-client-api-*.jar"))), None)
        wanted = ["hadoop-aws-*.jar" if client is None else client.name.replace("client-api", "aws")]
    yield from (name for name in wanted if not any(folder.glob(name)))


def _within(version: str, comparison: str, bound: str) -> bool:
    mine, other = (tuple(int(part) for part in re.findall(r"\d+", each.partition("+")[0])) for each in (version, bound))
    return mine >= other if comparison == ">=" else mine < other
