"""Finished shards on their way to a store, while others are rendered."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool
from queue import Empty, Full, Queue
from types import TracebackType
from typing import TypeVar, final

from render.dataset.layout import RECORDS, entry_path
from render.dataset.manifest import Manifest
from render.errors import DatasetError
from render.system.events import tell
from render.system.stores import AT_ONCE, StorePath

__all__ = ["Uploader", "tried"]

_LOG = logging.getLogger(__name__)
T = TypeVar("T")

_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0)
# What another try would not change: no rights, no bucket, what the store cannot do.
_FINAL = (errno.EACCES, errno.ENOENT, errno.EEXIST, errno.EINVAL)
_SHARDS_AT_ONCE = 2
_MOST_WAITING = 4
_LOOK_S = 0.2


def tried(
    action: Callable[[], T],
    path: StorePath,
    *,
    waits_s: Sequence[float] = _WAITS_S,
    stop: threading.Event | None = None,
) -> T:
    """Does something in a store, again and again for two and a half minutes while that fails.

    Args:
        action: It may be done any number of times.
        path: What it is about.
        waits_s: Before each further try.
        stop: Ends the waiting.

    Raises:
        DatasetError: It cannot be done.

    """
    stop = stop or threading.Event()
    for wait_s in (*waits_s, None):
        try:
            return action()
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _FINAL or wait_s is None or stop.wait(wait_s):
                raise DatasetError(
                    f"{path} cannot be written: {reason}; the same command with this output_dir "
                    "then continues"
                ) from error
            tell("store_retried", file=str(path), reason=reason, waited_s=wait_s)
    raise AssertionError


@final
class Uploader:
    """Puts finished shards of a spool into a store, each shard's entry of the manifest last.

    So an entry in the store means that its shard is there. What is there is deleted from the
    spool, but for the records, of which the dataset is completed. Use it as a context manager:
    at its end all shards are there; after an error those under way are abandoned.
    """

    def __init__(
        self, spool: Manifest, store: StorePath, *, waits_s: Sequence[float] = _WAITS_S
    ) -> None:
        self._spool = spool
        self._store = store
        self._waits_s = waits_s
        self._waiting: Queue[int] = Queue(_MOST_WAITING)
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._is_down = False  # that is told once

    def __enter__(self) -> Uploader:
        self._files = ThreadPool(AT_ONCE)
        for _ in range(_SHARDS_AT_ONCE):
            # What hangs in a store's library must not keep the process from ending.
            threading.Thread(target=self._work, name="upload", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._stop.set()
            self._files.terminate()

    def add(self, shard_idx: int) -> None:
        """Takes a finished shard; waits while several others are on their way.

        Raises:
            DatasetError: One of them cannot be brought there.

        """
        while True:
            self._check()
            try:
                self._waiting.put(shard_idx, timeout=_LOOK_S)
            except Full:
                continue
            return

    def _wait(self) -> None:
        with self._waiting.all_tasks_done:
            while self._waiting.unfinished_tasks and self._error is None:
                self._waiting.all_tasks_done.wait(_LOOK_S)
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                shard_idx = self._waiting.get(timeout=_LOOK_S)
            except Empty:
                continue
            try:
                self._bring(shard_idx)
            except Exception as error:  # noqa: BLE001  told where shards are handed over
                self._error = self._error or error
                self._stop.set()
            finally:
                self._waiting.task_done()

    def _bring(self, shard_idx: int) -> None:
        names = list(self._spool.files_of(shard_idx))
        self._files.map(self._put, names, chunksize=1)
        self._put(entry_path(shard_idx))
        tell("shard_stored", shard=shard_idx)
        for name in names:
            if not name.startswith(f"{RECORDS}/"):
                (self._spool.disk / name).unlink(missing_ok=True)

    def _put(self, name: str) -> None:
        target = self._store / name
        source = self._spool.disk / name

        def put() -> None:
            try:
                target.put(source)
            except OSError as error:
                if not self._is_down and error.errno not in _FINAL:
                    self._is_down = True
                    _LOG.warning("%s cannot be written for now (%s)", target, error.strerror)
                raise
            self._is_down = False

        try:
            tried(put, target, waits_s=self._waits_s, stop=self._stop)
        except BaseException:
            self._stop.set()  # the others need not wait for as long
            raise
