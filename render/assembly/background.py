"""What is behind the objects: a picture of the camera's size."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from render.assembly.patterns import procedural
from render.errors import ConfigError
from render.sampling.background import Background
from render.sensor.light import blur, map_linear

__all__ = ["PhotoSource", "background_rgb"]


class PhotoSource(Protocol):
    """What backgrounds need of the asset library."""

    def background(self, name: str) -> NDArray[np.uint8]:
        """``(H, W, 3)`` display sRGB."""
        ...


def background_rgb(
    background: Background, size_wh: tuple[int, int], assets: PhotoSource
) -> NDArray[np.uint8]:
    """``(H, W, 3)`` display sRGB, read-only.

    Blur and brightness are applied to every kind, last.

    Args:
        background: As drawn.
        size_wh: Pixels.
        assets: Gives photographs by name.

    Raises:
        ConfigError: If the kind is unknown.

    """
    if background.kind == "color":
        color = np.rint(np.clip(background.color, 0, 255)).astype(np.uint8)
        picture = np.empty((size_wh[1], size_wh[0], 3), np.uint8)
        picture[:] = color
    elif background.kind == "procedural":
        picture = procedural(background.pattern, background.pattern_seed, size_wh)
    elif background.kind == "photo":
        picture = _photo(assets.background(background.photo), background, size_wh)
    else:
        raise ConfigError(
            f"background.kind must be color, procedural or photo, got {background.kind!r}"
        )
    if background.kind != "color":
        picture = blur(picture, background.blur_px)
    picture = np.ascontiguousarray(map_linear(picture, background.brightness))
    picture.setflags(write=False)
    return picture


def _photo(
    source: NDArray[np.uint8], background: Background, size_wh: tuple[int, int]
) -> NDArray[np.uint8]:
    """The crop of the image's shape, mirrored where asked, at the image's size."""
    w, h = size_wh
    src_h, src_w = source.shape[:2]
    zoom = min(src_w / w, src_h / h) * background.crop_frac  # source pixels per pixel
    crop_w = min(max(round(w * zoom), 1), src_w)
    crop_h = min(max(round(h * zoom), 1), src_h)
    x0 = round(background.crop_x * (src_w - crop_w))
    y0 = round(background.crop_y * (src_h - crop_h))
    crop = source[y0 : y0 + crop_h, x0 : x0 + crop_w]
    shrinks = crop_w >= w and crop_h >= h
    picture = cv2.resize(crop, (w, h), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(cv2.flip(picture, 1) if background.flip else picture, dtype=np.uint8)
