"""Soft shadows: what of a light arrives at points, by depth as lights see it (`depth_maps.py`).

Numbers of a view of a light, float32: `MAP_CAM` (3 x 4 row by row, camera frame to pixels of the
map and metres from the light's plane; for a perspective pixels times metres), `AXES` (3 x 3,
camera frame to the light's), `NEAR`, `SOFT` (width of the penumbra over the gap, or of the light
in metres), `TILE` and `TEXEL` (widths: metres, or metres at one metre), `PERSPECTIVE` (1: it is
one).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.chunks import (
    BIAS,
    COS,
    COUNT,
    DEPTH,
    FX,
    FY,
    FZ,
    HERE,
    INDEX,
    LIMIT,
    LISTED,
    LIT,
    LX,
    LY,
    LZ,
    MU,
    MV,
    PX,
    PY,
    RADIUS,
    RISE_U,
    RISE_V,
    RX,
    RY,
    SIN,
    SUM,
    THERE,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.depth_maps import BLOCK, BLOCK_SHIFT, NOTHING, blocks_of
from render.kernels.functions import cosine

__all__ = ["FILTER", "SEARCH", "VIEW_NUMBERS", "cast"]

Array = Any
Number = Any  # a float32

MAP_CAM, AXES, NEAR, SOFT, TILE, TEXEL, PERSPECTIVE = 0, 12, 21, 22, 23, 24, 25
VIEW_NUMBERS = 26
# Points of the spirals that look for what is in the way, and that average it.
SEARCH, FILTER = 8, 16
# A map is looked up no nearer to its border than this share of it.
_RIM = 0.002
# Of an unseen point, before which nothing is.
_UNSEEN = -1e30

f4: Any = np.float32
U: Any = np.uint64


@kernel
def cast(
    S: Array, SI: Array, n: int, view: Array, depth: Array, nearest: Array, side: int,
    spirals: Array,
) -> None:  # fmt: skip
    """Row LIT: the share of a light that arrives at each point, from 0 to 1.

    Percentage-closer soft shadows (Fernando 2005): what is in the way is averaged first, and
    tells how wide to look.

    Args:
        S, SI: Scratch, with what `arrive` found.
        n: Pixels.
        view: ``(VIEW_NUMBERS,)`` float32.
        depth: ``(side * side,)`` float32: the map.
        nearest: ``(LEVELS, blocks * blocks)`` float32: nothing in a block of it is nearer.
        side: Its pixels.
        spirals: ``(SEARCH + FILTER, 2)`` float32: points of the unit disc.

    """
    is_perspective = view[PERSPECTIVE] > f4(0.5)
    _aim(S, n, view, side, is_perspective)
    m = _leave_lit(S, SI, n, nearest, side, is_perspective)
    for k in range(SEARCH):
        _look(S, SI, m, spirals[k, 0], spirals[k, 1], depth, side, is_perspective)
        for i in range(m):
            j = U(i)
            there = S[THERE + j]
            is_before = there < S[LIMIT + j]
            S[SUM + j] += there if is_before else f4(0.0)
            S[COUNT + j] += f4(1.0) if is_before else f4(0.0)
    m = _narrow(S, SI, m, view, is_perspective)
    for k in range(SEARCH, SEARCH + FILTER):
        _look(S, SI, m, spirals[k, 0], spirals[k, 1], depth, side, is_perspective)
        for i in range(m):
            j = U(i)
            S[SUM + j] += f4(0.0) if S[THERE + j] < S[LIMIT + j] else f4(1.0)
    for i in range(m):
        S[LIT + U(SI[LISTED + U(i)])] = S[SUM + U(i)] * f4(1.0 / FILTER)


@kernel
def _aim(S: Array, n: int, view: Array, side: int, is_perspective: bool) -> None:
    """Where each point lies in the map, how the surface rises there, and how wide to search."""
    a00, a01, a02, a03 = view[0], view[1], view[2], view[3]
    a10, a11, a12, a13 = view[4], view[5], view[6], view[7]
    a20, a21, a22, a23 = view[8], view[9], view[10], view[11]
    r00, r01, r02, r10, r11 = view[12], view[13], view[14], view[15], view[16]
    r12, r20, r21, r22 = view[17], view[18], view[19], view[20]
    near, soft, tile_, texel_ = view[NEAR], view[SOFT], view[TILE], view[TEXEL]
    size = f4(side)
    for i in range(n):
        j = U(i)
        z = S[DEPTH + j]
        x, y = S[RX + j] * z, S[RY + j] * z
        u, v = a00 * x + a01 * y + a02 * z + a03, a10 * x + a11 * y + a12 * z + a13
        here = a20 * x + a21 * y + a22 * z + a23
        per_metre = here if is_perspective else f4(1.0)
        u, v = u / per_metre, v / per_metre
        tile, texel = tile_ * per_metre, texel_ * per_metre
        # The plane of the surface continued: a slanted surface does not shade itself.
        nx, ny, nz = S[FX + j], S[FY + j], S[FZ + j]
        ax, ay = r00 * nx + r01 * ny + r02 * nz, r10 * nx + r11 * ny + r12 * nz
        az = r20 * nx + r21 * ny + r22 * nz
        if is_perspective:
            az += (ax * (u - f4(0.5) * size) + ay * (v - f4(0.5) * size)) * texel_
        per_az = f4(-1.0) / min(az, f4(-0.12))
        rise_u, rise_v = ax * per_az, ay * per_az
        bias = texel * (f4(0.7) + f4(0.7) * np.sqrt(rise_u * rise_u + rise_v * rise_v))
        reach = soft * (here - near)
        reach = reach / near if is_perspective else reach
        radius = min(max(reach, f4(1.2) * texel), f4(0.12) * tile)
        # Interleaved gradient noise, Jimenez 2014.
        turn = (S[PX + j] + f4(0.5)) * f4(0.06711056) + (S[PY + j] + f4(0.5)) * f4(0.00583715)
        turn = f4(52.9829189) * (turn - np.floor(turn))
        turn = f4(6.2831853) * (turn - np.floor(turn))
        # Surfaces that face away are dark by themselves, and what the map does not show is lit.
        towards = nx * S[LX + j] + ny * S[LY + j] + nz * S[LZ + j]
        is_seen = (towards > f4(0.0)) & (here > near)
        is_seen &= (u >= f4(0.0)) & (u <= size) & (v >= f4(0.0)) & (v <= size)
        S[MU + j], S[MV + j] = u if is_seen else f4(0.0), v if is_seen else f4(0.0)
        S[HERE + j] = here - bias if is_seen else f4(_UNSEEN)
        S[BIAS + j], S[RADIUS + j] = bias, radius / texel if is_seen else f4(1.0)
        S[RISE_U + j] = rise_u * radius if is_seen else f4(0.0)
        S[RISE_V + j] = rise_v * radius if is_seen else f4(0.0)
        S[COS + j], S[SIN + j] = cosine(turn), cosine(turn - f4(1.57079633))


@kernel
def _leave_lit(
    S: Array, SI: Array, n: int, nearest: Array, side: int, is_perspective: bool
) -> int:  # fmt: skip
    """Sets row LIT to 1, and lists the points that something may be in the way of: all others
    are before whatever the search would look up.
    """
    low, high = f4(_RIM) * f4(side), f4(1.0 - _RIM) * f4(side)
    blocks = blocks_of(side)
    m = 0
    for i in range(n):
        j = U(i)
        S[LIT + j] = f4(1.0)
        here, radius = S[HERE + j], S[RADIUS + j]
        if here == f4(_UNSEEN):
            continue
        level, width = 0, f4(BLOCK)
        while width < f4(2.0) * radius:
            level, width = level + 1, f4(2.0) * width
        shift = BLOCK_SHIFT + level
        u, v = S[MU + j], S[MV + j]
        x0, x1 = int(max(u - radius, low)) >> shift, int(min(u + radius, high)) >> shift
        y0, y1 = int(max(v - radius, low)) >> shift, int(min(v + radius, high)) >> shift
        of_level = nearest[U(level)]
        least = min(of_level[U(y0 * blocks + x0)], of_level[U(y0 * blocks + x1)])
        least = min(least, of_level[U(y1 * blocks + x0)])
        least = min(least, of_level[U(y1 * blocks + x1)])
        rise_u, rise_v = S[RISE_U + j], S[RISE_V + j]
        # The spiral ends a little before the disc; the last term is more than sums are rounded by.
        limit = here + np.sqrt(rise_u * rise_u + rise_v * rise_v) + f4(5e-7) * here
        if not _metres(least, is_perspective) < limit:
            continue
        to = U(m)
        SI[LISTED + to] = i
        S[MU + to], S[MV + to], S[HERE + to], S[BIAS + to] = u, v, here, S[BIAS + j]
        S[RISE_U + to], S[RISE_V + to], S[RADIUS + to] = rise_u, rise_v, radius
        S[COS + to], S[SIN + to] = S[COS + j], S[SIN + j]
        S[SUM + to], S[COUNT + to] = f4(0.0), f4(0.0)
        m += 1
    return m


@kernel
def _narrow(S: Array, SI: Array, m: int, view: Array, is_perspective: bool) -> int:
    """Leaves out what nothing was found in the way of; makes the others' spiral as wide as the
    penumbra.
    """
    soft, tile_, texel_ = view[SOFT], view[TILE], view[TEXEL]
    left = 0
    for i in range(m):
        j, to = U(i), U(left)
        if not S[COUNT + j] > f4(0.5):
            continue
        here = S[HERE + j] + S[BIAS + j]
        blocker = S[SUM + j] / S[COUNT + j]
        gap = max(here - blocker, f4(0.0))
        per_metre = here if is_perspective else f4(1.0)
        wide = soft * gap / blocker if is_perspective else soft * gap
        texel = texel_ * per_metre
        radius = min(max(wide, f4(1.2) * texel), f4(0.12) * tile_ * per_metre) / texel
        narrower = radius / S[RADIUS + j]
        SI[LISTED + to] = SI[LISTED + j]
        S[MU + to], S[MV + to], S[HERE + to] = S[MU + j], S[MV + j], S[HERE + j]
        S[RISE_U + to], S[RISE_V + to] = S[RISE_U + j] * narrower, S[RISE_V + j] * narrower
        S[RADIUS + to], S[COS + to], S[SIN + to] = radius, S[COS + j], S[SIN + j]
        S[SUM + to] = f4(0.0)
        left += 1
    return left


@kernel
def _look(
    S: Array, SI: Array, n: int, sx: Number, sy: Number, depth: Array, side: int,
    is_perspective: bool,
) -> None:  # fmt: skip
    """Rows THERE and LIMIT: what the map shows at a point of the spiral, and what is before it."""
    low, high = f4(_RIM) * f4(side), f4(1.0 - _RIM) * f4(side)
    for i in range(n):
        j = U(i)
        ox, oy = sx * S[COS + j] - sy * S[SIN + j], sy * S[COS + j] + sx * S[SIN + j]
        x = min(max(S[MU + j] + ox * S[RADIUS + j], low), high)
        y = min(max(S[MV + j] + oy * S[RADIUS + j], low), high)
        SI[INDEX + j] = np.int32(y) * np.int32(side) + np.int32(x)
        S[LIMIT + j] = S[HERE + j] + S[RISE_U + j] * ox + S[RISE_V + j] * oy
    for i in range(n):
        S[THERE + U(i)] = depth[U(SI[INDEX + U(i)])]
    if is_perspective:
        for i in range(n):
            S[THERE + U(i)] = _metres(S[THERE + U(i)], is_perspective)


@kernel
def _metres(value: Number, is_perspective: bool) -> Number:
    """From the light's plane, of a value of the map."""
    return f4(-1.0) / min(value, f4(-1.0 / NOTHING)) if is_perspective else value
