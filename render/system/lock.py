"""The right to write to a place, or to some of its units: each has one writer, others are told who.

A unit is a byte of a file that lies in the place, and who writes it has that byte locked. The
kernel keeps the locks and frees them however their holder ends. They belong to the opened file
(F_OFD_SETLK of fcntl(2)), so that a second holder within one process is refused as well, and none
loses them because the file is opened and closed elsewhere in that process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import shlex
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, final

from render.errors import DatasetError

__all__ = ["LOCK", "Holder", "WriteLock", "holders", "signature", "signed_of"]

_LOG = logging.getLogger(__name__)

LOCK = ".render.lock"
"""Name of what lies in a folder while somebody writes there, or was killed while writing."""
# What fcntl(2) says where the file system keeps no locks, some FUSE and network mounts, or the
# kernel none of this kind.
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)
_COMMAND_LENGTH = 300
_LEAST_WAIT_S = 0.5  # a holder may be about to let go
_SHARED_WAIT_S = 60.0
_EVERY_S = 0.02
_FLOCK = "hhqqi0q"  # struct flock: type, whence, start, length, pid
_MOST = 2**40  # bytes from here on stand for no unit
_ALL = range(2 * _MOST)
_SHARED = range(_MOST, _MOST + 1)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who writes to a place.

    Attributes:
        units: Which of its units; None: all of it.
        signed: What the holder says of itself: ``pid``, ``host``, ``since`` and ``command``;
            empty where that cannot be read.

    """

    units: range | None
    signed: dict[str, Any]

    def text(self) -> str:
        """Who it is, for people."""
        who = "another process"
        if self.signed:
            who = "process {pid} on {host} (since {since}: {command})".format(**self.signed)
        return f"{who} writes {'' if self.units is None else f'{_text(self.units)} '}there"


@final
class WriteLock:
    """Use as a context manager: the place, or the units of it, are ours inside of it.

    A file system without locks holds nobody back: that is said in a warning. On network file
    systems the lock is as good as they are: Linux's NFS passes it to the server, others may keep
    it to each machine.

    Raises:
        DatasetError: Another process holds the place or some of the units; the message says which.
        OSError: The place cannot be written to.

    """

    def __init__(
        self, place: Path | str, *, units: range | None = None, wait_s: float = 0.0, name: str = ""
    ) -> None:
        """Takes nothing yet.

        Args:
            place: A folder; it is made where it is not there, and deleted if it stays empty.
            units: Those that are to be ours, while others may have other ones; None: all of it.
            wait_s: How long to wait for another holder.
            name: What users call the place, if not by its path.

        """
        self._folder = Path(place)
        self._name = name or str(place)
        self._path = self._folder / LOCK
        self._units = units
        self._wait_s = max(wait_s, _LEAST_WAIT_S)
        self._made: list[Path] = []
        self._file = -1
        self._keeps_locks = True

    def __enter__(self) -> WriteLock:
        self._made = [p for p in (self._folder, *self._folder.parents) if not p.exists()]
        try:
            self._acquire()
        except BaseException:
            if self._file >= 0:
                os.close(self._file)
            self._remove_made()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Others that have parts of the place found them by this file, and hold them in it: only
        # who has all of it deletes it, before it is let go of, and whoever waits for a file that
        # is gone makes a new one.
        if self._units is not None:
            self._set(fcntl.F_UNLCK, _ALL)
        with contextlib.suppress(OSError):
            if self._set(fcntl.F_WRLCK, _ALL) and self._is_there():
                self._path.unlink()
        os.close(self._file)
        self._remove_made()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside of it, no other holder of units is in here, for what all of them share.

        Raises:
            DatasetError: Another one is for a minute.

        """
        if self._units is None:
            yield
            return
        if not self._waited(_SHARED, _SHARED_WAIT_S):
            raise DatasetError(
                f"{self._folder} must let each writer begin, and another one has been at it for "
                f"{_SHARED_WAIT_S:.0f} s: see what became of it"
            )
        try:
            yield
        finally:
            self._set(fcntl.F_UNLCK, _SHARED)

    def widen(self) -> bool:
        """Lets the units go and takes all of the place, if nobody else has any of it.

        The last one of several who leave gets it.
        """
        if self._units is not None:
            self._set(fcntl.F_UNLCK, _ALL)
            if self._waited(_ALL, _LEAST_WAIT_S) and self._is_there():
                self._units = None
                self._sign()
        return self._units is None

    def _acquire(self) -> None:
        span = _ALL if self._units is None else self._units
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file = os.open(
                    self._path,
                    os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW,
                    0o666,
                )
            except FileNotFoundError:  # its last holder deletes an empty folder
                if time.monotonic() > deadline:
                    raise
                continue
            is_ours = self._waited(span, deadline - time.monotonic())
            if is_ours and self._is_there():
                break
            if not is_ours:
                self._refuse(span)
            os.close(self._file)
            self._file = -1
        self._sign()

    def _refuse(self, span: range) -> None:
        found = next(_held_spans(self._file, span), _ALL)
        holder = _holder_of(found, _signatures(self._file))
        part = "" if self._units is None else f"{_text(self._units)} of "
        raise DatasetError(
            f"{part}{self._name} must be written by one process at a time, and "
            f"{holder.text()}: wait until that has ended, or name another folder"
        )

    def _waited(self, span: range, wait_s: float) -> bool:
        """Locks it; whether that could be done in this time."""
        deadline = time.monotonic() + wait_s
        while not self._set(fcntl.F_WRLCK, span):
            if time.monotonic() > deadline:
                return False
            time.sleep(_EVERY_S)
        return True

    def _set(self, kind: int, span: range) -> bool:
        """Locks or frees bytes; whether that could be done at once."""
        if not self._keeps_locks:
            return True
        try:
            _fcntl(self._file, fcntl.F_OFD_SETLK, kind, span)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            if error.errno not in _NO_LOCKS:
                raise
            self._keeps_locks = False
            _LOG.warning(
                "the file system of %s keeps no locks (%s): see to it that nothing else writes "
                "there meanwhile",
                self._folder, error.strerror,
            )  # fmt: skip
        return True

    def _is_there(self) -> bool:
        """The file that was opened has not been deleted meanwhile by its last holder."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def _sign(self) -> None:
        """Writes into the lock who holds it."""
        signed = signature(self._units)
        # A full disk must not keep anybody from throwing a dataset away.
        with contextlib.suppress(OSError):
            if self._units is None:
                os.ftruncate(self._file, 0)
            os.write(self._file, f"{json.dumps(signed)}\n".encode())

    def _remove_made(self) -> None:
        with contextlib.suppress(OSError):
            for folder in self._made:
                folder.rmdir()


