"""Convex hulls, of flat objects too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

__all__ = ["hull_centroid", "hull_vertices"]

# Thinner than this share of its length, an object is flat: hulls of rounding noise make no sense.
_FLAT = 1e-9


def hull_vertices(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices, ascending, of points that span the convex hull.

    Args:
        points: ``(N, 3)``, N >= 3, not all on a line. They may lie in one plane.

    """
    centred = points - (points.min(axis=0) + points.max(axis=0)) / 2
    _, values, axes = np.linalg.svd(centred - centred.mean(axis=0), full_matrices=False)
    is_flat = values[-1] <= _FLAT * values[0]
    try:
        hull = ConvexHull(centred @ axes[:2].T if is_flat else centred)
    except QhullError:
        return np.arange(len(points))  # all of them span it too
    return np.asarray(np.sort(hull.vertices), dtype=np.int64)


def hull_centroid(hull: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(3,)``: centre of the volume of the convex hull; of a flat one, mean of its vertices."""
    middle = hull.mean(axis=0)
    points = hull - middle
    try:
        corners = points[ConvexHull(points).simplices]
    except QhullError:
        return np.asarray(middle)
    volumes = np.abs(np.linalg.det(corners))
    return np.asarray(middle + volumes @ corners.sum(axis=1) / 4 / volumes.sum())
