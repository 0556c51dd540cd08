"""Convex hulls, of flat objects too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

__all__ = ["convex_hull", "hull_centroid", "hull_vertices"]

# Thinner than this share of its length, an object is flat: hulls of rounding noise make no sense.
_FLAT = 1e-9
# Qhull puts a flat face of n corners together in a time of n^2; with more vertices than this it
# moves each point by about 1e-10 of the size instead, which takes n log n.
_MANY = 2000


def hull_vertices(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices, ascending, of points that span the convex hull.

    Of a hull of more than 2000 vertices some may be left out that stand out by less than 1e-9 of
    its size; none that is extreme along an axis.

    Args:
        points: ``(N, 3)``, N >= 3, not all on a line. They may lie in one plane.

    """
    from scipy.spatial import ConvexHull, QhullError  # takes a moment to import

    centred = points - (points.min(axis=0) + points.max(axis=0)) / 2
    axes = _plane_axes(centred)
    try:
        vertices = _vertices(centred) if axes is None else ConvexHull(centred @ axes.T).vertices
    except QhullError:
        return np.arange(len(points))  # all of them span it too
    return np.asarray(np.sort(vertices), dtype=np.int64)


def _vertices(points: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.spatial import ConvexHull

    if len(points) > _MANY:
        moved = ConvexHull(points, qhull_options="QJ").vertices
        if len(moved) > _MANY:
            return np.unique([*moved, *points.argmin(axis=0), *points.argmax(axis=0)])
    return np.asarray(ConvexHull(points).vertices)


def convex_hull(vertices: NDArray[np.float64]) -> ConvexHull | None:
    """The hull of ``(N, 3)`` points that are its vertices; None where they are flat."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        if len(vertices) <= _MANY:
            return ConvexHull(vertices)
        is_flat = _plane_axes(vertices) is not None
        return None if is_flat else ConvexHull(vertices, qhull_options="QJ")
    except QhullError:
        return None


def _plane_axes(points: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """``(2, 3)`` directions of the plane in which all points lie; None where they do not."""
    _, values, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return axes[:2] if values[-1] <= _FLAT * values[0] else None


def hull_centroid(hull: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3,)``: centre of the volume of the convex hull; of a flat one, mean of its vertices."""
    middle = hull.mean(axis=0)
    points = hull - middle
    found = convex_hull(points)
    if found is None:
        return np.asarray(middle)
    corners = points[found.simplices]
    volumes = np.abs(np.linalg.det(corners))
    return np.asarray(middle + volumes @ corners.sum(axis=1) / 4 / volumes.sum())