def signature(units: range | None) -> dict[str, Any]:
    """What this process says of itself where it writes.

    Args:
        units: Of the place, that are its own; None: all.

    """
    return {
        "units": None if units is None else [units.start, units.stop],
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": shlex.join(sys.orig_argv)[:_COMMAND_LENGTH],
    }


def signed_of(line: bytes) -> dict[str, Any] | None:
    """What a process has said of itself; None if it cannot be read."""
    with contextlib.suppress(ValueError):
        one = json.loads(line)
        if isinstance(one, dict) and one.keys() >= {"units", "pid", "host", "since", "command"}:
            units = one["units"]
            if units is None or (isinstance(units, list) and [*map(type, units)] == [int, int]):
                return one
    return None


def holders(place: Path) -> list[Holder]:
    """Who writes to a place now, as far as its file system tells.

    Raises:
        OSError: That cannot be found out.

    """
    try:
        file = os.open(place / LOCK, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return []
    try:
        signed = _signatures(file)
        found = [_holder_of(span, signed) for span in _held_spans(file, _ALL)]
    finally:
        os.close(file)
    return sorted(found, key=lambda one: -1 if one.units is None else one.units.start)


def _held_spans(file: int, span: range) -> Iterator[range]:
    """Bytes that others have locked; what a holder has locked is whole, even where it leads out."""
    if not span:
        return
    kind, _, start, length, _ = _fcntl(file, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, span)
    if kind == fcntl.F_UNLCK:
        return
    found = range(start, start + length if length else _ALL.stop)
    if found.start < _MOST:
        yield found
    # The kernel tells one of them, whichever that is.
    yield from _held_spans(file, range(span.start, found.start))
    yield from _held_spans(file, range(found.stop, span.stop))


def _holder_of(span: range, signed: list[dict[str, Any]]) -> Holder:
    units = None if span == _ALL else span
    own = [] if units is None else [units.start, units.stop]
    # Holders that were killed have left their lines; the last one is who has it now.
    mine = [one for one in signed if (one["units"] or []) == own]
    return Holder(units=units, signed=mine[-1] if mine else {})


def _signatures(file: int) -> list[dict[str, Any]]:
    lines = os.pread(file, 2**20, 0).splitlines()
    return [one for line in lines if (one := signed_of(line)) is not None]


def _fcntl(file: int, what: int, kind: int, span: range) -> tuple[int, ...]:
    length = 0 if span.stop == _ALL.stop else len(span)
    asked = struct.pack(_FLOCK, kind, os.SEEK_SET, span.start, length, 0)
    return struct.unpack(_FLOCK, fcntl.fcntl(file, what, asked))


def _text(units: range) -> str:
    return f"shards {units.start} to {units.stop - 1}"
