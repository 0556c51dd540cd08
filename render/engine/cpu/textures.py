"""Textures as the kernels sample them: with all their smaller sizes, made once."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from render.kernels.compiled import unwritten
from render.kernels.rays import WRAPS
from render.kernels.textures import halve
from render.scene import Texture
from render.sensor.color import linear_to_srgb, srgb_to_linear
from render.system.cache import Cache, Same

__all__ = ["SampledTexture", "Textures"]

SampledTexture = tuple[
    NDArray[np.uint32], NDArray[np.uint32], NDArray[np.int64], NDArray[np.float32]
]
"""Texels of the image, those of its smaller sizes, layout, what its bytes stand for; see
`render.kernels.textures`."""

_MOST_BYTES = 1 << 29
_MOST_PX = 16_384
_BYTES = np.arange(256) / 255.0
_STEPS = np.arange(65_536) / 65_535.0
_TO_LIGHT = unwritten(srgb_to_linear(_BYTES).astype(np.float32))
_EQUAL_STEPS = unwritten(np.empty(0, np.float32))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sizes:
    """What was made from an image.

    Attributes:
        copy: ``(H, W, 4)`` uint8: in place of an image that the kernels cannot read as it is.
        smaller: Texels of all smaller sizes.

    """

    copy: NDArray[np.uint8] | None
    smaller: NDArray[np.uint32]
    layout: NDArray[np.int64]

    @property
    def n_bytes(self) -> int:
        """Memory of it."""
        return self.smaller.nbytes + (0 if self.copy is None else self.copy.nbytes)


class Textures:
    """Smaller sizes of the textures that were used last; it holds no reference to the images."""

    def __init__(self) -> None:
        self._sizes: Cache[tuple[Same, bool, tuple[str, str]], _Sizes] = Cache(
            _MOST_BYTES, lambda sizes: sizes.n_bytes
        )
        white = Texture(image=np.full((1, 1, 4), 255, np.uint8))
        self._white = _sampled(white, _sizes_of(white, srgb=False), srgb=False)

    def find(self, texture: Texture | None, *, srgb: bool) -> SampledTexture:
        """A texture for the kernels; one white texel for None.

        Args:
            texture: Larger ones than 16,384 pixels a side lose what is finer.
            srgb: The image is in display sRGB: samples are linear.

        """
        if texture is None:
            return self._white
        key = (Same(texture.image), srgb, texture.wrap_st)
        made = self._sizes.find(key, lambda: _sizes_of(texture, srgb=srgb))
        return _sampled(texture, made, srgb=srgb)

    def trim(self) -> None:
        """Frees what was made from images that are gone."""
        self._sizes.drop(lambda key: key[0].is_gone)


def _sampled(texture: Texture, sizes: _Sizes, *, srgb: bool) -> SampledTexture:
    texels = (texture.image if sizes.copy is None else sizes.copy).view(np.uint32).ravel()
    to_light = _TO_LIGHT if srgb else _EQUAL_STEPS
    return unwritten(texels), sizes.smaller, sizes.layout, to_light


def _sizes_of(texture: Texture, *, srgb: bool) -> _Sizes:
    image = _readable(texture.image)
    height, width = image.shape[:2]
    to_light = _TO_LIGHT if srgb else _BYTES.astype(np.float32)
    steps = linear_to_srgb(_STEPS) if srgb else _STEPS
    to_code = np.rint(steps * 255.0).astype(np.uint8)
    layout, sizes, offset = [(0, width, height)], [], 0
    larger = image.view(np.uint32)[..., 0]
    while max(height, width) > 1:
        height, width = max(height // 2, 1), max(width // 2, 1)
        size = np.empty((height, width), np.uint32)
        halve(unwritten(larger), size, unwritten(to_light), to_code)
        layout.append((offset, width, height))
        sizes.append(size.ravel())
        offset, larger = offset + size.size, size
    layout.append((WRAPS[texture.wrap_st[0]], WRAPS[texture.wrap_st[1]], 0))
    smaller = np.concatenate(sizes) if sizes else np.zeros(1, np.uint32)
    return _Sizes(
        copy=None if image is texture.image else image,
        smaller=unwritten(smaller),
        layout=np.array(layout, np.int64),
    )


def _readable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image, or a copy that is not too large and whose texels lie side by side."""
    height, width = image.shape[:2]
    if max(height, width) > _MOST_PX:
        size_wh = (min(width, _MOST_PX), min(height, _MOST_PX))
        image = np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return image if image.flags.c_contiguous else np.ascontiguousarray(image)
