"""Materials of two colours mixed: marble, grains, streaks, as of cast plastic and stone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.noise import clouds, ranked
from render.assembly.textures import TextureCache
from render.scene import Texture
from render.sensor.color import linear_to_srgb

__all__ = ["two_tone_texture"]

_SIDE = 256
# As many different layouts of a pattern; each is made once.
_VARIANTS = 16
_Levels = NDArray[np.uint8]


def two_tone_texture(
    pattern: str,
    seed: int,
    colors: tuple[tuple[float, ...], tuple[float, ...]],
    cache: TextureCache,
) -> Texture:
    """A texture to be laid on in tiles.

    Args:
        pattern: ``marble``, ``speckle`` or ``swirl``.
        seed: Decides the layout.
        colors: Linear RGB of the first and of the second colour.
        cache: Keeps it.

    """
    variant = seed % _VARIANTS

    def layout() -> Texture:
        levels = _LAYOUTS[pattern](np.random.Generator(np.random.SFC64(variant)))
        levels.setflags(write=False)
        return Texture(image=levels)

    def make() -> Texture:
        levels = cache.get(two_tone_texture, (pattern, variant), layout).image
        share = np.arange(256)[:, None] / 255.0
        first, second = np.array(colors)
        mixed = linear_to_srgb(np.clip(first + share * (second - first), 0.0, 1.0))
        table = np.rint(mixed * 255.0).astype(np.uint8)
        image = np.dstack([table[levels], np.full(levels.shape, 255, np.uint8)])
        image.setflags(write=False)
        return Texture(image=image)

    return cache.get(two_tone_texture, (pattern, variant, colors), make)


def _marble(rng: np.random.Generator) -> _Levels:
    """Thin veins where smooth noise passes through its middle, of uneven strength."""
    field, strength = clouds(rng, _SIDE, steepness=1.8), ranked(clouds(rng, _SIDE)) / 255.0
    middle = np.abs(ranked(field) / 255.0 - 0.5) * 2.0
    veins = np.clip(1.0 - middle / 0.35, 0.0, 1.0) ** 2
    return _levels(veins * (0.25 + 0.75 * strength))


def _speckle(rng: np.random.Generator) -> _Levels:
    """Grains of a few pixels on a seventh of the surface."""
    border = 8
    wrapped = cv2.copyMakeBorder(
        rng.standard_normal((_SIDE, _SIDE)), border, border, border, border, cv2.BORDER_WRAP
    )
    smooth = cv2.GaussianBlur(wrapped, (0, 0), 1.6)[border:-border, border:-border]
    return _levels((ranked(np.asarray(smooth, np.float64)) / 255.0 - 0.86) / 0.04)


def _swirl(rng: np.random.Generator) -> _Levels:
    """Smooth noise that other noise has drawn out into streaks."""
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.float32)
    shifts = [ranked(clouds(rng, _SIDE, steepness=2.0)) / 255.0 - 0.5 for _ in range(2)]
    at_x, at_y = (
        ((axis + 0.9 * _SIDE * shift) % _SIDE).astype(np.float32)
        for axis, shift in zip((x, y), shifts)
    )
    field = (ranked(clouds(rng, _SIDE, steepness=2.4)) / 255.0).astype(np.float32)
    wrapped = cv2.copyMakeBorder(field, 0, 1, 0, 1, cv2.BORDER_WRAP)
    drawn_out = cv2.remap(wrapped, at_x, at_y, cv2.INTER_LINEAR)
    return _levels((drawn_out - 0.3) / 0.4)


_LAYOUTS: Mapping[str, Callable[[np.random.Generator], _Levels]] = {
    "marble": _marble,
    "speckle": _speckle,
    "swirl": _swirl,
}


def _levels(share: Any) -> _Levels:
    return np.asarray(np.rint(np.clip(share, 0.0, 1.0) * 255.0), np.uint8)
