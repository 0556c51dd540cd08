"""Finds files of some kinds under a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from render.errors import AssetError
from render.system import values

__all__ = ["check_name", "find_files", "some_of"]


def find_files(folder: Path, suffixes: frozenset[str]) -> Iterator[str]:
    """Paths of files with one of the suffixes, in any case, relative to `folder`, with ``/``.

    Hidden files and folders are passed over, and pipes and devices; links are followed, and those
    that lead nowhere are files, so that who reads them tells. None if there is no such folder.

    Raises:
        AssetError: It, or a folder in it, may not be read.

    """
    entered: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(root)
        if real in entered:  # a link back
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        for file in files:
            path = Path(root) / file
            if path.suffix.lower() not in suffixes or file.startswith("."):
                continue
            if path.is_file() or not path.exists():
                yield path.relative_to(folder).as_posix()


def check_name(folder: Path, name: str) -> None:
    """A path below a folder can be written into a dataset.

    Raises:
        AssetError: It is not text: it has bytes that are not UTF-8.

    """
    if not values.is_text(name):
        raise AssetError(folder / name, "must have a name in UTF-8: rename the file or its folder")


def _refuse(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise AssetError(error.filename, f"cannot be read: {error.strerror}") from error


def some_of(names: Sequence[str], at_most: int = 3) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
