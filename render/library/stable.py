"""In which poses an object comes to rest on a table, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from render.geometry.graphs import components
from render.library.hull import convex_hull

if TYPE_CHECKING:
    from scipy.spatial import ConvexHull

__all__ = ["stable_poses"]

_MAX_POSES = 64
_MIN_PROB = 1e-3
_SAME_PLANE = 1e-6  # 1 - cosine between triangles of one facet of the hull: 0.08 degrees


def stable_poses(
    hull: NDArray[np.float64], centroid: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotations ``R_world_obj`` at rest on the plane z = const, most likely first.

    The object is let down without spin in an orientation that is uniform over SO(3). It
    first meets the plane with the facet of its hull in whose solid angle, seen from the
    centre of mass, the vertical lies; from there it topples over the edge that the
    centre of mass overhangs most, until it overhangs none (Goldberg et al. 1999, "Part pose
    statistics", quasi-static). Exact in that model; friction, bounce and rolling
    beyond one edge at a time are left out.

    Args:
        hull: ``(N, 3)`` vertices that span the convex hull; may be flat.
        centroid: ``(3,)`` centre of mass.

    Returns:
        ``(P, 3, 3)`` and ``(P,)`` probabilities that sum to 1: the most likely 64, of those
        that have at least a share of 0.001 (the one most likely, if none has).

    """
    points = hull - centroid
    found = convex_hull(points)
    if found is None:
        return _flat_poses(points)
    facets = _Facets(points, found)
    probs = np.zeros(facets.count)
    np.add.at(probs, facets.resting(), facets.solid_angles)
    order = np.argsort(-probs, kind="stable")[:_MAX_POSES]
    likely = order[probs[order] >= _MIN_PROB * probs.sum()]
    likely = likely if len(likely) else order[:1]
    poses = np.stack([_down(n) for n in facets.normals[likely]])
    return poses, probs[likely] / probs[likely].sum()


class _Facets:
    """Facets of a convex hull about the centre of mass."""

    def __init__(self, points: NDArray[np.float64], hull: ConvexHull) -> None:
        triangles, neighbours = hull.simplices, hull.neighbors
        normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
        rows = np.repeat(np.arange(len(triangles)), 3)
        columns = neighbours.ravel()
        cosine = np.einsum("ij,ij->i", normals[rows], normals[columns])
        flush = cosine > 1 - _SAME_PLANE
        facet = components(rows[flush], columns[flush], len(triangles))
        self.count, self.facet = int(facet.max()) + 1, facet
        # The largest triangle has the plane of its facet best.
        largest = np.argsort(-_areas(points[triangles]), kind="stable")
        first = largest[np.unique(facet[largest], return_index=True)[1]]
        self.normals: NDArray[np.float64] = normals[first]
        self.heights: NDArray[np.float64] = -offsets[first]
        self.solid_angles = np.zeros(self.count)
        np.add.at(self.solid_angles, facet, np.abs(_solid_angles(points[triangles])))
        border = facet[rows] != facet[columns]
        self._edge_facet, self._edge_other = facet[rows[border]], facet[columns[border]]
        self._overhang = self._overhangs(points, triangles, border)

    def resting(self) -> NDArray[np.int64]:
        """``(count,)``: the facet on which the object comes to rest from each facet."""
        worst = np.full(self.count, 0.0)
        onto = np.arange(self.count, dtype=np.int64)
        scale = float(np.abs(self.heights).max())
        for a, b, overhang in zip(self._edge_facet, self._edge_other, self._overhang):
            # Toppling lowers the centre of mass: what does not is rounding.
            lower = self.heights[b] < self.heights[a] - 1e-12 * scale
            if overhang > max(worst[a], 1e-9 * scale) and lower:
                worst[a], onto[a] = overhang, b
        for facet in np.argsort(self.heights, kind="stable"):
            onto[facet] = onto[onto[facet]]
        return onto

    def _overhangs(
        self, points: NDArray[np.float64], triangles: NDArray[np.int64], border: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """How far the centre of mass lies beyond each edge between facets, seen from above."""
        # Edge k of a triangle lies opposite its vertex k, towards its neighbour k.
        opposite = points[triangles].reshape(-1, 3)[border]
        start = points[triangles[:, [1, 2, 0]]].reshape(-1, 3)[border]
        end = points[triangles[:, [2, 0, 1]]].reshape(-1, 3)[border]
        across = np.cross(end - start, self.normals[self._edge_facet])
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)
        inward = np.einsum("ij,ij->i", opposite - start, across)
        outward = across * np.where(inward > 0, -1.0, 1.0)[:, None]
        return np.asarray(-np.einsum("ij,ij->i", start, outward))


def _areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(F,)`` areas of triangles ``(F, 3, 3)``."""
    edges = corners[:, 1:] - corners[:, :1]
    return np.asarray(np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2)


def _solid_angles(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(F,)`` signed solid angles, steradians, of triangles ``(F, 3, 3)`` seen from the origin.

    By A. van Oosterom and J. Strackee, "The solid angle of a plane triangle", 1983.
    """
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    top = np.einsum("ij,ij->i", a, np.cross(b, c))
    dot_ab, dot_bc, dot_ca = (np.einsum("ij,ij->i", u, v) for u, v in ((a, b), (b, c), (c, a)))
    return np.asarray(2 * np.arctan2(top, la * lb * lc + dot_ab * lc + dot_bc * la + dot_ca * lb))


def _flat_poses(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two poses of a flat sheet, on either side, equally likely."""
    normal = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][2]
    return np.stack([_down(normal), _down(-normal)]), np.array([0.5, 0.5])


def _down(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """A rotation that takes a unit vector to world -Z."""
    z = -normal
    x = np.cross(np.eye(3)[int(np.abs(z).argmin())], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])
