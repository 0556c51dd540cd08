"""A cache in memory: values by key, of which the least recently used go first."""

from __future__ import annotations

import math
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, final

__all__ = ["Cache", "Same"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@final
class Same:
    """A key, or a part of one, that is equal for the very same object alone.

    The object is held weakly: once it is gone, its key equals no other.
    """

    def __init__(self, thing: object) -> None:
        self._thing = weakref.ref(thing)
        self._hash = id(thing)

    @property
    def is_gone(self) -> bool:
        """The object is no longer there."""
        return self._thing() is None

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same):
            return NotImplemented
        thing = self._thing()
        return thing is not None and thing is other._thing()


def _nothing(_: object) -> None:
    """What frees itself."""


@final
class Cache(Generic[K, V]):
    """Keeps values up to a bound of their sizes. Only time depends on it, never a result.

    The newest value stays however large it is. Not for several threads.
    """

    def __init__(
        self, most: float, size_of: Callable[[V], int], *, release: Callable[[V], None] = _nothing
    ) -> None:
        """Empty.

        Args:
            most: Bound of all sizes together; infinite where `trim` is called by hand.
            size_of: Bytes of a value, or 1 to count values. It may grow as the value is used.
            release: Called with each value that goes.

        """
        self._most = most
        self._size_of = size_of
        self._release = release
        # Each value with its size as it was last looked at.
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """All sizes together, by now."""
        return sum(self._size_of(value) for value, _ in self._entries.values())

    def get(self, key: K) -> V | None:
        """What was put under `key`, if it is still there."""
        if key not in self._entries:
            return None
        value = self._entries[key][0]
        self._measure(key, value)
        self._drop_oldest(self._most)
        return value

    def put(self, key: K, value: V) -> None:
        """Keeps `value`; drops what was used longest ago until the bound holds."""
        self._measure(key, value)
        self.trim(self._most)

    def find(self, key: K, make: Callable[[], V]) -> V:
        """What was put under `key`, or else what `make` gives, which is put there."""
        if key not in self._entries:
            self.put(key, make())
        else:
            self.get(key)
        return self._entries[key][0]

    def trim(self, most: float) -> None:
        """Drops what was used longest ago until all sizes, by now, are no more than that."""
        if most == math.inf:
            return
        self._entries = OrderedDict(
            (key, (value, self._size_of(value))) for key, (value, _) in self._entries.items()
        )
        self._size = sum(size for _, size in self._entries.values())
        self._drop_oldest(most)

    def drop(self, is_unwanted: Callable[[K], bool]) -> None:
        """Drops the values of some keys."""
        for key in [key for key in self._entries if is_unwanted(key)]:
            value, size = self._entries.pop(key)
            self._size -= size
            self._release(value)

    def _measure(self, key: K, value: V) -> None:
        """Makes `value` the newest entry, of its size by now."""
        if key in self._entries:
            self._size -= self._entries.pop(key)[1]
        size = self._size_of(value)
        self._entries[key] = (value, size)
        self._size += size

    def _drop_oldest(self, most: float) -> None:
        while self._size > most and len(self._entries) > 1:
            _, (value, size) = self._entries.popitem(last=False)
            self._size -= size
            self._release(value)
