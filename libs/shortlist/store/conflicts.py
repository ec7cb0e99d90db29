"""What is done where another writer of a table has committed first: the same again, from what the table is then. No Spark."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from deltalake.exceptions import CommitFailedError

from shortlist.errors import ConflictError

# So often a commit gives way to another writer's, where no lock keeps others away.
MAX_CONFLICTS: Final = 5
log = logging.getLogger("shortlist")
_Done = TypeVar("_Done")


def commit_again(
    table: str,
    operation: str,
    commit: Callable[[], _Done],
    conflicts: tuple[type[Exception], ...] = (CommitFailedError,),
) -> _Done:
    """Commit to a table, at most `MAX_CONFLICTS` times.

    Args:
        table: its name.
        operation: what is done to it, a word.
        commit: reads what it needs and commits; may be called again after a conflict.
        conflicts: what it raises when another writer's commit speaks against its own.

    Raises:
        ConflictError: other writers came first each time; nothing of this was committed.
    """
    tried = 0
    while True:
        try:
            return commit()
        except conflicts as error:
            tried, reason = tried + 1, type(error).__name__
            if tried == MAX_CONFLICTS:
                raise ConflictError.with_other_writers(table, operation, tried, reason) from error
            log.warning("%s: another writer committed first (%s), %s begins again", table, reason, operation)
