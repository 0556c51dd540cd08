"""Polygons to triangles that cover the same area, concave ones and ones with keyholes too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["triangulate", "triangulate_all"]

# Ear clipping is quadratic and more; nothing made by people is larger.
_MAX_CORNERS = 4096
# Polygons whose corners fit into a core's cache together.
_AT_ONCE = 4096


def triangulate_all(points: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles of many polygons, in their order; as `triangulate`, but fast.

    Args:
        points: ``(N, 3)``, the corners of the polygons, one polygon after the other.
        counts: ``(P,)`` corners of each, all at least 3; their sum is N.

    Returns:
        ``(F, 3)`` rows of `points`.

    """
    if (counts == 3).all():
        return np.arange(3 * len(counts), dtype=np.int64).reshape(-1, 3)
    starts = np.cumsum(counts) - counts
    firsts = np.cumsum(counts - 2) - (counts - 2)
    faces = np.zeros((int((counts - 2).sum()), 3), np.int64)
    for n in np.unique(counts):
        which = np.flatnonzero(counts == n)
        rows = starts[which, None] + np.arange(n)
        fan = np.stack([np.zeros(n - 2), np.arange(1, n - 1), np.arange(2, n)], axis=1)
        local = np.broadcast_to(fan.astype(np.int64), (len(which), n - 2, 3)).copy()
        for begin in range(0, len(which), _AT_ONCE) if n > 3 else ():
            fits = _fan_fits(points[rows[begin : begin + _AT_ONCE]])
            for at in begin + np.flatnonzero(~fits):
                local[at] = triangulate(points[rows[at]])
        faces[firsts[which, None] + np.arange(n - 2)] = starts[which, None, None] + local
    return faces


def _fan_fits(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``(P, N, 3)`` polygons are strictly convex, so that a fan covers them."""
    # Coordinates apart: several times as fast as cross products of rows.
    local = np.ascontiguousarray(np.moveaxis(corners - corners[:, :1], 2, 0))
    after = np.roll(local, -1, axis=2)
    edge = after - local
    normal = _cross_products(local, after).sum(axis=2, keepdims=True)
    fan = _cross_products(local[:, :, 1:-1], local[:, :, 2:])
    turns = _cross_products(edge, np.roll(edge, -1, axis=2))
    fits = [((each * normal).sum(axis=0) > 0).all(axis=1) for each in (fan, turns)]
    return np.asarray(fits[0] & fits[1])


def _cross_products(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cross products of ``(3, ...)`` vectors, whose coordinates lie along the first axis."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                     a[0] * b[1] - a[1] * b[0]])  # fmt: skip


def triangulate(points: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Triangles of a nearly planar polygon, in its own winding.

    Args:
        points: ``(N, 3)``, N >= 3, in order. A hole is reached by a bridge walked twice.

    Returns:
        N - 2 triples of indices into `points`. A polygon that crosses itself gives a
        covering of about its area; one of no area, or of more than 4096 corners, a fan.

    """
    n = len(points)
    if n == 3:
        return [(0, 1, 2)]
    flat = _plane_coordinates(points)
    if flat is None or n > _MAX_CORNERS:
        return [(0, i, i + 1) for i in range(1, n - 1)]
    if n == 4:
        return _quad(flat)
    return _clip_ears(flat)


def _plane_coordinates(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """``(N, 2)`` in the polygon's plane, counter-clockwise; None where it has no area."""
    local = points - points.mean(axis=0)
    # Newell's normal: the vector area of the polygon.
    normal = np.cross(local, np.roll(local, -1, axis=0)).sum(axis=0)
    size = float(np.linalg.norm(normal))
    if not np.isfinite(size) or size <= 1e-14 * float(np.abs(local).max()) ** 2 or size == 0:
        return None
    normal /= size
    x = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    x /= np.linalg.norm(x)
    return np.asarray(local @ np.stack([x, np.cross(normal, x)], axis=1))


def _cross(a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> float:
    """Twice the signed area of a triangle, positive where it runs counter-clockwise."""
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _quad(p: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    if _cross(p[0], p[1], p[2]) > 0 and _cross(p[0], p[2], p[3]) > 0:
        return [(0, 1, 2), (0, 2, 3)]
    return [(0, 1, 3), (1, 2, 3)]


def _clip_ears(p: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    ring = list(range(len(p)))
    triangles: list[tuple[int, int, int]] = []
    while len(ring) > 3:
        at = _find_ear(p, ring)
        triangles.append((ring[at - 1], ring[at], ring[(at + 1) % len(ring)]))
        del ring[at]
    triangles.append((ring[0], ring[1], ring[2]))
    return triangles


def _find_ear(p: NDArray[np.float64], ring: Sequence[int]) -> int:
    """Position in `ring` of a convex corner whose triangle holds no other corner.

    Corners on the rim of the triangle block it at first; where that leaves no ear (a
    keyhole bridge lies on a rim), only corners strictly inside do.
    """
    corners = p[list(ring)]
    before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    u, v = corners - before, after - corners
    areas = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    tiny = 1e-12 * float(np.abs(corners).max()) ** 2
    for margin in (-tiny, tiny):
        for at in np.flatnonzero(areas > tiny):
            tri = (before[at], corners[at], after[at])
            if not _blocked(corners, tri, margin):
                return int(at)
    return int(areas.argmax()) if areas.max() > tiny else int(np.abs(areas).argmin())


def _blocked(
    points: NDArray[np.float64],
    tri: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    margin: float,
) -> bool:
    inside = np.ones(len(points), dtype=bool)
    for i in range(3):
        a, b = tri[i], tri[(i + 1) % 3]
        edge = (b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0])
        # A point that coincides with a corner of the ear does not block it.
        inside &= (edge > margin) & np.any(points != a, axis=1)
    return bool(inside.any())
