"""Circles among the sharp edges of a triangle surface: rims of holes, shafts and discs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.geometry.graphs import components
from render.geometry.welding import weld

__all__ = ["circle_diameters"]

_SHARP_DEG = 30.0
_FEWEST_CORNERS = 8
# Off a circle and off its plane, in radii.
_OFF_CIRCLE, _OFF_PLANE = 2e-3, 1e-2


def circle_diameters(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(N,)`` diameters of the closed sharp edges whose corners lie on one circle, sorted.

    Exact where the corners of the tessellation lie on the true circle, as CAD kernels put them.

    Args:
        points: ``(V, 3)``.
        faces: ``(F, 3)``; two triangles that meet at more than 30 degrees have a sharp edge.

    """
    ids = weld(points)
    positions = np.zeros((int(ids.max()) + 1, 3))
    positions[ids] = points
    edges = _sharp_edges(positions, ids[faces])
    degree = np.bincount(edges.ravel(), minlength=len(positions))
    edges = edges[(degree[edges] == 2).all(axis=1)]  # at a corner three or more meet
    degree = np.bincount(edges.ravel(), minlength=len(positions))
    loop_of = components(edges[:, 0], edges[:, 1], len(positions))
    on_edges = np.unique(edges)
    on_edges = on_edges[np.argsort(loop_of[on_edges], kind="stable")]
    starts = np.flatnonzero(np.diff(loop_of[on_edges])) + 1
    loops = np.split(on_edges, starts)
    closed = (x for x in loops if len(x) >= _FEWEST_CORNERS and (degree[x] == 2).all())
    found = (_diameter(positions[loop]) for loop in closed)
    return np.sort([d for d in found if d is not None])


def _sharp_edges(positions: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """``(E, 2)`` edges of two faces that meet at an angle."""
    a, b, c = (positions[faces[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    face_of = np.repeat(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges, face_of = edges[order], face_of[order]
    pairs = np.flatnonzero((edges[1:] == edges[:-1]).all(axis=1))
    bend = np.einsum("ij,ij->i", normals[face_of[pairs]], normals[face_of[pairs + 1]])
    return np.asarray(edges[pairs[bend < np.cos(np.radians(_SHARP_DEG))]])


def _diameter(corners: NDArray[np.float64]) -> float | None:
    """Of the circle through points, by Kåsa's fit in their plane; None if they lie on none."""
    centred = corners - corners.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    xy = centred @ axes[:2].T
    size = float(np.abs(xy).max())
    table = np.column_stack([2.0 * xy / size, np.ones(len(xy))])
    (x, y, rest), *_ = np.linalg.lstsq(table, (xy**2).sum(axis=1) / size**2, rcond=None)
    radius = size * float(np.sqrt(max(rest + x * x + y * y, 0.0)))
    off = np.abs(np.linalg.norm(xy - size * np.array([x, y]), axis=1) - radius).max()
    if spread[2] > _OFF_PLANE * radius or off > _OFF_CIRCLE * radius:
        return None
    return 2.0 * radius
