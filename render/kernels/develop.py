"""Steps of lens and sensor on pictures of linear light, each in one pass.

They work in float32 and in the order that is written here, so that the bytes of a picture are
the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["add_noise", "darken_corners", "divide", "sample_filters", "show"]

Array = Any  # of the compiled code; shapes are in the docstrings
_F = np.float32
_CHUNK = 1024


@kernel
def darken_corners(light: Array, tangent2: float, out: Array) -> None:
    """Multiplies by a falloff that is 1 at the picture's centre.

    Args:
        light: ``(H, W, 3)`` float32.
        tangent2: Of the ray to the corners: the light there is ``(1 + tangent2)**-2``.
        out: ``(H, W, 3)`` float32.

    """
    h, w = light.shape[:2]
    corner2, slope, one = _F((w * w + h * h) / 4), _F(tangent2), _F(1.0)
    for row in range(h):
        y = _F(row) - _F((h - 1) / 2)
        for column in range(w):
            x = _F(column) - _F((w - 1) / 2)
            loss = one + slope * ((x * x + y * y) / corner2)
            left = one / (loss * loss)
            for channel in range(3):
                out[row, column, channel] = light[row, column, channel] * left


@kernel
def add_noise(light: Array, per_light: float, floor: float, full: float, noise: Array) -> None:
    """Light with noise whose variance grows with it, up to where a pixel's well is full.

    Args:
        light: ``(N,)`` float32.
        per_light: Variance by light.
        floor: Variance in the dark.
        full: Light at which the well is full.
        noise: ``(N,)`` float32 of variance 1; gets the noisy light.

    """
    a, b, most, least = _F(per_light), _F(floor), _F(full), _F(0.0)
    for i in range(len(light)):
        seen = light[i]
        seen = least if seen < least else seen
        seen = most if seen > most else seen
        noise[i] = light[i] + noise[i] * np.sqrt(a * seen + b)


@kernel
def sample_filters(light: Array, full: float, raw: Array) -> None:
    """What pixels behind filters see: red and green by turns, and green and blue below.

    Args:
        light: ``(H, W, 3)`` float32.
        full: Light at which the well is full: 65,535.
        raw: ``(H, W)`` uint16.

    """
    most, least, scale, half = _F(full), _F(0.0), _F(65535.0 / full), _F(0.5)
    for row in range(light.shape[0]):
        below = row & 1
        for column in range(light.shape[1]):
            seen = light[row, column, below + (column & 1)]
            seen = least if seen < least else seen
            seen = most if seen > most else seen
            raw[row, column] = np.int32(seen * scale + half)


@kernel
def divide(light: Array, white: Array, out: Array) -> None:
    """Divides ``(H, W, 3)`` float32 light by ``(3,)`` float32 white, channel by channel."""
    red, green, blue = white[0], white[1], white[2]
    for row in range(light.shape[0]):
        for column in range(light.shape[1]):
            out[row, column, 0] = light[row, column, 0] / red
            out[row, column, 1] = light[row, column, 1] / green
            out[row, column, 2] = light[row, column, 2] / blue


@kernel
def show(light: Array, most: float, table: Array, out: Array) -> None:
    """Looks light up in a table that is even in its square root.

    Args:
        light: ``(N,)`` float32.
        most: Light of the last entry; what is brighter is as this.
        table: ``(M,)`` uint8.
        out: ``(N,)`` uint8.

    """
    brightest, least, per_light = _F(most), _F(0.0), _F(1.0 / most)
    last, half = _F(len(table) - 1), _F(0.5)
    at = np.empty(_CHUNK, np.int32)
    for begin in range(0, len(light), _CHUNK):
        n = min(_CHUNK, len(light) - begin)
        # Apart, because only the arithmetic makes vector code.
        for i in range(n):
            seen = light[begin + i]
            seen = seen if seen > least else least
            seen = brightest if seen > brightest else seen
            at[i] = np.int32(np.sqrt(seen * per_light) * last + half)
        for i in range(n):
            out[begin + i] = table[at[i]]
