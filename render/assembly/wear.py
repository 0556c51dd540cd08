"""Dirt and scratches: where they are on a surface."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.noise import clouds, ranked
from render.assembly.textures import TextureCache
from render.scene import Texture

__all__ = ["wear_texture"]

_SIDE = 256
# As many different ones; each is made once and stays on the GPU.
_VARIANTS = 8


def wear_texture(seed: int, cache: TextureCache) -> Texture:
    """Tileable: red is dirt, green is scratches, each the brighter the sooner it shows."""
    variant = seed % _VARIANTS

    def make() -> Texture:
        rng = np.random.Generator(np.random.SFC64(variant))
        image = np.full((_SIDE, _SIDE, 4), 255, np.uint8)
        image[..., 0] = ranked(clouds(rng, _SIDE))
        image[..., 1] = _scratches(rng)
        image[..., 2] = 0
        image.setflags(write=False)
        return Texture(image=image)

    return cache.get(wear_texture, (variant,), make)


def _scratches(rng: np.random.Generator) -> NDArray[np.uint8]:
    canvas = np.zeros((3 * _SIDE, 3 * _SIDE), np.uint8)
    for _ in range(60):
        at, angle = rng.integers(0, _SIDE, 2), rng.uniform(0, np.pi)
        half = rng.uniform(6, 60) * np.array([np.cos(angle), np.sin(angle)])
        level = int(rng.integers(60, 256))
        for ty in range(3):
            for tx in range(3):
                middle = at + _SIDE * np.array([tx, ty])
                a, b = (np.rint(middle + s * half).astype(int).tolist() for s in (-1, 1))
                cv2.line(canvas, a, b, level, 1, cv2.LINE_AA)
    return canvas[_SIDE : 2 * _SIDE, _SIDE : 2 * _SIDE]
