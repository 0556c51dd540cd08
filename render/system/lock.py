"""The right to write to a place: one process has it at a time, and others are told who."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import final

from filelock import FileLock, Timeout

from render.errors import DatasetError

__all__ = ["LOCK", "WriteLock"]

_LOG = logging.getLogger(__name__)

LOCK = ".render.lock"
"""Name of what lies in a folder while somebody writes there, or was killed while writing."""
# What flock(2) says where the file system keeps no locks: some FUSE and network mounts.
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
_COMMAND_LENGTH = 300
_LEAST_WAIT_S = 0.5  # a holder may be about to let go


@final
class WriteLock:
    """Use as a context manager: the place is ours inside of it.

    The holder's end frees the place, however it ends, because the kernel keeps the lock
    (flock(2)) and not a file that somebody would have to delete. A file system without locks
    holds nobody back: that is said in a warning. On network file systems the lock is as good as
    they are: Linux's NFS passes it to the server, others may keep it to each machine.

    Raises:
        DatasetError: Another process holds the place; the message says which.
        OSError: The place cannot be written to.

    """

    def __init__(self, place: Path | str, *, wait_s: float = 0.0) -> None:
        """Takes nothing yet.

        Args:
            place: A folder; it is made where it is not there, and deleted if it stays empty.
            wait_s: How long to wait for another holder.

        """
        self._folder = Path(place)
        self._path = self._folder / LOCK
        self._made: list[Path] = []
        self._lock = FileLock(
            self._path,
            timeout=max(wait_s, _LEAST_WAIT_S),
            fallback_to_soft=False,
            on_acquired=_sign,
        )

    def __enter__(self) -> WriteLock:
        self._made = [p for p in (self._folder, *self._folder.parents) if not p.exists()]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise DatasetError(
                f"{self._folder} must be written by one process at a time, and "
                f"{self._holder()} writes there: wait until that has ended, or name another folder"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                self._remove_made()
                raise
            _LOG.warning(
                "the file system of %s keeps no locks (%s): see to it that nothing else writes "
                "there meanwhile",
                self._folder, error.strerror,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            # Before it is let go of: whoever waits for a file that is gone makes a new one.
            self._path.unlink()
        self._lock.release()
        self._remove_made()

    def _remove_made(self) -> None:
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def _holder(self) -> str:
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            return (
                f"process {held['pid']} on {held['host']} (since {held['since']}: "
                f"{held['command']})"
            )
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _sign(descriptor: int) -> None:
    """Writes into the lock who holds it."""
    holder = {
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": shlex.join(sys.orig_argv)[:_COMMAND_LENGTH],
    }
    # A full disk must not keep anybody from throwing a dataset away.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
