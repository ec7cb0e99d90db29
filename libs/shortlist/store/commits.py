"""What the commit of a version says of itself, from its own file in the table's log. No Spark.

delta-rs is not asked: `history` of a table that was opened at a version tells of the newest commits all the same, and numbers
them from that version down; one that is opened at the newest version does so when somebody commits at that moment.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import deltalake

from shortlist.store.filesystems import read_whole

# Commits among which whoever comes again looks for its own.
NEWEST: Final = 50


def commit_info(path: str, version: int) -> dict[str, Any] | None:
    """The `commitInfo` of the commit that made a version, empty where it has none.

    Args:
        path: of the table.
        version: the version.

    Returns:
        None where the log does not hold the commit (any more): a checkpoint keeps the state, not who made it.

    Raises:
        OSError: the file cannot be read, or is none of a commit.
    """
    name = f"{path}/_delta_log/{version:020d}.json"
    try:
        lines = read_whole(name).splitlines()
    except FileNotFoundError:
        return None
    try:
        infos = [action["commitInfo"] for action in map(json.loads, lines) if "commitInfo" in action]
    except (ValueError, TypeError) as error:
        raise OSError(f"{name} is no commit ({error}); next: infra/shortlist verify") from error
    return dict(infos[0]) if infos else {}


def commit_time(path: str, version: int) -> datetime:
    """When a version was committed.

    Raises:
        OSError: its commit is not there to be asked.
    """
    info = commit_info(path, version)
    if not info:
        raise OSError(f"{path} has no commit of version {version} that says its time; next: infra/shortlist verify")
    return datetime.fromtimestamp(info["timestamp"] / 1000, UTC)


def commits_from(path: str, version: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each version with its `commitInfo`, from this one back as far as the log tells of them without a gap."""
    for number in range(version, -1, -1):
        info = commit_info(path, number)
        if info is None:
            return
        yield number, info


def stamp_of(info: Mapping[str, Any]) -> dict[str, Any]:
    """What we wrote into a commit's metadata, empty where it is another's."""
    return dict(json.loads(info.get("userMetadata") or "{}"))


def read_inputs(path: str, version: int | None) -> dict[str, int]:
    """Versions of other tables that the writer of a version (None: the newest) read, by table, from the commit's own metadata.

    Empty where the commit says nothing of them, or is not there to be asked.
    """
    info = commit_info(path, deltalake.DeltaTable(path).version() if version is None else version)
    return {str(name): int(read) for name, read in stamp_of(info or {}).get("inputs", {}).items()}
