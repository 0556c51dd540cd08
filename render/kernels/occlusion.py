"""How much of the sky above each point its surroundings hide, from depth alone: ground-truth
ambient occlusion (Jimenez et al. 2016), two slices a pixel, on every other pixel of every other
row; then averaged over what lies at the same depth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ALL,
    ALONG_X,
    ALONG_Y,
    ARC,
    AX,
    AY,
    AZ,
    CHUNK,
    COS_N,
    DEPTH,
    FLAT,
    HIGHEST,
    INDEX,
    JITTER,
    NX,
    NY,
    NZ,
    OPEN,
    PX,
    PY,
    QX,
    QY,
    REACH,
    SIN_N,
    THERE,
    TILT,
    TURN,
    VX,
    VY,
    VZ,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.functions import arccos, cosine

__all__ = ["average_open", "open_shares"]

Array = Any
Number = Any  # a float32

_SLICES, _STEPS = 2, 5
_FAR = 1e30

f4: Any = np.float32
U: Any = np.uint64
_HALF_PI, _PI = f4(np.pi / 2.0), f4(np.pi)


@kernel
def open_shares(
    S: Array, SI: Array, inverse: Array, lens: Array, radius_m: Number, share: Array, depth: Array,
    listed: Array,
) -> int:  # fmt: skip
    """The share of the sky that is open at every other pixel.

    Args:
        S, SI: Scratch.
        inverse: ``(H, W)`` float32: one over the depth; 0 = nothing.
        lens: ``(4,)`` float32: fx, fy, cx, cy; centre coordinates.
        radius_m: What is farther hides nothing.
        share: ``(ceil(H / 2), ceil(W / 2))`` float32, gets it; 1 where nothing is.
        depth: Likewise, gets metres; 0 = nothing.
        listed: ``(share.size + 1,)`` int32, gets the pixels that show anything.

    Returns:
        How many these are.

    """
    rows, columns = share.shape
    count = 0
    for y in range(rows):
        for x in range(columns):
            share[y, x], depth[y, x] = f4(1.0), f4(0.0)
            listed[U(count)] = y * columns + x
            count += inverse[U(2 * y), U(2 * x)] > f4(0.0)
    for first in range(0, count, CHUNK):
        n = min(CHUNK, count - first)
        _begin(S, listed[first : first + n], n, columns, inverse)
        _point(S, n, lens, radius_m)
        for k in range(_SLICES):
            _slice(S, n, f4(k))
            for side in range(2):
                _horizon(S, SI, n, f4(2 * side - 1), inverse, lens, radius_m)
            for i in range(n):
                j = U(i)
                S[OPEN + j] += S[FLAT + j] * f4(0.25) * S[ARC + j]
                # With nothing in the way.
                S[ALL + j] += S[FLAT + j] * (S[COS_N + j] + S[TILT + j] * S[SIN_N + j])
        for i in range(n):
            j, q = U(i), listed[first + i]
            y, x = U(q // columns), U(q % columns)
            share[y, x] = min(max(S[OPEN + j] / S[ALL + j], f4(0.0)), f4(1.0))
            depth[y, x] = S[DEPTH + j]
    return count


@kernel
def _begin(S: Array, listed: Array, n: int, columns: int, inverse: Array) -> None:
    """Pixels, their depth, and how one over it, which is linear across the picture on a plane,
    changes to the side that goes on as the surface does: rows AX and AY.
    """
    height, width = inverse.shape
    for i in range(n):
        j = U(i)
        row = listed[i] // columns
        column = listed[i] - row * columns
        x, y = 2 * column, 2 * row
        S[PX + j], S[PY + j] = f4(x), f4(y)
        here = inverse[U(y), U(x)]
        S[AZ + j] = here
        cell_x, cell_y = column & 3, row & 3
        S[TURN + j] = f4((cell_x * 5 + cell_y * 7) & 15) * f4(1.0 / 16.0)
        S[JITTER + j] = f4((cell_x * 11 + cell_y * 3) & 15) * f4(1.0 / 16.0)
        after = inverse[U(y), U(x + 1)] if x + 1 < width else f4(0.0)
        second = inverse[U(y), U(x + 2)] if x + 2 < width else f4(0.0)
        before = inverse[U(y), U(x - 1)] if x > 0 else f4(0.0)
        first = inverse[U(y), U(x - 2)] if x > 1 else f4(0.0)
        goes_on = _bend(here, after, second) < _bend(here, before, first)
        S[AX + j] = _change(after, here) if goes_on else _change(here, before)
        after = inverse[U(y + 1), U(x)] if y + 1 < height else f4(0.0)
        second = inverse[U(y + 2), U(x)] if y + 2 < height else f4(0.0)
        before = inverse[U(y - 1), U(x)] if y > 0 else f4(0.0)
        first = inverse[U(y - 2), U(x)] if y > 1 else f4(0.0)
        goes_on = _bend(here, after, second) < _bend(here, before, first)
        S[AY + j] = _change(after, here) if goes_on else _change(here, before)


@kernel
def _bend(here: Number, beside: Number, beyond: Number) -> Number:
    """How far the surface bends, or breaks off, on one side of a pixel."""
    if beside <= f4(0.0):
        return f4(_FAR)
    if beyond <= f4(0.0):
        return abs(beside - here)
    return abs(f4(2.0) * beside - beyond - here)


@kernel
def _change(high: Number, low: Number) -> Number:
    """From one to the other; none where one of them is nothing."""
    return high - low if (high > f4(0.0)) & (low > f4(0.0)) else f4(0.0)


@kernel
def _point(S: Array, n: int, lens: Array, radius_m: Number) -> None:
    """Point, normal and view, camera frame; how many pixels away surroundings count."""
    fx, fy, cx, cy = lens[0], lens[1], lens[2], lens[3]
    per_fx, per_fy = f4(1.0) / fx, f4(1.0) / fy
    for i in range(n):
        j = U(i)
        here, x, y = S[AZ + j], S[PX + j] - cx, S[PY + j] - cy
        along_x, along_y = S[AX + j], S[AY + j]
        z = f4(1.0) / here
        px, py = x * per_fx * z, y * per_fy * z
        nx, ny, nz = along_x * fx, along_y * fy, here - along_x * x - along_y * y
        inverse = f4(-1.0) / np.sqrt(px * px + py * py + z * z)
        vx, vy, vz = px * inverse, py * inverse, z * inverse
        inverse = f4(1.0) / np.sqrt(nx * nx + ny * ny + nz * nz)
        inverse = -inverse if nx * vx + ny * vy + nz * vz < f4(0.0) else inverse
        S[NX + j], S[NY + j], S[NZ + j] = nx * inverse, ny * inverse, nz * inverse
        S[VX + j], S[VY + j], S[VZ + j] = vx, vy, vz
        S[AX + j], S[AY + j], S[DEPTH + j] = px, py, z
        S[REACH + j] = min(max(radius_m * fx * here, f4(4.0)), f4(120.0))
        S[OPEN + j], S[ALL + j] = f4(0.0), f4(1e-4)


@kernel
def _slice(S: Array, n: int, k: Number) -> None:
    """A slice through the view: the normal's part in it, and its tilt from the view."""
    for i in range(n):
        j = U(i)
        angle = _PI * (k + S[TURN + j]) * f4(1.0 / _SLICES)
        ax, ay = cosine(angle), cosine(angle - _HALF_PI)
        vx, vy, vz = S[VX + j], S[VY + j], S[VZ + j]
        nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
        kx, ky, kz = ay * vz, -ax * vz, ax * vy - ay * vx
        inverse = f4(1.0) / np.sqrt(max(kx * kx + ky * ky + kz * kz, f4(1e-20)))
        kx, ky, kz = kx * inverse, ky * inverse, kz * inverse
        out = nx * kx + ny * ky + nz * kz
        nx, ny, nz = nx - kx * out, ny - ky * out, nz - kz * out
        size = max(np.sqrt(nx * nx + ny * ny + nz * nz), f4(1e-4))
        cos_n = min(max((nx * vx + ny * vy + nz * vz) / size, f4(-1.0)), f4(1.0))
        along_v = ax * vx + ay * vy
        side = (ax - vx * along_v) * nx + (ay - vy * along_v) * ny - vz * along_v * nz
        tilt, sin_n = arccos(cos_n), np.sqrt(max(f4(1.0) - cos_n * cos_n, f4(0.0)))
        S[ALONG_X + j], S[ALONG_Y + j], S[FLAT + j], S[COS_N + j] = ax, ay, size, cos_n
        S[TILT + j] = tilt if side > f4(0.0) else -tilt
        S[SIN_N + j] = sin_n if side > f4(0.0) else -sin_n
        S[ARC + j] = f4(0.0)


