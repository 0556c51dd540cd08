"""Light from all around: an environment map, a uniform part, and ground below the horizon.

Numbers of a sky, float32: `AMBIENT`, `GAIN`, `GROUND` (radiance, and 1 if there is any), `UP`
(world Z, camera frame), `MAP_CAM` (3 x 3 row by row, camera frame to the map's), `HARMONICS`
(9 x 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    ACROSS,
    ALPHA,
    AROUND,
    BARE,
    BELOW,
    CHUNK,
    CR,
    DEPTH,
    DOWN,
    GLOSSY_OPEN,
    MAP_U,
    MAP_V,
    MAP_W,
    METAL,
    NV,
    NX,
    NY,
    NZ,
    OPEN,
    OUT_R,
    PX,
    PY,
    RECEIVED,
    SPLIT_A,
    SPLIT_B,
    VX,
    VY,
    VZ,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.functions import arccos, arctan2, exp2, log2

__all__ = ["SKY_NUMBERS", "add_bare", "add_sky", "draw_environment", "find_open", "pass_sky"]

Array = Any
Number = Any  # a float32

AMBIENT, GAIN, GROUND, UP, MAP_CAM, HARMONICS = 0, 3, 4, 8, 11, 20
SKY_NUMBERS = 47

f4: Any = np.float32
U: Any = np.uint64


@kernel
def draw_environment(
    S: Array, pixels: Array, radiance: Array, width: int, lens: Array, map_cam: Array,
    gain: Number, image: Array,
) -> None:  # fmt: skip
    """Shows an environment map as the backdrop.

    Args:
        S: Scratch.
        pixels: ``(N,)`` int32: where.
        radiance: ``(H * W, 3)`` float32, gets it.
        width: Of the picture.
        lens: ``(4,)`` float32: fx, fy, cx, cy; centre coordinates.
        map_cam: ``(3, 3)`` float32, camera frame to the map's.
        gain: Multiplies it.
        image: ``(H', W', 3)`` float32.

    """
    fx, fy, cx, cy = f4(1.0) / lens[0], f4(1.0) / lens[1], lens[2], lens[3]
    m00, m01, m02 = map_cam[0, 0], map_cam[0, 1], map_cam[0, 2]
    m10, m11, m12 = map_cam[1, 0], map_cam[1, 1], map_cam[1, 2]
    m20, m21, m22 = map_cam[2, 0], map_cam[2, 1], map_cam[2, 2]
    for first in range(0, len(pixels), CHUNK):
        n = min(CHUNK, len(pixels) - first)
        for i in range(n):
            p = pixels[first + i]
            y = p // width
            S[PX + U(i)], S[PY + U(i)] = f4(p - y * width), f4(y)
        for i in range(n):
            j = U(i)
            rx, ry = (S[PX + j] - cx) * fx, (S[PY + j] - cy) * fy
            x, y = m00 * rx + m01 * ry + m02, m10 * rx + m11 * ry + m12
            z = m20 * rx + m21 * ry + m22
            S[MAP_U + j] = f4(0.5) - arctan2(y, x) * f4(0.15915494)
            S[MAP_V + j] = arctan2(np.sqrt(x * x + y * y), z) * f4(0.31830989)
            for channel in range(3):
                S[OUT_R + U(channel * CHUNK) + j] = f4(0.0)
        for i in range(n):
            j = U(i)
            _add_map(S, j, image, S[MAP_U + j], S[MAP_V + j], gain)
        for i in range(n):
            j, p = U(i), U(pixels[first + i])
            for channel in range(3):
                radiance[p, U(channel)] = S[OUT_R + U(channel * CHUNK) + j]


@kernel
def find_open(S: Array, n: int, open_share: Array, depth: Array) -> None:
    """The share of the sky that is open, from those of every other pixel at a like depth.

    Args:
        S: Scratch.
        n: Pixels.
        open_share: ``(ceil(H / 2), ceil(W / 2))`` float32.
        depth: Likewise, of the points that these hold for; 0 = nothing.

    """
    height, width = open_share.shape
    step = U(CHUNK)
    for i in range(n):
        j = U(i)
        x, y = S[PX + j] * f4(0.5) - f4(0.25), S[PY + j] * f4(0.5) - f4(0.25)
        xi, yi = int(np.floor(x)), int(np.floor(y))
        S[ACROSS + j], S[DOWN + j] = x - f4(xi), y - f4(yi)
        x0, x1 = U(max(xi, 0)), U(min(xi + 1, width - 1))
        y0, y1 = U(max(yi, 0)), U(min(yi + 1, height - 1))
        S[AROUND + j], S[AROUND + step + j] = depth[y0, x0], depth[y0, x1]
        S[AROUND + U(2) * step + j], S[AROUND + U(3) * step + j] = depth[y1, x0], depth[y1, x1]
        shares = AROUND + U(4) * step + j
        S[shares], S[shares + step] = open_share[y0, x0], open_share[y0, x1]
        S[shares + U(2) * step], S[shares + U(3) * step] = open_share[y1, x0], open_share[y1, x1]
    for i in range(n):
        j = U(i)
        z, across, down = S[DEPTH + j], S[ACROSS + j], S[DOWN + j]
        per_z = f4(1.0) / z
        ga, gb = abs(S[AROUND + j] - z) * per_z, abs(S[AROUND + step + j] - z) * per_z
        gc = abs(S[AROUND + U(2) * step + j] - z) * per_z
        gd = abs(S[AROUND + U(3) * step + j] - z) * per_z
        shares = AROUND + U(4) * step + j
        oa, ob = S[shares], S[shares + step]
        oc, od = S[shares + U(2) * step], S[shares + U(3) * step]
        a = (f4(1.0) - across) * (f4(1.0) - down) * max(f4(1.0) - f4(40.0) * ga, f4(0.0))
        b = across * (f4(1.0) - down) * max(f4(1.0) - f4(40.0) * gb, f4(0.0))
        c = (f4(1.0) - across) * down * max(f4(1.0) - f4(40.0) * gc, f4(0.0))
        d = across * down * max(f4(1.0) - f4(40.0) * gd, f4(0.0))
        weights = a + b + c + d + f4(1e-6)
        # Where all are at another depth, the one at the least different.
        nearest, found = (gb, ob) if gb < ga else (ga, oa)
        found = oc if gc < nearest else found
        nearest = gc if gc < nearest else nearest
        found = od if gd < nearest else found
        among = (a * oa + b * ob + (c * oc + d * od)) / weights
        S[OPEN + j] = among if weights > f4(1e-3) else found


@kernel
def _nine(sky: Array, first: int, step: int) -> Any:
    """Nine of its numbers, which loops then need not read again."""
    return (
        sky[first], sky[first + step], sky[first + 2 * step], sky[first + 3 * step],
        sky[first + 4 * step], sky[first + 5 * step], sky[first + 6 * step], sky[first + 7 * step],
        sky[first + 8 * step],
    )  # fmt: skip


@kernel
def _diffuse(x: Number, y: Number, z: Number, harmonics: Any) -> Number:
    """Radiance of a white diffuse surface by its normal in the frame of the map, from the nine
    harmonics of a colour.
    """
    a, b, c, d, e, f, g, h, k = harmonics
    light = f4(0.282094792) * a + f4(0.488602512) * (y * b + z * c + x * d)
    light += f4(1.092548431) * (x * y * e + y * z * f + x * z * h)
    light += f4(0.315391565) * (f4(3.0) * z * z - f4(1.0)) * g
    light += f4(0.546274215) * (x * x - y * y) * k
    return max(light, f4(0.0))


@kernel
def add_bare(S: Array, n: int, sky: Array, luminance: Array) -> None:
    """Begins rows BARE and RECEIVED: luminance of the sky on a white surface, without and with
    what is in the way.
    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = _nine(sky, MAP_CAM, 1)
    for i in range(n):
        S[BARE + U(i)] = f4(0.0)
    for channel in range(3):
        harmonics, share = _nine(sky, HARMONICS + channel, 3), luminance[channel]
        for i in range(n):
            j = U(i)
            nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
            x = m00 * nx + m01 * ny + m02 * nz
            y = m10 * nx + m11 * ny + m12 * nz
            z = m20 * nx + m21 * ny + m22 * nz
            S[BARE + j] += share * _diffuse(x, y, z, harmonics)
    for i in range(n):
        j = U(i)
        S[RECEIVED + j] = S[BARE + j] * S[OPEN + j]


