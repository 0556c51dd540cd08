"""Files that are whole or not there."""

from __future__ import annotations

import filecmp
import hashlib
import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path

from render.errors import DatasetError

__all__ = [
    "TEMPORARY_SUFFIX",
    "read_regular",
    "remove_temporaries",
    "sha256_of_file",
    "write_whole",
]

TEMPORARY_SUFFIX = ".part"


def write_whole(
    path: Path, data: bytes | Iterable[bytes | memoryview], *, durable: bool = False
) -> str:
    """Writes a file under a temporary name and renames it, unless an equal one is there.

    Args:
        data: All of it, or its parts one after the other.
        durable: Also wait until the disk has it. Frames go without: a file torn by a
            power cut differs from its hash in the manifest and is made again.

    Returns:
        Its SHA-256 (hex).

    Raises:
        DatasetError: The file cannot be written.

    """
    # Containers that share a folder may have the same process numbers.
    own = f"{os.uname().nodename}-{os.getpid()}-{threading.get_ident()}"
    temporary = path.with_name(f".{path.name}.{own}{TEMPORARY_SUFFIX}")
    digest = hashlib.sha256()
    try:
        with temporary.open("wb") as file:
            for part in [data] if isinstance(data, bytes) else data:
                file.write(part)
                digest.update(part)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if path.is_file() and filecmp.cmp(temporary, path, shallow=False):
            temporary.unlink()
        else:
            temporary.replace(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror}") from error
    return digest.hexdigest()


def read_regular(path: Path, *, most_bytes: int) -> bytes:
    """All bytes of a regular file; what a pipe or a device holds has no end.

    Raises:
        OSError: It cannot be read.
        ValueError: It is something else, or larger.

    """
    # With O_NONBLOCK, opening a pipe does not wait for somebody who writes into it.
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("must be a regular file")
        if found.st_size > most_bytes:
            raise ValueError(f"must have at most {most_bytes} bytes, got {found.st_size}")
        return file.read(most_bytes)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def sha256_of_file(path: Path) -> str | None:
    """SHA-256 (hex) of a file's bytes; None if it is not there.

    Raises:
        DatasetError: It cannot be read.

    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def remove_temporaries(folder: Path) -> None:
    """Deletes what a killed run left half-written below `folder`."""
    for path in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)
