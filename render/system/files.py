"""Files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from render.errors import DatasetError, DiskFullError
from render.system.plain_data import open_regular
from render.system.stores import Folder

__all__ = [
    "TEMPORARY_SUFFIX",
    "refusal_of",
    "remove_empty",
    "remove_temporaries",
    "sha256_of_file",
    "write_whole",
]

TEMPORARY_SUFFIX = ".part"

# What a machine refuses for want of something, and what to do about it.
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EFBIG: "raise the limit (ulimit -f), or take a file system for larger files",
    errno.EROFS: "mount the file system for writing",
    errno.EMFILE: "raise the limit (ulimit -n), or take fewer `workers`",
    errno.ENFILE: "close some programs, or take fewer `workers`",
    errno.ENOMEM: "take fewer `workers`",
    errno.EIO: "see to the disk",
}


_FULL = (errno.ENOSPC, errno.EDQUOT)


def refusal_of(error: OSError) -> str | None:
    """Why the machine could not do what was asked of it, and how the work goes on.

    Returns:
        None if it was not for want of space, files, memory or a working disk.

    """
    remedy = _REMEDIES.get(error.errno or 0)
    return (
        remedy
        and f"{error.strerror}: {remedy}; the same command with this output_dir then continues"
    )


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
        DiskFullError: There is no room for it.

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
        with contextlib.suppress(OSError):
            temporary.unlink()  # on a full disk the next one may need the space
        reason = refusal_of(error) or error.strerror
        kind = DiskFullError if error.errno in _FULL else DatasetError
        raise kind(f"{path} cannot be written: {reason}") from error
    return digest.hexdigest()


def sha256_of_file(path: Folder) -> str | None:
    """SHA-256 (hex) of a file's bytes; None if it is not there.

    Raises:
        DatasetError: It cannot be read, as what is no regular file.

    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = refusal_of(error) or error.strerror
        raise DatasetError(f"{path} cannot be read: {reason}") from error


def remove_temporaries(folder: Path) -> None:
    """Deletes what processes that were killed left half-written below `folder`.

    Raises:
        OSError: One cannot be deleted.

    """
    for path in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        path.unlink(missing_ok=True)


def remove_empty(folder: Path) -> None:
    """Deletes a folder that is empty, and those around it that then are, up to the present one."""
    here = Path.cwd()
    around = [path for path in folder.parents if here in path.resolve().parents]
    with contextlib.suppress(OSError):
        for path in (folder, *around):
            path.rmdir()
