"""Textures made from others, kept from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from render.scene import Texture
from render.system.cache import Cache, Same

__all__ = ["TextureCache"]


class TextureCache:
    """Keeps textures made from others, the latest up to a number of bytes.

    Only time depends on it, never a result. Equal requests give the same object, so that
    an engine need not upload it again. Sources are not kept. Not for several threads.
    """

    def __init__(self, max_bytes: int = 256 * 2**20) -> None:
        self._textures: Cache[tuple[Hashable, ...], Texture] = Cache(
            max_bytes, lambda texture: texture.image.nbytes
        )

    def get(
        self, source: object, params: tuple[Hashable, ...], make: Callable[[], Texture]
    ) -> Texture:
        """What `make` gives, or gave before for the same object `source` and `params`."""
        return self._textures.find((Same(source), *params), make)
