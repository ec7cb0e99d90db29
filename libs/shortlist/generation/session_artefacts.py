"""Artefacts that are made from a sample of sessions."""

from shortlist.generation.loading import Loading
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.sources.neighbour_lists import NeighbourLists
from shortlist.sources.session_neighbours import SessionSample, session_sample
from shortlist.sources.session_next import fit_followers


def sampled_sessions(loading: Loading) -> SharedArrays[SessionSample]:
    """Sessions, and which of them have an item."""
    config = loading.settings.sources.session_neighbours
    return loading.share(session_sample(loading.sessions_of(config.sessions), len(loading.items.ids), config))


def followers(loading: Loading) -> SharedArrays[NeighbourLists]:
    """What follows each item."""
    config = loading.settings.sources.session_next
    return loading.share(fit_followers(loading.sessions_of(config.sessions), len(loading.items.ids), config))
