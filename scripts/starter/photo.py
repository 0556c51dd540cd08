"""What a camera and a table top add to flat pictures: 1280 x 960, display sRGB in [0, 255]."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from starter.noise import Floats, noise

__all__ = [
    "FRAME",
    "HEIGHT",
    "WIDTH",
    "blurred",
    "laid",
    "oblique",
    "photographed",
    "polygon",
    "rectangle",
    "shadow",
    "tiled",
]

HEIGHT, WIDTH = 960, 1280
FRAME = (HEIGHT, WIDTH)


def tiled(tile: Floats, *, shape: tuple[int, int] = FRAME, zoom: float = 1.0) -> Floats:
    """A picture filled with a tile."""
    size = [round(s * zoom) for s in tile.shape[:2]]
    scaled = cv2.resize(tile, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    repeats = [-(-want // have) for want, have in zip(shape, size)]
    return np.asarray(np.tile(scaled, (*repeats, 1))[: shape[0], : shape[1]])


def oblique(plane: Floats, *, top: float, far: float, shift: float = 0.0) -> Floats:
    """A flat picture seen at a slant, its far edge at `top` of the height, narrowed to `far`."""
    height, width = plane.shape[:2]
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    middle, half = WIDTH * (0.5 + shift), WIDTH * 0.5 / far
    near = half * 1.9
    y = HEIGHT * top
    target = np.array(
        [[middle - half, y], [middle + half, y],
         [middle + near, HEIGHT * 1.02], [middle - near, HEIGHT * 1.02]], np.float32,
    )  # fmt: skip
    matrix = cv2.getPerspectiveTransform(source, target)
    return np.asarray(
        cv2.warpPerspective(plane, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA | cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_REFLECT)
    )  # fmt: skip


def blurred(image: Floats, sigma: float) -> Floats:
    """Out of focus by a Gaussian; 0 leaves it sharp."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma)) if sigma > 0 else image


def photographed(
    image: Floats,
    seed: int,
    *,
    light: tuple[float, float] = (0.3, 0.2),
    contrast: float = 0.35,
    blur: float = 0.0,
    grain: float = 2.2,
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Floats:
    """What a camera and a room add: uneven light, shadows, vignette, defocus, grain.

    Args:
        light: Where the lamp stands, in shares of the frame.
        contrast: How much darker the frame gets away from the lamp.

    """
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / np.array([HEIGHT, WIDTH])[:, None, None]
    away = np.hypot(x - light[0], (y - light[1]) * 0.75)
    shade = 1 + contrast * (0.45 - away) + 0.07 * blurred(noise(FRAME, seed, beta=3.2), 8)
    vignette = 1 - 0.32 * np.hypot(x - 0.5, (y - 0.5) * 0.75) ** 2 * 2
    out = image * (shade * vignette)[..., None] * np.asarray(tint)
    out = blurred(out, blur)
    rng = np.random.default_rng(seed + 1)
    speckle = blurred(rng.standard_normal((*FRAME, 3)), 0.7) * 1.8
    return np.asarray(out + speckle * grain * np.sqrt(np.clip(out, 4, 255) / 128))


def shadow(image: Floats, mask: Floats, *, by: tuple[int, int], soft: float, deep: float) -> Floats:
    """Darkens what a mask, moved and blurred, falls on."""
    cast = blurred(np.roll(mask, by, axis=(0, 1)), soft)
    return np.asarray(image * (1 - deep * cast * (1 - mask))[..., None])


def polygon(points: Any) -> Floats:
    """Mask of a polygon, anti-aliased, 0 to 1."""
    mask = np.zeros(FRAME, np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(points) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return np.asarray(mask / 255.0)


def rectangle(x: float, y: float, w: float, h: float, angle_deg: float) -> Floats:
    """Corners of a turned rectangle, `x`, `y` its middle."""
    return np.asarray(cv2.boxPoints(((x, y), (w, h), angle_deg)), dtype=np.float64)


def laid(image: Floats, mask: Floats, paint: Floats) -> Floats:
    """Puts `paint` where the mask is."""
    return np.asarray(image * (1 - mask[..., None]) + paint * mask[..., None])
