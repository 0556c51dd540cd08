"""Textures as the kernels sample them: with all their smaller sizes, made once."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.kernels.rays import WRAPS
from render.kernels.textures import halve
from render.scene import Texture
from render.sensor.color import linear_to_srgb, srgb_to_linear
from render.system.cache import Cache, Same

__all__ = ["SampledTexture", "Textures", "unwritten"]

SampledTexture = tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.int64]]
"""Texels of the image, those of its smaller sizes, layout; see `render.kernels.textures`."""

# Of the smaller sizes, and of images that had to be copied.
_MOST_BYTES = 1 << 29
_MOST_PX = 16_384
_BYTES = np.arange(256) / 255.0
_STEPS = np.arange(65_536) / 65_535.0


class Textures:
    """Those that were used last; it holds no reference to the images of others."""

    def __init__(self) -> None:
        self._sampled: Cache[tuple[Same, bool, tuple[str, str]], SampledTexture] = Cache(
            _MOST_BYTES, _bytes_of
        )
        self.none = self._make(Texture(image=np.full((1, 1, 4), 255, np.uint8)), srgb=False)

    def find(self, texture: Texture | None, *, srgb: bool) -> SampledTexture:
        """A texture for the kernels; one white texel for None.

        Args:
            texture: Larger ones than 16,384 pixels a side lose what is finer.
            srgb: The image is in display sRGB: samples are linear.

        """
        if texture is None:
            return self.none
        key = (Same(texture.image), srgb, texture.wrap_st)
        return self._sampled.find(key, lambda: self._make(texture, srgb=srgb))

    def trim(self) -> None:
        """Frees what was made from images that are gone."""
        self._sampled.drop(lambda key: key[0].is_gone)

    @staticmethod
    def _make(texture: Texture, *, srgb: bool) -> SampledTexture:
        image = _held(texture.image)
        height, width = image.shape[:2]
        full = np.require(image, np.uint8, "C").view(np.uint32).reshape(height, width)
        to_light = (srgb_to_linear(_BYTES) if srgb else _BYTES).astype(np.float32)
        steps = linear_to_srgb(_STEPS) if srgb else _STEPS
        to_code = np.rint(steps * 255.0).astype(np.uint8)
        layout, sizes, offset, larger = [(0, width, height)], [], 0, full
        while max(height, width) > 1:
            height, width = max(height // 2, 1), max(width // 2, 1)
            size = np.empty((height, width), np.uint32)
            halve(unwritten(larger), size, to_light, to_code)
            layout.append((offset, width, height))
            sizes.append(size.ravel())
            offset, larger = offset + size.size, size
        layout.append((WRAPS[texture.wrap_st[0]], WRAPS[texture.wrap_st[1]], int(srgb)))
        smaller = np.concatenate(sizes) if sizes else np.zeros(1, np.uint32)
        return unwritten(full.ravel()), unwritten(smaller), np.array(layout, np.int64)


def unwritten(array: NDArray[Any]) -> NDArray[Any]:
    """An array as all that kernels only read are typed: plain, contiguous, not to be written to.

    A kernel is compiled anew for each kind of array.
    """
    plain = np.require(array, requirements=["C", "A"]).view(np.ndarray)
    plain.flags.writeable = False
    return plain


def _held(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if max(height, width) <= _MOST_PX:
        return image
    size_wh = (min(width, _MOST_PX), min(height, _MOST_PX))
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _bytes_of(texture: SampledTexture) -> int:
    return texture[0].nbytes + texture[1].nbytes
