"""Keeps what was loaded last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["ByteCache"]

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Least recently used goes first. Only time depends on it, never a result.

    The newest entry stays however large it is. Not for several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def get(self, key: str) -> T | None:
        """What was put under `key`, if it is still there."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def put(self, key: str, value: T, n_bytes: int) -> None:
        """Keeps `value`; drops what was used longest ago until the bound holds."""
        if key in self._entries:
            self._n_bytes -= self._entries.pop(key)[1]
        self._entries[key] = (value, n_bytes)
        self._n_bytes += n_bytes
        while self._n_bytes > self._max_bytes and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._n_bytes -= dropped
