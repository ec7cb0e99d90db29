"""Where paths and URLs lead, and files written whole."""

import os
from pathlib import Path

from pyarrow import fs


def filesystem(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path there.

    Raises:
        ValueError: a URL that no file system answers to.
        OSError: one that cannot be reached.
    """
    if "://" in path:
        # Hadoop's name for the same store, in URLs that Spark takes.
        url = f"s3://{path.removeprefix('s3a://')}" if path.startswith("s3a://") else path
        system, below = fs.FileSystem.from_uri(url)
        return system, str(below)
    return fs.LocalFileSystem(), path


def write_whole(path: str, content: bytes) -> None:
    """Write a small file whole or not at all: renamed on a local disk, in one request to an object store.

    Raises:
        ValueError, OSError: as `filesystem`, or the file cannot be written.
    """
    system, file = filesystem(path)
    if not isinstance(system, fs.LocalFileSystem):
        with system.open_output_stream(file) as stream:
            stream.write(content)
        return
    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(target)
