"""Fewer triangles for the same surface, with a bound on how far it moves.

A vertex goes by moving onto a neighbour: of the *star* of faces about it two vanish, and the others
become a *fan* that begins at the neighbour. Star and fan are looked at along the mean normal of the
star; a vertex only moves where both cover the same polygon once, so that each point of one lies
above or below one point of the other. Heights between them change linearly but for the lines of
both; so the greatest is that at the vertex, or where an edge of the star crosses one of the fan.

Each face has an error: what its points moved, at most, over all steps. The faces of a fan get the
largest of their star plus that greatest height. So each point of the simplified surface lies within
the error of its face of a point of the original, and each point of the original within the largest
error of one of the simplified surface. Nothing tears, closes, vanishes or turns over. What has no
whole star, on borders and where surfaces meet, stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["collapse_some", "sort_corners"]

Array = Any  # of the compiled code; shapes are in the docstrings

# Vertices: may be tried; cannot move unless something about them does; moved, or had a neighbour
# that did, in this round.
OPEN, STUCK, MOVED = 0, 1, 2
# Faces of the largest star that is looked at.
_MOST = 12
# Twice a face's area over its longest edge squared, as seen along the mean normal, is above this.
_THINNEST = 0.05
_ROUNDING = 1e-9  # shares
_TOO_FAR = 1e300


@kernel
def sort_corners(faces: Array, starts: Array, corners: Array) -> None:
    """Lists the corners of faces by their vertices.

    Args:
        faces: ``(F, 3)`` int32.
        starts: ``(V + 2,)`` int64, gets where each vertex begins in `corners`; the last is unused.
        corners: ``(3 F,)`` int64, gets three times the face plus the corner.

    """
    for v in range(len(starts)):
        starts[v] = 0
    for f in range(len(faces)):
        for k in range(3):
            starts[faces[f, k] + 2] += 1
    for v in range(2, len(starts)):
        starts[v] += starts[v - 1]
    for f in range(len(faces)):
        for k in range(3):
            at = faces[f, k] + 1
            corners[starts[at]] = 3 * f + k
            starts[at] += 1


@kernel
def collapse_some(
    points: Array, faces: Array, errors: Array, starts: Array, corners: Array, states: Array,
    most: float,
) -> int:  # fmt: skip
    """Moves vertices whose stars have no face in common, the first ones first.

    Args:
        points: ``(V, 3)`` float64.
        faces: ``(F, 3)`` int32; those that vanish get -1 as their first vertex.
        errors: ``(F,)`` float64.
        starts, corners: From `sort_corners`.
        states: ``(V,)`` uint8: `OPEN` or `STUCK`, kept from round to round.
        most: No error becomes larger.

    Returns:
        How many vertices moved.

    """
    ring, star = np.empty(_MOST, np.int32), np.empty(_MOST, np.int32)
    at = np.empty((_MOST, 3))
    moved = 0
    for v in range(len(points)):
        if states[v] != OPEN:
            continue
        states[v] = STUCK
        n = _ring_of(faces, starts, corners, v, ring, star)
        before = 0.0
        for i in range(n):
            before = max(before, errors[star[i]])
        if n == 0 or before >= most or not _flatten(points, v, ring, n, at):
            continue
        to, rise = _neighbour(at, n, most - before)
        if to < 0:
            continue
        states[v] = MOVED
        for i in range(n):
            states[ring[i]] = MOVED
        for i in range(n - 2):
            f = star[i]
            faces[f, 0], errors[f] = ring[to], before + rise
            faces[f, 1], faces[f, 2] = ring[(to + i + 1) % n], ring[(to + i + 2) % n]
        faces[star[n - 2], 0], faces[star[n - 1], 0] = -1, -1
        moved += 1
    for v in range(len(states)):
        if states[v] == MOVED:
            states[v] = OPEN
    return moved


@kernel
def _ring_of(
    faces: Array, starts: Array, corners: Array, v: int, ring: Array, star: Array
) -> int:  # fmt: skip
    """The neighbours of a vertex, turning left, and the faces before them; 0: not once around."""
    begin, end = starts[v], starts[v + 1]
    n = end - begin
    if n < 3 or n > _MOST:
        return 0
    f, k = corners[begin] // 3, corners[begin] % 3
    ring[0], star[0], after = faces[f, (k + 1) % 3], f, faces[f, (k + 2) % 3]
    for i in range(1, n):
        found, then = -1, after
        for q in range(begin + 1, end):
            f, k = corners[q] // 3, corners[q] % 3
            if faces[f, (k + 1) % 3] == after:
                if found >= 0:
                    return 0
                found, then = f, faces[f, (k + 2) % 3]
        if found < 0:
            return 0
        for q in range(i):
            if ring[q] == after:
                return 0
        ring[i], star[i], after = after, found, then
    return n if after == ring[0] else 0


@kernel
def _flatten(points: Array, v: int, ring: Array, n: int, at: Array) -> bool:
    """The ring as seen along the mean normal of the star, from its vertex: x, y and height.

    False where the star does not cover its polygon once, each face turning left.
    """
    x, y, z = points[v, 0], points[v, 1], points[v, 2]
    nx, ny, nz = 0.0, 0.0, 0.0
    for i in range(n):
        a, b = ring[i], ring[(i + 1) % n]
        ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
        bx, by, bz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        nx, ny, nz = nx + ay * bz - az * by, ny + az * bx - ax * bz, nz + ax * by - ay * bx
    length = np.sqrt(nx * nx + ny * ny + nz * nz)
    if not length > 0.0:
        return False
    nx, ny, nz = nx / length, ny / length, nz / length
    # Across the normal and the axis that is farthest from it.
    if abs(nx) <= abs(ny) and abs(nx) <= abs(nz):
        tx, ty, tz = 0.0, -nz, ny
    elif abs(ny) <= abs(nz):
        tx, ty, tz = nz, 0.0, -nx
    else:
        tx, ty, tz = -ny, nx, 0.0
    length = np.sqrt(tx * tx + ty * ty + tz * tz)
    tx, ty, tz = tx / length, ty / length, tz / length
    sx, sy, sz = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx
    for i in range(n):
        a = ring[i]
        ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
        at[i, 0] = tx * ax + ty * ay + tz * az
        at[i, 1] = sx * ax + sy * ay + sz * az
        at[i, 2] = nx * ax + ny * ay + nz * az
    turns = 0
    for i in range(n):
        j = (i + 1) % n
        if not at[i, 0] * at[j, 1] - at[i, 1] * at[j, 0] > 0.0:
            return False
        turns += (at[i, 1] < 0.0) & (at[j, 1] >= 0.0)
    return turns == 1


@kernel
def _neighbour(at: Array, n: int, most: float) -> tuple[int, float]:
    """Where a vertex moves with the least height between star and fan, and that; -1: nowhere."""
    best, least = -1, most
    for to in range(n):
        is_wide = True
        for i in range(1, n - 1):
            a, b = (to + i) % n, (to + i + 1) % n
            ax, ay = at[a, 0] - at[to, 0], at[a, 1] - at[to, 1]
            bx, by = at[b, 0] - at[to, 0], at[b, 1] - at[to, 1]
            cx, cy = bx - ax, by - ay
            longest = max(ax * ax + ay * ay, max(bx * bx + by * by, cx * cx + cy * cy))
            is_wide &= ax * by - ay * bx > _THINNEST * longest
        if not is_wide:
            continue
        rise = _rise_at_vertex(at, n, to)
        if rise < least or (best < 0 and rise <= least):
            rise = max(rise, _rise_at_crossings(at, n, to))
            if rise < least or (best < 0 and rise <= least):
                best, least = to, rise
    return best, least


@kernel
def _rise_at_vertex(at: Array, n: int, to: int) -> float:
    """The height of the fan that begins at a neighbour over the vertex of the star."""
    x, y, h = at[to, 0], at[to, 1], at[to, 2]
    rise, is_in = 0.0, False
    for i in range(1, n - 1):
        a, b = (to + i) % n, (to + i + 1) % n
        ax, ay, bx, by = at[a, 0] - x, at[a, 1] - y, at[b, 0] - x, at[b, 1] - y
        area = ax * by - ay * bx
        of_a, of_b = (y * bx - x * by) / area, (x * ay - y * ax) / area
        if of_a >= -_ROUNDING and of_b >= -_ROUNDING:
            is_in = True
            rise = max(rise, abs(h + of_a * (at[a, 2] - h) + of_b * (at[b, 2] - h)))
    return rise if is_in else _TOO_FAR


@kernel
def _rise_at_crossings(at: Array, n: int, to: int) -> float:
    """The greatest height between edges of the star and of the fan where they cross."""
    x, y, h = at[to, 0], at[to, 1], at[to, 2]
    rise = 0.0
    for d in range(2, n - 1):
        end = (to + d) % n
        dx, dy, dh = at[end, 0] - x, at[end, 1] - y, at[end, 2] - h
        for i in range(1, n):
            q = (to + i) % n
            qx, qy = at[q, 0], at[q, 1]
            across = qx * dy - qy * dx
            of_q, of_d = (x * dy - y * dx) / across, (x * qy - y * qx) / across
            crosses = (of_q > -_ROUNDING) & (of_q < 1.0 + _ROUNDING)
            crosses &= (of_d > -_ROUNDING) & (of_d < 1.0 + _ROUNDING)
            if crosses and q != end:
                rise = max(rise, abs(of_q * at[q, 2] - (h + of_d * dh)))
    return rise