@kernel
def _horizon(
    S: Array, SI: Array, n: int, sign: Number, inverse: Array, lens: Array, radius_m: Number
) -> None:
    """The arc that is open on one side of a slice."""
    height, width = inverse.shape
    flat = inverse.reshape(-1)
    per_fx, per_fy, cx, cy = f4(1.0) / lens[0], f4(1.0) / lens[1], lens[2], lens[3]
    last_x, last_y = f4(width - 1), f4(height - 1)
    fall = f4(1.5) / radius_m
    for i in range(n):
        S[HIGHEST + U(i)] = -sign * S[SIN_N + U(i)]
    for k in range(_STEPS):
        for i in range(n):
            j = U(i)
            t = (f4(k) + S[JITTER + j] + f4(0.1)) * f4(1.0 / _STEPS)
            r = sign * (f4(1.0) + t * t * S[REACH + j])
            x = S[PX + j] + np.floor(S[ALONG_X + j] * r + f4(0.5))
            y = S[PY + j] + np.floor(S[ALONG_Y + j] * r + f4(0.5))
            is_out = (x < f4(0.0)) | (y < f4(0.0)) | (x > last_x) | (y > last_y)
            # Outside of the picture: the point itself, which hides nothing.
            x, y = S[PX + j] if is_out else x, S[PY + j] if is_out else y
            S[QX + j], S[QY + j] = x - cx, y - cy
            SI[INDEX + j] = np.int32(y) * np.int32(width) + np.int32(x)
        for i in range(n):
            S[THERE + U(i)] = flat[U(SI[INDEX + U(i)])]
        for i in range(n):
            j = U(i)
            there = S[THERE + j]
            z = f4(1.0) / max(there, f4(1e-20))
            x, y = S[QX + j] * per_fx * z - S[AX + j], S[QY + j] * per_fy * z - S[AY + j]
            dz = z - S[DEPTH + j]
            far = np.sqrt(max(x * x + y * y + dz * dz, f4(1e-18)))
            per_far = f4(1.0) / far
            weight = min(max(f4(1.5) - fall * far, f4(0.0)), f4(1.0))
            low = -sign * S[SIN_N + j]
            rises = (x * S[VX + j] + y * S[VY + j] + dz * S[VZ + j]) * per_far
            above = (x * S[NX + j] + y * S[NY + j] + dz * S[NZ + j]) * per_far
            # Nothing is there, or what does not rise above the surface: on a flat one, its own
            # points, that whole pixels put beside the slice.
            counts = (there > f4(0.0)) & (above >= f4(0.02))
            highest = S[HIGHEST + j]
            rises = max(highest, low + (rises - low) * weight)
            S[HIGHEST + j] = rises if counts else highest
    for i in range(n):
        j = U(i)
        tilt = S[TILT + j]
        away = sign * arccos(min(max(S[HIGHEST + j], f4(-1.0)), f4(1.0))) - tilt
        horizon = tilt + min(max(away, -_HALF_PI), _HALF_PI)
        arc = S[COS_N + j] + f4(2.0) * horizon * S[SIN_N + j]
        S[ARC + j] += arc - cosine(f4(2.0) * horizon - tilt)


