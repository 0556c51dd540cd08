"""Who writes to a dataset in a store: objects that say so, renewed while it is true.

A store has no locks. Each writer puts an object of its own, in one step only where there is none,
and renews it; one that is not renewed for five minutes, by the clock of the store, counts as gone.
This keeps two runs from doing the same work. It is not what keeps a dataset whole: whoever renders
a shard puts the same bytes under the same names.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, final

from render.dataset.layout import WRITERS, shard_name
from render.errors import DatasetError
from render.system.lock import Holder, signature, signed_of
from render.system.plain_data import read_regular
from render.system.stores import StorePath

__all__ = ["Mark", "marked", "writers_in"]

_RENEWED_S = 30.0
_GONE_S = 300.0
_LEAVING_S = 4.0
_FOLDER = WRITERS.text.rpartition("/")[0]


@final
@dataclass(eq=False)
class Mark:
    """The object of a writer.

    Attributes:
        place: The dataset.
        units: The shards that are its own; None: all.
        spool: What the writer is known by when it is started anew.

    """

    place: StorePath
    units: range | None
    spool: str
    _text: bytes = field(init=False)
    _lost_to: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        # Once, as it tells since when.
        self._text = f"{json.dumps({**signature(self.units), 'spool': self.spool})}\n".encode()

    @property
    def path(self) -> StorePath:
        """Where it lies."""
        first = 0 if self.units is None else self.units.start
        return self.place / WRITERS.text.format(shard=shard_name(first))

    def check(self) -> None:
        """Nobody else has taken the writer for gone, as after a long sleep of this machine.

        Raises:
            DatasetError: Somebody has.

        """
        if self._lost_to:
            raise DatasetError(
                f"{self.place} is written by somebody else by now, who took this process for gone "
                f"({self._lost_to}): what is there stays as it is"
            )

    def take(self) -> None:
        """Puts the object.

        Raises:
            DatasetError: Another writer is at some of the shards.
            OSError: It cannot be put.

        """
        try:
            self.path.write(self._text, is_new=True)
        except FileExistsError:
            self._refuse(_read(self.path))
            self.path.write(self._text)
        # Those that begin at another shard have other names; of two that come at the same time,
        # each has put its own before it looks.
        try:
            for name in (self.place / _FOLDER).names():
                if name != self.path.name:
                    self._refuse(_read(self.place / f"{_FOLDER}/{name}"))
        except BaseException:
            self.path.unlink()
            raise

    def renew(self) -> None:
        """Puts it again every half a minute, until `leave`."""
        while not self._ended.wait(_RENEWED_S):
            # What is wrong with the store, those who bring the shards will tell.
            with contextlib.suppress(OSError):
                found = _read(self.path)
                if found is not None and found.get("spool") != self.spool:
                    self._lost_to = _holder(found).text()
                    return
                self.path.write(self._text)

    def leave(self) -> None:
        """Takes the object away, if that can be done within a few seconds."""
        self._ended.set()
        if not self._lost_to:
            # A store that hangs must not keep a process from ending that was asked to.
            leaving = threading.Thread(target=self._remove, name="leave", daemon=True)
            leaving.start()
            leaving.join(_LEAVING_S)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _refuse(self, found: dict[str, Any] | None) -> None:
        """Raises DatasetError if another writer is at some of these shards and not gone."""
        if found is None or found.get("spool") == self.spool:
            return
        other = _holder(found)
        if not _overlap(self.units, other.units):
            return
        age_s = self._now_s() - found["modified_s"]
        if age_s < _GONE_S:
            raise DatasetError(
                f"{self.place} must be written by one process at a time, and {other.text()}: wait "
                "until that has ended, or name another place; one that was killed counts as gone "
                f"in {_GONE_S - max(age_s, 0.0):.0f} s"
            )

    def _now_s(self) -> float:
        """The time by the clock of the store."""
        # One for each part of a dataset, which may be made on one machine.
        probe = self.place / f"{_FOLDER}/{self.path.name}.{self.spool}.part"
        probe.write(b"")
        now_s = probe.modified_s()
        probe.unlink()
        return now_s


@contextlib.contextmanager
def marked(place: StorePath, units: range | None, spool: str) -> Iterator[Mark]:
    """Keeps other writers from some shards of a dataset in a store; see `Mark`.

    Raises:
        DatasetError: Another writer is at some of them, or the store cannot be written to.

    """
    mark = Mark(place, units, spool)
    try:
        mark.take()
    except OSError as error:
        raise DatasetError(f"{place} cannot be written: {error.strerror}") from error
    threading.Thread(target=mark.renew, name="mark", daemon=True).start()
    try:
        yield mark
    finally:
        mark.leave()


def writers_in(place: StorePath) -> list[Holder]:
    """Who writes to a dataset in a store, or was killed there less than five minutes ago.

    Raises:
        OSError: The store cannot be asked.

    """
    names = (name for name in (place / _FOLDER).names() if name.endswith(".json"))
    found = [one for name in names if (one := _read(place / f"{_FOLDER}/{name}")) is not None]
    # Without the right to write nobody can ask for the time of the store; this machine's or
    # the newest is a bound.
    newest_s = max([time.time(), *(one["modified_s"] for one in found)])
    there = [_holder(one) for one in found if newest_s - one["modified_s"] < _GONE_S]
    return sorted(there, key=lambda one: -1 if one.units is None else one.units.start)


def _read(path: StorePath) -> dict[str, Any] | None:
    """What a writer says of itself, and when; None where it has left."""
    with contextlib.suppress(FileNotFoundError):
        found = signed_of(read_regular(path))
        return found and {**found, "modified_s": path.modified_s()}
    return None


def _holder(found: dict[str, Any]) -> Holder:
    units = found["units"]
    return Holder(units=None if units is None else range(*units), signed=found)


def _overlap(a: range | None, b: range | None) -> bool:
    return a is None or b is None or max(a.start, b.start) < min(a.stop, b.stop)