@kernel
def add_sky(S: Array, n: int, sky: Array, split_sum: Array, mirror: Array, glossy: Array) -> None:
    """Begins rows OUT with the light from all around, diffuse and glossy.

    Args:
        S: Scratch.
        n: Pixels.
        sky: ``(SKY_NUMBERS,)`` float32.
        split_sum: ``(32, 32, 2)`` float32, from `split_sum_table`.
        mirror: ``(h, w, 3)`` float32: reflections of roughness 0.
        glossy: ``(L, h, w, 3)`` float32: of roughness ``k / (L - 1)``; ``(0, ...)``: no map.

    """
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = _nine(sky, MAP_CAM, 1)
    up_x, up_y, up_z, has_ground = sky[UP], sky[UP + 1], sky[UP + 2], sky[GROUND + 3]
    for i in range(n):
        j = U(i)
        nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
        vx, vy, vz = S[VX + j], S[VY + j], S[VZ + j]
        nv = nx * vx + ny * vy + nz * vz
        S[NV + j] = min(max(nv, f4(0.0)), f4(1.0))
        # The view reflected.
        x, y, z = f4(2.0) * nv * nx - vx, f4(2.0) * nv * ny - vy, f4(2.0) * nv * nz - vz
        S[MAP_U + j] = m00 * x + m01 * y + m02 * z
        S[MAP_V + j] = m10 * x + m11 * y + m12 * z
        S[MAP_W + j] = m20 * x + m21 * y + m22 * z
        # Below the horizon the ground is seen, not the map.
        alpha = S[ALPHA + j]
        blur = f4(0.03) + f4(0.6) * alpha
        t = min(max((x * up_x + y * up_y + z * up_z + blur) / (f4(2.0) * blur), f4(0.0)), f4(1.0))
        S[BELOW + j] = has_ground * (f4(1.0) - t * t * (f4(3.0) - f4(2.0) * t))
        open_ = S[OPEN + j]
        power = exp2(f4(-16.0) * np.sqrt(alpha) - f4(1.0))
        glossy_open = exp2(power * log2(max(S[NV + j] + open_, f4(1e-6)))) - f4(1.0) + open_
        S[GLOSSY_OPEN + j] = min(max(glossy_open, f4(0.0)), f4(1.0))
        S[OUT_R + j] = f4(0.0)
        S[OUT_R + U(CHUNK) + j] = f4(0.0)
        S[OUT_R + U(2 * CHUNK) + j] = f4(0.0)
    if len(glossy) > 0:
        _reflections(S, n, sky[GAIN], mirror, glossy)
    _split(S, n, split_sum)
    for channel in range(3):
        out, color = OUT_R + U(channel * CHUNK), CR + U(channel * CHUNK)
        ambient, ground = sky[AMBIENT + channel], sky[GROUND + channel]
        harmonics = _nine(sky, HARMONICS + channel, 3)
        for i in range(n):
            j = U(i)
            nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
            x = m00 * nx + m01 * ny + m02 * nz
            y = m10 * nx + m11 * ny + m12 * nz
            z = m20 * nx + m21 * ny + m22 * nz
            base, metal, open_ = S[color + j], S[METAL + j], S[OPEN + j]
            diffuse = base * (f4(1.0) - metal)
            f0 = f4(0.04) + (base - f4(0.04)) * metal
            seen = S[out + j] + ambient
            seen += (ground - seen) * S[BELOW + j]
            reflected = seen * (f0 * S[SPLIT_A + j] + S[SPLIT_B + j])
            bare = _diffuse(x, y, z, harmonics)
            sent_back = bare * diffuse * _with_bounces(open_, diffuse)
            S[out + j] = sent_back + reflected * _with_bounces(S[GLOSSY_OPEN + j], f0)


