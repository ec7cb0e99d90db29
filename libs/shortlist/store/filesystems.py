"""Where paths and URLs lead, and files written whole."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pyarrow import fs

# How URLs of S3 begin here; settings refuse Hadoop's other names for it.
ON_S3: Final = "s3://"


def filesystem(path: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or URL, and the path there.

    What stands behind the bucket or host of a URL is taken letter by letter, as the names of a listing are: %20 is no space.

    Raises:
        ValueError: a URL that no file system answers to.
        OSError: one that cannot be reached.
    """
    if "://" in path:
        scheme, _, place = path.partition("://")
        host, sign, names = place.partition("/")
        system, below = fs.FileSystem.from_uri(f"{scheme}://{host}{sign}{quote(names)}")
        return system, str(below)
    return fs.LocalFileSystem(), path


def read_whole(path: str) -> bytes:
    """The bytes of a small file.

    Raises:
        ValueError, OSError: as `filesystem`, or there is no such file.
    """
    system, file = filesystem(path)
    with system.open_input_stream(file, compression=None) as stream:
        content: bytes = stream.read()
    return content


def is_file(path: str) -> bool:
    """Whether there is a file."""
    system, file = filesystem(path)
    return bool(system.get_file_info(file).is_file)


def is_folder(path: str) -> bool:
    """Whether there is a folder; in an object store: something below it."""
    system, folder = filesystem(path)
    return bool(system.get_file_info(folder).type == fs.FileType.Directory)


def files_below(folder: str, recursive: bool = True) -> dict[str, fs.FileInfo]:
    """Every file of a folder by its name below it, sorted; none where there is no such folder."""
    system, base = filesystem(folder.rstrip("/"))
    selector = fs.FileSelector(base, allow_not_found=True, recursive=recursive)
    files = (info for info in system.get_file_info(selector) if info.is_file)
    return dict(sorted((info.path[len(base) :].lstrip("/"), info) for info in files))


def folders_in(folder: str) -> list[str]:
    """Names of the folders that a folder holds, sorted; none where there is no such folder."""
    system, base = filesystem(folder.rstrip("/"))
    found = system.get_file_info(fs.FileSelector(base, allow_not_found=True))
    return sorted(info.base_name for info in found if info.type == fs.FileType.Directory)


def remove_folder(path: str) -> None:
    """Remove a folder with everything below it; nothing is done where there is none."""
    if is_folder(path):
        system, folder = filesystem(path)
        system.delete_dir(folder)


def move_file(path: str, target: str) -> None:
    """Move a file within its file system; an object store copies it and removes the original."""
    system, file = filesystem(path)
    below = filesystem(target)[1]
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(below.rpartition("/")[0])
    system.move(file, below)


def remove_file(path: str) -> None:
    """Remove a file."""
    system, file = filesystem(path)
    system.delete_file(file)


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
