"""Textures made from others, kept from frame to frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from render.scene import Texture

__all__ = ["TextureCache"]


class TextureCache:
    """Keeps textures made from others, the latest up to a number of bytes.

    Only time depends on it, never a result. Equal requests give the same object, so that
    an engine need not upload it again. Not for several threads.
    """

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        # The source is kept beside the result: its id is part of the key.
        self._entries: OrderedDict[tuple[object, ...], tuple[object, Texture]] = OrderedDict()

    def get(
        self, source: object, params: tuple[object, ...], make: Callable[[], Texture]
    ) -> Texture:
        """What `make` gives, or gave before for the same object `source` and `params`."""
        key = (id(source), *params)
        if key in self._entries:
            self._entries.move_to_end(key)
            return self._entries[key][1]
        texture = make()
        self._entries[key] = (source, texture)
        self._n_bytes += texture.image.nbytes
        while self._n_bytes > self._max_bytes and len(self._entries) > 1:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._n_bytes -= oldest.image.nbytes
        return texture