@kernel
def pass_sky(S: Array, n: int, sky: Array, translucency: Number) -> None:
    """Moves half of the translucent share of the sky's diffuse light to the other side."""
    m00, m01, m02, m10, m11, m12, m20, m21, m22 = _nine(sky, MAP_CAM, 1)
    for channel in range(3):
        out, color = OUT_R + U(channel * CHUNK), CR + U(channel * CHUNK)
        harmonics = _nine(sky, HARMONICS + channel, 3)
        for i in range(n):
            j = U(i)
            nx, ny, nz = S[NX + j], S[NY + j], S[NZ + j]
            x = m00 * nx + m01 * ny + m02 * nz
            y = m10 * nx + m11 * ny + m12 * nz
            z = m20 * nx + m21 * ny + m22 * nz
            diffuse = S[color + j] * (f4(1.0) - S[METAL + j])
            moved = _diffuse(-x, -y, -z, harmonics) - _diffuse(x, y, z, harmonics)
            moved *= f4(0.5) * translucency * _with_bounces(S[OPEN + j], diffuse)
            S[out + j] += moved * diffuse


@kernel
def _with_bounces(open_: Number, albedo: Number) -> Number:
    """Light that is reflected among the surroundings before it comes: Jimenez et al. 2016."""
    a = f4(2.0404) * albedo - f4(0.3324)
    b = f4(-4.7951) * albedo + f4(0.6417)
    c = f4(2.7552) * albedo + f4(0.6903)
    return max(open_, ((open_ * a + b) * open_ + c) * open_)


