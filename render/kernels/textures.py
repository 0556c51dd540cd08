"""Textures: smaller sizes of an image, and samples between its texels and its sizes.

A texel is a uint32 of four bytes RGBA. The full-size image lies in one array and all smaller
sizes in another, so that the image itself serves as the first. ``layout`` is ``(L + 1, 3)``
int64: offset, width and height of each size, and in the last row how the image goes on along u
and along v (`WRAPS`). ``to_light`` tells what each byte of red, green and blue stands for; empty:
from 0 to 1 in equal steps.

Texture coordinates have v = 0 at the top of the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    BETWEEN,
    BYTES,
    CHUNK,
    COARSE_U,
    COARSE_V,
    FINE_U,
    FINE_V,
    LEVEL,
    MOST_TAPS,
    STEP_U,
    STEP_V,
    SU,
    SUX,
    SUY,
    SV,
    SVX,
    SVY,
    TAP_LEVEL,
    TAP_PIXEL,
    TAP_U,
    TAP_V,
    TAP_WEIGHT,
    TAPS,
    TEXELS,
    VALUE,
    WEIGHT,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.functions import log2
from render.kernels.rays import WRAPS

__all__ = ["add_samples", "halve"]

Array = Any
Number = Any  # a float32

_REPEAT, _CLAMP = WRAPS["repeat"], WRAPS["clamp"]
# Where the image is seen at a slant by less than that, one sample does.
_SLANTED = 1.5

f4: Any = np.float32
U: Any = np.uint64


@kernel
def halve(source: Array, target: Array, to_light: Array, to_code: Array) -> None:
    """The next smaller size of an image, a mean of light.

    Args:
        source: ``(H, W)`` uint32.
        target: ``(max(H // 2, 1), max(W // 2, 1))`` uint32, gets it.
        to_light: ``(256,)`` float32 of red, green and blue, from 0 to 1.
        to_code: ``(65536,)`` uint8: its inverse, of 0 to 1 in steps.

    """
    height, width = source.shape
    rows, columns = target.shape
    for y in range(rows):
        v = f4(y + 0.5) * f4(height) / f4(rows) - f4(0.5)
        y0 = max(int(np.floor(v)), 0)
        y1 = min(y0 + 1, height - 1)
        down = max(v - f4(y0), f4(0.0))
        for x in range(columns):
            u = f4(x + 0.5) * f4(width) / f4(columns) - f4(0.5)
            x0 = max(int(np.floor(u)), 0)
            x1 = min(x0 + 1, width - 1)
            across = max(u - f4(x0), f4(0.0))
            a, b = np.int64(source[y0, x0]), np.int64(source[y0, x1])
            c, d = np.int64(source[y1, x0]), np.int64(source[y1, x1])
            made = np.int64(0)
            for channel in range(3):
                shift = 8 * channel
                top = to_light[(a >> shift) & 255]
                top += (to_light[(b >> shift) & 255] - top) * across
                low = to_light[(c >> shift) & 255]
                low += (to_light[(d >> shift) & 255] - low) * across
                light = top + (low - top) * down
                made |= np.int64(to_code[int(light * f4(65535.0) + f4(0.5))]) << shift
            top = f4(a >> 24) + f4((b >> 24) - (a >> 24)) * across
            low = f4(c >> 24) + f4((d >> 24) - (c >> 24)) * across
            made |= np.int64(top + (low - top) * down + f4(0.5)) << 24
            target[y, x] = np.uint32(made)


@kernel
def add_samples(
    S: Array, SI: Array, n: int, texture: Any, is_sharp: bool, channels: int, found: Any
) -> None:
    """Adds what a texture shows at rows SU and SV, times row WEIGHT.

    How much the coordinates change to the next pixels, rows SUX to SVY, tells which sizes of the
    image are read, as GL's textureGrad does.

    Args:
        S, SI: Scratch.
        n: Pixels.
        texture: Full-size texels, those of smaller sizes, layout, `to_light`.
        is_sharp: Where the image is seen at a slant, up to four smaller samples along its long
            way are taken in place of one: sharp up to the horizon.
        channels: 3, or 4 with alpha.
        found: The first of the rows that it is added to.

    """
    full, smaller, layout, to_light = texture
    _plan(S, n, f4(layout[0, 1]), f4(layout[0, 2]), is_sharp, f4(layout.shape[0] - 2))
    n_taps = _spread(S, SI, n)
    for first in range(0, n_taps, CHUNK):
        _sample(S, SI, U(first), min(CHUNK, n_taps - first), full, smaller, layout,
                to_light, channels, found)  # fmt: skip


@kernel
def _plan(
    S: Array, n: int, width: Number, height: Number, is_sharp: bool, last_level: Number
) -> None:
    """Level, number and distance of each pixel's samples."""
    most = f4(MOST_TAPS) if is_sharp else f4(1.0)
    for i in range(n):
        j = U(i)
        ux, vx, uy, vy = S[SUX + j], S[SVX + j], S[SUY + j], S[SVY + j]
        x2 = ux * width * (ux * width) + vx * height * (vx * height)
        y2 = uy * width * (uy * width) + vy * height * (vy * height)
        long2, short2 = max(x2, y2), min(x2, y2)
        ratio = np.sqrt(long2 / max(short2, f4(1e-12)))
        taps = min(np.ceil(ratio), most)
        taps = f4(1.0) if (ratio < f4(_SLANTED)) | (long2 < f4(1.0)) else taps
        share = f4(1.0) / taps
        level = f4(0.5) * log2(max(max(long2 * share * share, short2), f4(1e-12)))
        S[LEVEL + j] = min(max(level, f4(0.0)), last_level)
        S[TAPS + j] = taps
        S[STEP_U + j] = (ux if x2 > y2 else uy) * share
        S[STEP_V + j] = (vx if x2 > y2 else vy) * share
        S[WEIGHT + j] *= share


@kernel
def _spread(S: Array, SI: Array, n: int) -> int:
    """Lists the samples one by one; returns how many there are."""
    n_taps = 0
    for i in range(n):
        j = U(i)
        weight, taps = S[WEIGHT + j], int(S[TAPS + j])
        if weight <= f4(0.0):
            continue
        u, v, level = S[SU + j], S[SV + j], S[LEVEL + j]
        middle = f4(0.5) * f4(taps - 1)
        for k in range(taps):
            t, away = U(n_taps), f4(k) - middle
            S[TAP_U + t] = u + away * S[STEP_U + j]
            S[TAP_V + t] = v + away * S[STEP_V + j]
            S[TAP_LEVEL + t] = level
            S[TAP_WEIGHT + t] = weight
            SI[TAP_PIXEL + t] = i
            n_taps += 1
    return n_taps


@kernel
def _sample(
    S: Array, SI: Array, first: Any, n: int, full: Array, smaller: Array, layout: Array,
    to_light: Array, channels: int, found: Any,
) -> None:  # fmt: skip
    """Reads up to a chunk of samples and adds them to their pixels."""
    last = layout.shape[0] - 1
    mode_u, mode_v = layout[last, 0], layout[last, 1]
    for i in range(n):
        t = U(i) + first
        u, v = S[TAP_U + t], S[TAP_V + t]
        if mode_u == _REPEAT:
            u = u - np.floor(u)
        elif mode_u == _CLAMP:
            u = min(max(u, f4(0.0)), f4(1.0))
        else:
            u = abs(u - f4(2.0) * np.floor(u * f4(0.5) + f4(0.5)))
        if mode_v == _REPEAT:
            v = v - np.floor(v)
        elif mode_v == _CLAMP:
            v = min(max(v, f4(0.0)), f4(1.0))
        else:
            v = abs(v - f4(2.0) * np.floor(v * f4(0.5) + f4(0.5)))
        # What is no number is read at the corner.
        S[TAP_U + t] = u if (u >= f4(0.0)) & (u <= f4(1.0)) else f4(0.0)
        S[TAP_V + t] = v if (v >= f4(0.0)) & (v <= f4(1.0)) else f4(0.0)
    for i in range(n):
        j, t = U(i), U(i) + first
        u, v = S[TAP_U + t], S[TAP_V + t]
        level = S[TAP_LEVEL + t]
        fine = int(level)
        S[BETWEEN + j] = level - f4(fine)
        for side in range(2):
            k = U(min(fine + side, last - 1))
            width, height = layout[k, U(1)], layout[k, U(2)]
            x, y = u * f4(width) + f4(0.5), v * f4(height) + f4(0.5)  # one texel on
            xi, yi = int(x), int(y)
            x0, y0, x1, y1 = xi - 1, yi - 1, xi, yi
            if x0 < 0:
                x0 = width - 1 if mode_u == _REPEAT else 0
            if x1 >= width:
                x1 = 0 if mode_u == _REPEAT else width - 1
                x0 = min(x0, width - 1)
            if y0 < 0:
                y0 = height - 1 if mode_v == _REPEAT else 0
            if y1 >= height:
                y1 = 0 if mode_v == _REPEAT else height - 1
                y0 = min(y0, height - 1)
            top, low = layout[k, U(0)] + y0 * width, layout[k, U(0)] + y1 * width
            q = U(4 * side * CHUNK) + j
            S[FINE_U + U(2 * side * CHUNK) + j] = x - f4(xi)
            S[FINE_V + U(2 * side * CHUNK) + j] = y - f4(yi)
            if k == 0:
                SI[TEXELS + q] = full[U(top + x0)]
                SI[TEXELS + q + U(CHUNK)] = full[U(top + x1)]
                SI[TEXELS + q + U(2 * CHUNK)] = full[U(low + x0)]
                SI[TEXELS + q + U(3 * CHUNK)] = full[U(low + x1)]
            else:
                SI[TEXELS + q] = smaller[U(top + x0)]
                SI[TEXELS + q + U(CHUNK)] = smaller[U(top + x1)]
                SI[TEXELS + q + U(2 * CHUNK)] = smaller[U(low + x0)]
                SI[TEXELS + q + U(3 * CHUNK)] = smaller[U(low + x1)]
    for channel in range(channels):
        if len(to_light) > 0 and channel < 3:
            for k in range(8):
                for i in range(n):
                    q = U(k * CHUNK) + U(i)
                    S[BYTES + q] = to_light[U((SI[TEXELS + q] >> np.int32(8 * channel)) & 255)]
        else:
            for k in range(8):
                for i in range(n):
                    q = U(k * CHUNK) + U(i)
                    byte = (SI[TEXELS + q] >> np.int32(8 * channel)) & np.int32(255)
                    S[BYTES + q] = f4(byte) * f4(1.0 / 255.0)
        for i in range(n):
            j = U(i)
            fine = _mixed(S, BYTES + j, S[FINE_U + j], S[FINE_V + j])
            coarse = _mixed(S, BYTES + U(4 * CHUNK) + j, S[COARSE_U + j], S[COARSE_V + j])
            S[VALUE + j] = fine + (coarse - fine) * S[BETWEEN + j]
        row = found + U(channel * CHUNK)
        for i in range(n):
            t = U(i) + first
            S[row + U(SI[TAP_PIXEL + t])] += S[TAP_WEIGHT + t] * S[VALUE + U(i)]


@kernel
def _mixed(S: Array, first: Any, across: Number, down: Number) -> Number:
    """Between four texels, which lie in a row each."""
    a, b = S[first], S[first + U(CHUNK)]
    c, d = S[first + U(2 * CHUNK)], S[first + U(3 * CHUNK)]
    top, low = a + (b - a) * across, c + (d - c) * across
    return top + (low - top) * down
