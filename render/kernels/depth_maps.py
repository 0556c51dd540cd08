"""Depth as lights see it: maps, which are emptied and looked at only where something was drawn.

A depth map is flat, row after row; pixels have their centres at whole numbers. It holds metres
from the light's plane, or for a perspective -1 over them: both are linear in the picture, and the
nearer is the less; where nothing is, `NOTHING`.

Beside it lies a bound of each block of `BLOCK` by `BLOCK` pixels, than which nothing in the block
is nearer, and then of larger blocks, each level's twice as wide as those of the one before:
``(LEVELS, blocks * blocks)``, row after row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel
from render.kernels.raster import box_of, edges_of, plane_of, span
from render.kernels.rays import alpha_at

__all__ = [
    "BLOCK", "BLOCK_SHIFT", "LEVELS", "NOTHING", "blocks_of", "clear_map", "corners_beyond",
    "draw_cutout_depth", "draw_depth", "gather_nearest",
]  # fmt: skip

Array = Any

NOTHING = 1e30
BLOCK_SHIFT, LEVELS = 4, 7
BLOCK = 1 << BLOCK_SHIFT

f4: Any = np.float32
U: Any = np.uint64


@kernel
def blocks_of(side: int) -> int:
    """How many blocks lie side by side in a map."""
    return (side + BLOCK - 1) // BLOCK


@kernel
def clear_map(depth: Array, nearest: Array, side: int) -> None:
    """Empties what was drawn into a map; the rest of it is empty already.

    Args:
        depth: ``(side * side,)`` float32.
        nearest: ``(LEVELS, blocks * blocks)`` float32 of it, emptied as well.
        side: Pixels.

    """
    blocks = blocks_of(side)
    for row in range(blocks):
        for column in range(blocks):
            if nearest[0, row * blocks + column] == f4(NOTHING):
                continue
            x0, x1 = column * BLOCK, min((column + 1) * BLOCK, side)
            for y in range(row * BLOCK, min((row + 1) * BLOCK, side)):
                for x in range(x0, x1):
                    depth[U(y * side + x)] = f4(NOTHING)
    nearest[:] = f4(NOTHING)


@kernel
def gather_nearest(nearest: Array, side: int) -> None:
    """Works out the larger blocks: each level's are twice as wide as those of the one before.

    Args:
        nearest: ``(LEVELS, blocks * blocks)`` float32; the first level is there.
        side: Pixels of the map.

    """
    blocks = blocks_of(side)
    count = blocks
    for level in range(1, LEVELS):
        finer, own = nearest[level - 1], nearest[level]
        for row in range(count):
            for column in range(count):
                to = row // 2 * blocks + column // 2
                own[to] = min(own[to], finer[row * blocks + column])
        count = (count + 1) // 2


@kernel
def draw_depth(
    faces: Array, listed: Array, n: int, at: Array, depth: Array, nearest: Array, side: int
) -> None:
    """Draws faces into a depth map.

    Args:
        faces: ``(F, 3)`` int32.
        listed: ``(n,)`` int32: which of them, from `faces_in`.
        n: How many.
        at: ``(V, 3)`` float64: u, v, the value.
        depth: ``(side * side,)`` float32.
        nearest: ``(blocks * blocks,)`` float32: the first level of its bounds.
        side: Pixels of the map.

    """
    for k in range(n):
        f = listed[k]
        a, b, c = U(faces[f, 0]), U(faces[f, 1]), U(faces[f, 2])
        ua, ub, uc = at[a, 0], at[b, 0], at[c, 0]
        va, vb, vc = at[a, 1], at[b, 1], at[c, 1]
        wa, wb, wc = at[a, 2], at[b, 2], at[c, 2]
        edges = edges_of(ua, va, ub, vb, uc, vc)
        x_low, x_high, y_low, y_high = box_of(ua, va, ub, vb, uc, vc, 0, 0, side, side)
        along_u, along_v, low, high = plane_of(ua, va, wa, ub, vb, wb, uc, vc, wc)
        step, least, most = f4(along_u), f4(low), f4(high)
        _bound(nearest, side, x_low, y_low, x_high, y_high, least)
        for y in range(y_low, y_high + 1):
            x0, x1 = span(y, ua, va, ub, vb, uc, vc, edges, x_low, x_high)
            if x0 > x1:
                continue
            pixel = U(y * side + x0)
            start = f4(wa + along_u * (x0 - ua) + along_v * (y - va))
            for x in range(U(x1 - x0 + 1)):
                w = min(max(start + step * f4(x), least), most)
                depth[pixel + x] = min(depth[pixel + x], w)


@kernel
def _bound(
    nearest: Array, side: int, x_low: float, y_low: int, x_high: float, y_high: int, least: float
) -> None:  # fmt: skip
    """Lowers the bounds of the blocks that a face lies in."""
    blocks = blocks_of(side)
    for row in range(y_low // BLOCK, y_high // BLOCK + 1):
        for column in range(int(x_low) // BLOCK, int(x_high) // BLOCK + 1):
            block = U(row * blocks + column)
            nearest[block] = min(nearest[block], least)


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
    factor: float, cutoff: float, culls: bool, depth: Array, nearest: Array, side: int,
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
        depth, nearest, side: As for `draw_depth`.

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
        _bound(nearest, side, x0, int(y0), x1, int(y1), f4(min(wa, wb, wc)))
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
