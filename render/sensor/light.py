"""Blur and brightness of images."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from render.sensor.color import linear_to_srgb, srgb_to_linear

__all__ = ["blur", "map_linear"]

T = TypeVar("T", np.uint8, np.float32)

_LARGE_SIGMA = 6.0


def map_linear(rgb: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Display sRGB image with its linear light multiplied and clipped; `rgb` itself at 1."""
    if factor == 1.0:
        return rgb
    linear = srgb_to_linear(np.arange(256) / 255.0)
    table = linear_to_srgb(np.clip(linear * factor, 0.0, 1.0)) * 255.0
    return np.asarray(cv2.LUT(rgb, np.rint(table).astype(np.uint8)), dtype=np.uint8)


def blur(image: NDArray[T], sigma_px: float) -> NDArray[T]:
    """``(H, W, 3)`` Gaussian blur, the border mirrored; `image` itself at sigma 0.

    A large blur is done on a smaller image, which differs from the exact one by less
    than one level.
    """
    if sigma_px <= 0.0:
        return image
    shrink = int(sigma_px // (_LARGE_SIGMA / 2)) if sigma_px > _LARGE_SIGMA else 1
    h, w = image.shape[:2]
    small_wh = (max(1, w // shrink), max(1, h // shrink))
    small = image if shrink == 1 else cv2.resize(image, small_wh, interpolation=cv2.INTER_AREA)
    # Area averaging and linear interpolation blur as well: their variances add up.
    own = (shrink**2 - 1) / 12.0 + (shrink**2 / 6.0 if shrink > 1 else 0.0)
    sigmas = [
        float(np.sqrt(max(sigma_px**2 - own, 1e-6))) * side / full
        for side, full in zip(small_wh, (w, h))
    ]
    soft = cv2.GaussianBlur(
        small, (0, 0), sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REFLECT
    )
    if shrink > 1:
        soft = cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft, dtype=image.dtype)
