"""What Delta raises when another writer of the table has committed first: in Spark, and from delta-rs."""

from typing import Final

from delta import exceptions
from deltalake.exceptions import CommitFailedError

# Spark's have no base of their own in Python.
CONFLICTS: Final = (
    CommitFailedError,
    exceptions.DeltaConcurrentModificationException,
    exceptions.ConcurrentWriteException,
    exceptions.MetadataChangedException,
    exceptions.ProtocolChangedException,
    exceptions.ConcurrentAppendException,
    exceptions.ConcurrentDeleteReadException,
    exceptions.ConcurrentDeleteDeleteException,
    exceptions.ConcurrentTransactionException,
)
