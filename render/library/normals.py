"""Normals for surfaces that have none: smooth over gentle bends, split at creases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from render.geometry.graphs import components
from render.geometry.welding import weld

__all__ = ["crease_normals"]

# Between the facets of coarse CAD roundings (up to 30 degrees) and chamfers (45).
_CREASE_DEG = 40.0


def crease_normals(
    points: NDArray[np.float64], faces: NDArray[np.int64], alike: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Vertices split, and joined, so that each carries one normal.

    Corners of neighbouring triangles share a normal where the triangles meet at less
    than 40 degrees along an edge that joins exactly two of them. A shared normal is
    the mean of the triangles' normals weighted by the angle at the corner (Thuermer and
    Wuethrich 1998). Neighbours are found by position.

    Args:
        points: ``(V, 3)``.
        faces: ``(F, 3)``, none degenerate.
        alike: ``(V,)`` one number for the vertices that equal each other in all but their
            normals; these are joined where the normals are equal too.

    Returns:
        For each new vertex the old one, ``(W,)``; the faces in new vertices; unit normals
        ``(W, 3)``.

    """
    normals, angles = _normals_and_angles(points, faces)
    group = _smooth_groups(weld(points)[faces], normals)
    weighted = angles.reshape(-1, 1) * np.repeat(normals, 3, axis=0)
    sums = np.stack([np.bincount(group, weights=w) for w in weighted.T], axis=1)
    keys = group * (int(alike.max()) + 1) + alike[faces].ravel()
    _, first, new = np.unique(keys, return_index=True, return_inverse=True)
    sums = sums[group[first]]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    # Triangles folded back on each other may cancel out: any of their normals will do.
    flat = lengths[:, 0] < 1e-9
    sums[flat], lengths[flat] = normals[first[flat] // 3], 1.0
    return faces.ravel()[first], new.reshape(-1, 3), sums / lengths


def _normals_and_angles(
    points: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit normals ``(F, 3)`` and the angle at each corner ``(F, 3)``, radians."""
    corners = points[faces]
    edges = corners[:, [1, 2, 0]] - corners
    cross = np.cross(edges[:, 0], edges[:, 1])
    area = np.linalg.norm(cross, axis=1)
    back = edges[:, [2, 0, 1]]
    dots = -np.einsum("fij,fij->fi", edges, back)
    return cross / area[:, None], np.arctan2(area[:, None], dots)


def _smooth_groups(welded: NDArray[np.int64], normals: NDArray[np.float64]) -> NDArray[np.int64]:
    """``(3F,)``: number of the smoothing group of each corner."""
    n_corners = welded.size
    start, end = welded.ravel(), welded[:, [1, 2, 0]].ravel()
    keys = np.minimum(start, end) * (int(welded.max()) + 1) + np.maximum(start, end)
    order = np.argsort(keys, kind="stable")
    _, where, counts = np.unique(keys[order], return_index=True, return_counts=True)
    pairs = where[counts == 2]
    one, two = order[pairs], order[pairs + 1]  # numbers of half edges: corner 3f + k to the next
    cosine = np.einsum("ij,ij->i", normals[one // 3], normals[two // 3])
    smooth = cosine > math.cos(math.radians(_CREASE_DEG))
    one, two = one[smooth], two[smooth]
    # Neighbours that wind alike walk the edge in opposite directions.
    same = start[one] == start[two]
    one_end, two_end = _next(one), _next(two)
    rows = np.concatenate([one, one_end])
    columns = np.concatenate([np.where(same, two, two_end), np.where(same, two_end, two)])
    return components(rows, columns, n_corners).astype(np.int64)


def _next(corner: NDArray[np.int64]) -> NDArray[np.int64]:
    return corner // 3 * 3 + (corner + 1) % 3
