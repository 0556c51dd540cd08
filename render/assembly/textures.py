"""Textures made from others, kept from frame to frame."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable

from render.scene import Texture

__all__ = ["TextureCache"]


class TextureCache:
    """Keeps textures made from others, the latest up to a number of bytes.

    Only time depends on it, never a result. Equal requests give the same object, so that
    an engine need not upload it again. Sources are not kept. Not for several threads.
    """

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        # An id is its source's only while that lives.
        self._entries: OrderedDict[tuple[object, ...], tuple[weakref.ref[object], Texture]]
        self._entries = OrderedDict()

    def get(
        self, source: object, params: tuple[object, ...], make: Callable[[], Texture]
    ) -> Texture:
        """What `make` gives, or gave before for the same object `source` and `params`."""
        key = (id(source), *params)
        if key in self._entries:
            kept_source, texture = self._entries[key]
            if kept_source() is source:
                self._entries.move_to_end(key)
                return texture
            self._drop(key)
        texture = make()
        self._entries[key] = (weakref.ref(source), texture)
        self._n_bytes += texture.image.nbytes
        while self._n_bytes > self._max_bytes and len(self._entries) > 1:
            self._drop(next(iter(self._entries)))
        return texture

    def _drop(self, key: tuple[object, ...]) -> None:
        self._n_bytes -= self._entries.pop(key)[1].image.nbytes