@kernel
def _split(S: Array, n: int, table: Array) -> None:
    """How much of a uniform light a glossy surface reflects, between four entries of the table."""
    rows, columns = table.shape[0], table.shape[1]
    for i in range(n):
        j = U(i)
        x = min(max(S[NV + j] * f4(columns) - f4(0.5), f4(0.0)), f4(columns) - f4(1.001))
        y = np.sqrt(S[ALPHA + j]) * f4(rows) - f4(0.5)
        y = min(max(y, f4(0.0)), f4(rows) - f4(1.001))
        xi, yi = U(int(x)), U(int(y))
        across, down, k = x - f4(xi), y - f4(yi), U(1)
        for part in range(2):
            c = U(part)
            top = table[yi, xi, c] + (table[yi, xi + k, c] - table[yi, xi, c]) * across
            low = table[yi + k, xi, c]
            low += (table[yi + k, xi + k, c] - low) * across
            S[SPLIT_A + U(part * CHUNK) + j] = top + (low - top) * down


@kernel
def _reflections(S: Array, n: int, gain: Number, mirror: Array, glossy: Array) -> None:
    """What the map shows in the reflected direction (rows MAP_U to MAP_W, the frame of the map),
    blurred by the roughness.
    """
    levels = len(glossy)
    for i in range(n):
        j = U(i)
        turn = arctan2(S[MAP_V + j], S[MAP_U + j])
        S[MAP_U + j] = f4(0.5) - turn * f4(0.15915494)
        S[MAP_V + j] = arccos(S[MAP_W + j]) * f4(0.31830989)
    for i in range(n):
        j = U(i)
        level = np.sqrt(S[ALPHA + j]) * f4(levels - 1)
        low = min(int(level), levels - 2)
        between = (level - f4(low)) * gain
        u, v = S[MAP_U + j], S[MAP_V + j]
        _add_map(S, j, glossy[U(low + 1)], u, v, between)
        _add_map(S, j, glossy[U(low)] if low > 0 else mirror, u, v, gain - between)


@kernel
def _add_map(S: Array, j: Any, image: Array, u: Number, v: Number, weight: Number) -> None:
    """Adds an equirectangular image at a place, between its four nearest texels."""
    height, width = image.shape[0], image.shape[1]
    x, y = u * f4(width) - f4(0.5), v * f4(height) - f4(0.5)
    xf, yf = np.floor(x), np.floor(y)
    xi, yi, across, down = int(xf), int(yf), x - xf, y - yf
    x0, x1 = U(xi if xi >= 0 else width - 1), U(xi + 1 if xi + 1 < width else 0)
    y0, y1 = U(max(yi, 0)), U(min(yi + 1, height - 1))
    low = down * weight
    top = weight - low
    a, b = top * (f4(1.0) - across), top * across
    c, d = low * (f4(1.0) - across), low * across
    for part in range(3):
        k = U(part)
        value = a * image[y0, x0, k] + b * image[y0, x1, k]
        S[OUT_R + U(part * CHUNK) + j] += value + c * image[y1, x0, k] + d * image[y1, x1, k]
