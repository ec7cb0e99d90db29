"""Every failure that Shortlist foresees, with its exit code; the wording lives here, in classmethods, and has tests.

Exit codes: 0 done, 2 wrong use or settings, 3 a check held the publication, 4 fenced, 5 infrastructure; and of what nobody
foresaw 5, or 70 where it is a fault of the program.
"""

from shortlist.errors.base import SettingsError, ShortlistError
from shortlist.errors.cluster import ClusterError
from shortlist.errors.landing import AccountError, HeldError, LandingError
from shortlist.errors.models import ModelError
from shortlist.errors.publishing import NotPublishedError, OvertakenError, PublicationError, RollbackError
from shortlist.errors.tables import (
    ConflictError,
    ContractError,
    ErasedError,
    FencedError,
    InputMissingError,
    MaintenanceError,
    StorageError,
    UpkeepHeldError,
)
from shortlist.errors.unforeseen import tell_unforeseen

__all__ = [
    "AccountError",
    "ClusterError",
    "ConflictError",
    "ContractError",
    "ErasedError",
    "FencedError",
    "HeldError",
    "InputMissingError",
    "LandingError",
    "MaintenanceError",
    "ModelError",
    "NotPublishedError",
    "OvertakenError",
    "PublicationError",
    "RollbackError",
    "SettingsError",
    "ShortlistError",
    "StorageError",
    "UpkeepHeldError",
    "tell_unforeseen",
]
