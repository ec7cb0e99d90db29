"""Where paths and URLs lead."""

from pyarrow import fs


def filesystem(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path there.

    Raises:
        ValueError: a URL that no file system answers to.
        OSError: one that cannot be reached.
    """
    if "://" in path:
        system, place = fs.FileSystem.from_uri(path)
        return system, str(place)
    return fs.LocalFileSystem(), path