@kernel
def average_open(share: Array, depth: Array, listed: Array, count: int, averaged: Array) -> None:
    """Averages the 4 x 4 pattern of turns over what lies at the same depth.

    Args:
        share, depth, listed: From `open_shares`.
        count: What it returned.
        averaged: ``share.shape`` float32, gets the means where anything is.

    """
    rows, columns = share.shape
    for k in range(count):
        y, x = listed[k] // columns, listed[k] % columns
        z = depth[U(y), U(x)]
        total, weights, fall = f4(0.0), f4(0.0), f4(1.0) / (f4(0.02) * z)
        if 2 <= x < columns - 2 and 2 <= y < rows - 2:
            for row in range(y - 2, y + 2):
                for column in range(x - 2, x + 2):
                    r, c = U(row), U(column)
                    weight = max(f4(1.0) - abs(depth[r, c] - z) * fall, f4(0.0))
                    total += share[r, c] * weight
                    weights += weight
        else:
            for row in range(y - 2, y + 2):
                for column in range(x - 2, x + 2):
                    r, c = U(min(max(row, 0), rows - 1)), U(min(max(column, 0), columns - 1))
                    weight = max(f4(1.0) - abs(depth[r, c] - z) * fall, f4(0.0))
                    total += share[r, c] * weight
                    weights += weight
        averaged[U(y), U(x)] = total / weights
