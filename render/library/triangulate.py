"""Polygons to triangles that cover the same area, concave ones and ones with keyholes too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["triangulate"]

# Ear clipping is quadratic and more; nothing made by people is larger.
_MAX_CORNERS = 4096


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
    """Twice the signed area of a triangle."""
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
