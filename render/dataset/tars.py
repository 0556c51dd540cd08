"""Tars of shards as `render.writers.webdataset` writes them: what their members are called, and
how one is read without the others.
"""

from __future__ import annotations

import errno
import io
import os
import tarfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath

from render.dataset.layout import IMAGES, SPLITS
from render.errors import DatasetError
from render.system.plain_data import open_regular
from render.system.stores import Folder

__all__ = ["member_name", "read_member"]

_IMAGES = PurePosixPath(IMAGES).parts[0]
_INDEXES_KEPT = 64


def member_name(stem: str, path: str) -> str | None:
    """What a tar calls a file of a frame; None for one that it cannot hold.

    The picture is ``<stem>.jpg`` or ``.png``, and a file of another folder has its name before the
    suffix: ``<stem>.ids.png``. Readers could not tell of which frame a file is whose name does not
    begin with the stem, as a user's writer may have it.

    Args:
        stem: Name of the frame's files without suffix.
        path: Of the file, relative to the dataset.

    """
    parts = PurePosixPath(path).parts
    if not parts[-1].startswith(f"{stem}."):
        return None
    folders = [part for part in parts[:-1] if part not in (_IMAGES, *SPLITS)]
    return ".".join([stem, *folders, parts[-1][len(stem) + 1 :]])


def read_member(tar: Folder, name: str, *, most: int) -> bytes:
    """The bytes of a member of a tar.

    Args:
        tar: The file.
        name: Of the member.
        most: How many bytes it may have.

    Raises:
        OSError: The tar or the member is not there or cannot be read, or the member is larger.
        DatasetError: The tar is torn.

    """
    with open_regular(tar) as file:
        places = _places(tar, *_state(file))
        if name not in places:
            raise FileNotFoundError(errno.ENOENT, f"there is no {name} in it", str(tar))
        start, size = places[name]
        if size > most:
            raise OSError(errno.EFBIG, f"{name} in it has more than {most} bytes", str(tar))
        file.seek(start)
        return file.read(size)


def _state(file: io.BufferedIOBase) -> tuple[int, int, int]:
    """Inode, size and time of change; of a file in a store its size alone is known."""
    try:
        state = os.fstat(file.fileno())
    except io.UnsupportedOperation:
        return 0, file.seek(0, os.SEEK_END), 0
    return state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=_INDEXES_KEPT)
def _places(tar: Folder, inode: int, size: int, mtime_ns: int) -> Mapping[str, tuple[int, int]]:
    """Where the bytes of each member begin, and how many they are; of a file in one state."""
    places: dict[str, tuple[int, int]] = {}
    at = 0
    with open_regular(tar) as file:
        while (header := file.read(tarfile.BLOCKSIZE)).strip(b"\0"):
            try:
                info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            except (tarfile.HeaderError, ValueError) as error:
                raise DatasetError(f"{tar} is torn: {error} at byte {at}") from None
            start = at + tarfile.BLOCKSIZE
            at = start - (-info.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            if not info.isreg() or info.size < 0 or at > size or info.name in places:
                raise DatasetError(
                    f"{tar} must hold whole files alone, each once: {info.name!r:.80}"
                )
            places[info.name] = start, info.size
            file.seek(at)
    return places
