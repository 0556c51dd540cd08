"""Soft shadows: depth as lights see it, and what of a light arrives at points.

A depth map is flat, row after row; pixels have their centres at whole numbers. It holds metres
from the light's plane, or for a perspective -1 over them: both are linear in the picture, and the
nearer is the less.

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
    COS2,
    COUNT,
    DEPTH,
    FX,
    FY,
    FZ,
    HERE,
    HERE2,
    INDEX,
    LIMIT,
    LISTED,
    LIT,
    LX,
    LY,
    LZ,
    MU,
    MU2,
    MV,
    MV2,
    PX,
    PY,
    RADIUS,
    RADIUS2,
    RISE_U,
    RISE_U2,
    RISE_V,
    RISE_V2,
    RX,
    RY,
    SIN,
    SIN2,
    SUM,
    SUM2,
    THERE,
)  # fmt: skip
from render.kernels.compiled import kernel
from render.kernels.functions import cosine
from render.kernels.rays import alpha_at

__all__ = ["FILTER", "SEARCH", "VIEW_NUMBERS", "cast", "corners_beyond", "draw_cutout_depth"]

Array = Any

MAP_CAM, AXES, NEAR, SOFT, TILE, TEXEL, PERSPECTIVE = 0, 12, 21, 22, 23, 24, 25
VIEW_NUMBERS = 26
# Points of the spirals that look for what is in the way, and that average it.
SEARCH, FILTER = 8, 16
# A map is looked up no nearer to its border than this share of it.
_RIM = 0.002

f4: Any = np.float32
U: Any = np.uint64


@kernel
def cast(S: Array, SI: Array, n: int, view: Array, depth: Array, side: int, spirals: Array) -> None:
    """Row LIT: the share of a light that arrives at each point, from 0 to 1.

    Percentage-closer soft shadows (Fernando 2005): what is in the way is averaged first, and
    tells how wide to look.

    Args:
        S, SI: Scratch, with what `arrive` found.
        n: Pixels.
        view: ``(VIEW_NUMBERS,)`` float32.
        depth: ``(side * side,)`` float32: the map.
        side: Its pixels.
        spirals: ``(SEARCH + FILTER, 2)`` float32: points of the unit disc.

    """
    is_perspective = view[PERSPECTIVE] > f4(0.5)
    _aim(S, n, view, side, is_perspective)
    low, high = f4(_RIM) * f4(side), f4(1.0 - _RIM) * f4(side)
    for k in range(SEARCH):
        sx, sy = spirals[k, 0], spirals[k, 1]
        for i in range(n):
            j = U(i)
            ox, oy = sx * S[COS + j] - sy * S[SIN + j], sy * S[COS + j] + sx * S[SIN + j]
            x = min(max(S[MU + j] + ox * S[RADIUS + j], low), high)
            y = min(max(S[MV + j] + oy * S[RADIUS + j], low), high)
            SI[INDEX + j] = np.int32(y) * np.int32(side) + np.int32(x)
            S[LIMIT + j] = S[HERE + j] + S[RISE_U + j] * ox + S[RISE_V + j] * oy
        _read(S, SI, n, depth, is_perspective)
        for i in range(n):
            j = U(i)
            there = S[THERE + j]
            is_before = there < S[LIMIT + j]
            S[SUM + j] += there if is_before else f4(0.0)
            S[COUNT + j] += f4(1.0) if is_before else f4(0.0)
    m: Any = np.int64(
        0
    )  # a literal would have what is called with it compiled for literals as well
    for i in range(n):
        j = U(i)
        S[LIT + j] = f4(1.0)
        SI[LISTED + U(m)] = i
        m += S[COUNT + j] > f4(0.5)
    if m == 0:
        return
    _narrow(S, SI, m, view, is_perspective)
    for k in range(SEARCH, SEARCH + FILTER):
        sx, sy = spirals[k, 0], spirals[k, 1]
        for i in range(m):
            j = U(i)
            ox, oy = sx * S[COS2 + j] - sy * S[SIN2 + j], sy * S[COS2 + j] + sx * S[SIN2 + j]
            x = min(max(S[MU2 + j] + ox * S[RADIUS2 + j], low), high)
            y = min(max(S[MV2 + j] + oy * S[RADIUS2 + j], low), high)
            SI[INDEX + j] = np.int32(y) * np.int32(side) + np.int32(x)
            S[LIMIT + j] = S[HERE2 + j] + S[RISE_U2 + j] * ox + S[RISE_V2 + j] * oy
        _read(S, SI, m, depth, is_perspective)
        for i in range(m):
            j = U(i)
            S[SUM2 + j] += f4(0.0) if S[THERE + j] < S[LIMIT + j] else f4(1.0)
    for i in range(m):
        S[LIT + U(SI[LISTED + U(i)])] = S[SUM2 + U(i)] * f4(1.0 / FILTER)


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
        # Nothing is before minus infinity: surfaces that face away are dark by themselves, and
        # what the map does not show is lit.
        towards = nx * S[LX + j] + ny * S[LY + j] + nz * S[LZ + j]
        is_seen = (towards > f4(0.0)) & (here > near)
        is_seen &= (u >= f4(0.0)) & (u <= size) & (v >= f4(0.0)) & (v <= size)
        S[MU + j], S[MV + j] = u if is_seen else f4(0.0), v if is_seen else f4(0.0)
        S[HERE + j] = here - bias if is_seen else f4(-1e30)
        S[BIAS + j], S[RADIUS + j] = bias, radius / texel if is_seen else f4(1.0)
        S[RISE_U + j] = rise_u * radius if is_seen else f4(0.0)
        S[RISE_V + j] = rise_v * radius if is_seen else f4(0.0)
        S[COS + j], S[SIN + j] = cosine(turn), cosine(turn - f4(1.57079633))
        S[SUM + j], S[COUNT + j] = f4(0.0), f4(0.0)


@kernel
def _narrow(S: Array, SI: Array, m: int, view: Array, is_perspective: bool) -> None:
    """Of the listed points, the spiral as wide as the penumbra, all in rows of their own."""
    soft, tile_, texel_ = view[SOFT], view[TILE], view[TEXEL]
    for i in range(m):
        t, j = U(i), U(SI[LISTED + U(i)])
        here = S[HERE + j] + S[BIAS + j]
        blocker = S[SUM + j] / S[COUNT + j]
        gap = max(here - blocker, f4(0.0))
        per_metre = here if is_perspective else f4(1.0)
        wide = soft * gap / blocker if is_perspective else soft * gap
        texel = texel_ * per_metre
        radius = min(max(wide, f4(1.2) * texel), f4(0.12) * tile_ * per_metre) / texel
        narrower = radius / S[RADIUS + j]
        S[MU2 + t], S[MV2 + t], S[HERE2 + t] = S[MU + j], S[MV + j], S[HERE + j]
        S[RISE_U2 + t], S[RISE_V2 + t] = S[RISE_U + j] * narrower, S[RISE_V + j] * narrower
        S[RADIUS2 + t], S[COS2 + t], S[SIN2 + t] = radius, S[COS + j], S[SIN + j]
        S[SUM2 + t] = f4(0.0)


@kernel
def _read(S: Array, SI: Array, n: int, depth: Array, is_perspective: bool) -> None:
    for i in range(n):
        S[THERE + U(i)] = depth[U(SI[INDEX + U(i)])]
    if is_perspective:
        for i in range(n):
            S[THERE + U(i)] = f4(-1.0) / S[THERE + U(i)]


@kernel
def corners_beyond(
    points: Array, M: Array, faces: Array, begin: int, end: int, near: float, lens: Array,
    corners: Array, sources: Array, shares: Array,
) -> int:  # fmt: skip
    """What of some faces lies beyond the near plane of a perspective, as faces of their own.

    Args:
        points: ``(3, V)`` float64.
        M: ``(4, 4)`` float64, to the frame of the view.
        faces: ``(F, 3)`` int32.
        begin, end: The first face, and one past the last.
        near: Depth of the plane, > 0.
        lens: ``(4,)`` float64: fx, fy, cx, cy.
        corners: ``(6 * (end - begin), 3)`` float64, gets u, v and -1 over the depth of each
            corner; three make a face.
        sources: ``(2 * (end - begin),)`` int32, gets the face that each is of.
        shares: ``(6 * (end - begin), 2)`` float64, gets the weights of the second and third
            corner of that face at each corner.

    Returns:
        How many faces they are.

    """
    n_faces = 0
    at, kept = np.empty((3, 3)), np.empty((4, 5))
    for f in range(begin, end):
        for k in range(3):
            v = faces[f, k]
            for row in range(3):
                at[k, row] = M[row, 3]
                for axis in range(3):
                    at[k, row] += M[row, axis] * points[axis, v]
        n = 0
        for k in range(3):
            after = (k + 1) % 3
            here, there = at[k, 2], at[after, 2]
            if here >= near:
                for row in range(3):
                    kept[n, row] = at[k, row]
                kept[n, 3], kept[n, 4] = 1.0 if k == 1 else 0.0, 1.0 if k == 2 else 0.0
                n += 1
            if (here >= near) != (there >= near):
                share = (near - here) / (there - here)
                for row in range(2):
                    kept[n, row] = at[k, row] + share * (at[after, row] - at[k, row])
                kept[n, 2] = near
                for corner in range(1, 3):
                    own, other = 1.0 if k == corner else 0.0, 1.0 if after == corner else 0.0
                    kept[n, 2 + corner] = own + share * (other - own)
                n += 1
        for k in range(1, n - 1):
            sources[n_faces] = f
            for corner in range(3):
                q = 0 if corner == 0 else k + corner - 1
                to, inverse = 3 * n_faces + corner, 1.0 / kept[q, 2]
                corners[to, 0] = lens[0] * kept[q, 0] * inverse + lens[2]
                corners[to, 1] = lens[1] * kept[q, 1] * inverse + lens[3]
                corners[to, 2] = -inverse
                shares[to, 0], shares[to, 1] = kept[q, 3], kept[q, 4]
            n_faces += 1
    return n_faces


@kernel
def draw_cutout_depth(
    corners: Array, sources: Array, shares: Array, n_faces: int, is_perspective: bool,
    faces: Array, vertices: Array, colors: Array, image: Array, wrap_s: int, wrap_t: int,
    factor: float, cutoff: float, culls: bool, depth: Array, side: int,
) -> None:  # fmt: skip
    """Draws faces of a material that is cut out by its alpha into a depth map.

    Args:
        corners, sources, shares, n_faces: As `corners_beyond` makes them; without a perspective
            the third value of a corner is its depth.
        is_perspective: Textures follow the perspective.
        faces, vertices, colors: Of the mesh.
        image, wrap_s, wrap_t: Of the texture; see `alpha_at`.
        factor: Alpha of the material.
        cutoff: Alpha below that is not there.
        culls: Faces that look away are left out.
        depth: ``(side * side,)`` float32.
        side: Pixels of the map.

    """
    for k in range(n_faces):
        a, b, c, f = 3 * k, 3 * k + 1, 3 * k + 2, sources[k]
        ua, va, wa = corners[a, 0], corners[a, 1], corners[a, 2]
        ub, vb, wb = corners[b, 0], corners[b, 1], corners[b, 2]
        uc, vc, wc = corners[c, 0], corners[c, 1], corners[c, 2]
        area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
        if not (area < 0.0 or (area > 0.0 and not culls)):
            continue
        x0, x1 = max(np.ceil(min(ua, ub, uc)), 0.0), min(np.floor(max(ua, ub, uc)), side - 1.0)
        y0, y1 = max(np.ceil(min(va, vb, vc)), 0.0), min(np.floor(max(va, vb, vc)), side - 1.0)
        if not (x0 <= x1 and y0 <= y1):
            continue
        ia, ib, ic = faces[f, 0], faces[f, 1], faces[f, 2]
        b_x, b_y = (vc - va) / area, (ua - uc) / area
        c_x, c_y = (va - vb) / area, (ub - ua) / area
        for y in range(int(y0), int(y1) + 1):
            row_b, row_c = (y - va) * b_y - ua * b_x, (y - va) * c_y - ua * c_x
            for x in range(int(x0), int(x1) + 1):
                s_b, s_c = row_b + x * b_x, row_c + x * c_x
                s_a = 1.0 - s_b - s_c
                if s_a < 0.0 or s_b < 0.0 or s_c < 0.0:
                    continue
                w = s_a * wa + s_b * wb + s_c * wc
                if not w < depth[y * side + x]:
                    continue
                if is_perspective:
                    s_a, s_b, s_c = s_a * wa / w, s_b * wb / w, s_c * wc / w
                of_b = s_a * shares[a, 0] + s_b * shares[b, 0] + s_c * shares[c, 0]
                of_c = s_a * shares[a, 1] + s_b * shares[b, 1] + s_c * shares[c, 1]
                of_a = 1.0 - of_b - of_c
                u = of_a * vertices[ia, 6] + of_b * vertices[ib, 6] + of_c * vertices[ic, 6]
                v = of_a * vertices[ia, 7] + of_b * vertices[ib, 7] + of_c * vertices[ic, 7]
                alpha = factor
                if len(colors) > 0:
                    alpha *= of_a * colors[ia, 3] + of_b * colors[ib, 3] + of_c * colors[ic, 3]
                if alpha_at(image, wrap_s, wrap_t, u, v) * alpha >= cutoff:
                    depth[y * side + x] = w
