"""Keeps what was loaded last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["ByteCache"]

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Least recently used goes first. Only time depends on it, never a result.

    The newest entry stays however large it is. Not for several threads.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[T], int]) -> None:
        """Empty.

        Args:
            max_bytes: Bound of all sizes together.
            size_of: Bytes of a value, which may grow as it is used.

        """
        self._max_bytes = max_bytes
        self._size_of = size_of
        # Each value with its size as it was last looked at.
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._n_bytes = 0

    def get(self, key: str) -> T | None:
        """What was put under `key`, if it is still there."""
        if key not in self._entries:
            return None
        value = self._entries[key][0]
        self._measure(key, value)
        self._trim()
        return value

    def put(self, key: str, value: T) -> None:
        """Keeps `value`; drops what was used longest ago until the bound holds."""
        for other, (known, _) in list(self._entries.items()):
            self._measure(other, known)
        self._measure(key, value)
        self._trim()

    def _measure(self, key: str, value: T) -> None:
        """Makes `value` the newest entry, of its size by now."""
        if key in self._entries:
            self._n_bytes -= self._entries.pop(key)[1]
        size = self._size_of(value)
        self._entries[key] = (value, size)
        self._n_bytes += size

    def _trim(self) -> None:
        while self._n_bytes > self._max_bytes and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._n_bytes -= dropped
