"""Points spread over a triangle mesh, and how far points are from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

__all__ = ["NearSurface", "farthest_points", "sample_surface", "second_moments"]

Points = NDArray[np.float64]

# Roberts' R2 sequence: the plane's counterpart of the golden ratio.
_R2 = np.array([0.7548776662466927, 0.5698402909980532])
_NEIGHBOURS = 6


def sample_surface(triangles: Points, count: int) -> tuple[Points, NDArray[np.int64]]:
    """``(N, 3)`` points evenly over ``(F, 3, 3)`` triangles, and whose each is; no chance in it."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    ends = np.cumsum(areas) / areas.sum()
    face = np.searchsorted(ends, (np.arange(count) + 0.5) / count)
    face = np.minimum(face, len(triangles) - 1)
    u, v = (((np.arange(count) + 1)[:, None] * _R2) % 1.0).T
    root = np.sqrt(u)
    shares = np.stack([1 - root, root * (1 - v), root * v], axis=1)
    return np.einsum("nk,nkd->nd", shares, triangles[face]), face


def second_moments(triangles: Points) -> tuple[Points, NDArray[np.float64]]:
    """Centroid ``(3,)`` of a surface and ``(3, 3)`` covariance of its area about it; exact."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    weights = areas / areas.sum()
    middle = (a + b + c) / 3
    center = weights @ middle
    corners = triangles - center
    total = corners.sum(axis=1)
    # Of one triangle: (sum of corners x corners + total x total) / 12.
    own = np.einsum("fki,fkj->fij", corners, corners) + np.einsum("fi,fj->fij", total, total)
    return center, np.einsum("f,fij->ij", weights, own) / 12


def farthest_points(points: Points, count: int) -> NDArray[np.int64]:
    """Indices of `count` of ``(N, 3)`` points, each as far from those before as can be.

    The first is the one farthest from the middle of the points' box. Gonzalez, "Clustering to
    minimize the maximum intercluster distance", 1985.
    """
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    chosen = [int(np.argmax(np.linalg.norm(points - middle, axis=1)))]
    away = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(away)))
        away = np.minimum(away, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)


@dataclass(frozen=True, eq=False)
class NearSurface:
    """Distances to a mesh; by the triangles of the nearest of many samples of it.

    Never less than the true distance; more by at most the samples' spacing, where triangles are
    smaller than that.
    """

    triangles: Points
    kinds: NDArray[np.int64]
    _face: NDArray[np.int64]
    _tree: cKDTree
    _apart: float

    @property
    def n_bytes(self) -> int:
        """Memory of its arrays and its tree, whose nodes take about as much as its indices."""
        arrays = (self.triangles, self.kinds, self._face, self._tree.data, self._tree.indices)
        return sum(int(array.nbytes) for array in (*arrays, self._tree.indices))

    @classmethod
    def of(cls, triangles: Points, kinds: NDArray[np.int64], count: int) -> NearSurface:
        """Prepares ``(F, 3, 3)`` triangles.

        Args:
            triangles: All faces of the mesh, three corners each.
            kinds: ``(F,)``: points of one kind are compared with triangles of that kind alone.
            count: How many samples.

        """
        from scipy.spatial import cKDTree  # takes a moment to import

        points, face = sample_surface(triangles, count)
        # A fourth coordinate keeps the kinds apart, farther than any two points are.
        apart = 10.0 * float(np.ptp(points, axis=0).max())
        tree = cKDTree(np.column_stack([points, apart * kinds[face]]))
        return cls(triangles, kinds, face, tree, apart)

    def nearest(self, points: Points, kinds: NDArray[np.int64]) -> Points:
        """``(N, 3)`` points of the surface nearest to ``(N, 3)`` points of these kinds."""
        near, _ = self._candidates(points, kinds)
        best = np.linalg.norm(near - points[:, None], axis=2).argmin(axis=1)
        return np.asarray(near[np.arange(len(points)), best])

    def sided(
        self, points: Points, normals: Points
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``(N,)`` distances of points from the surface, and on which side of it they are.

        Args:
            points: ``(N, 3)``, compared with triangles of kind 0.
            normals: ``(F, 3)`` unit normals of the triangles.

        Returns:
            Distances, and the cosine between the way to a point and the normal of the nearest
            triangle; where several are as near, of the one that it is most in front or behind of.

        """
        near, faces = self._candidates(points, np.zeros(len(points), np.int64))
        ways = points[:, None] - near
        away = np.linalg.norm(ways, axis=2)
        least = away.min(axis=1)
        side = np.einsum("nki,nki->nk", ways, normals[faces])
        side /= np.where(away > 0, away, 1.0)
        # At a shared edge, rounding must not decide which face counts.
        is_near = away <= least[:, None] * (1 + 1e-9) + 1e-15
        best = np.where(is_near, np.abs(side), -1.0).argmax(axis=1)
        return least, side[np.arange(len(points)), best]

    def _candidates(
        self, points: Points, kinds: NDArray[np.int64]
    ) -> tuple[Points, NDArray[np.int64]]:
        """``(N, 6, 3)`` points on the triangles of the nearest samples; ``(N, 6)`` these."""
        _, idx = self._query(points, kinds, _NEIGHBOURS)
        faces = self._face[idx]
        at = np.repeat(points[:, None], _NEIGHBOURS, axis=1).reshape(-1, 3)
        near = _on_triangles(at, self.triangles[faces.ravel()]).reshape(-1, _NEIGHBOURS, 3)
        return near, faces

    def sample_distances(self, points: Points, kinds: NDArray[np.int64]) -> NDArray[np.float64]:
        """``(N,)`` distances to the nearest sample: faster and coarser than `distances`."""
        away, _ = self._query(points, kinds, 1)
        return away

    def _query(
        self, points: Points, kinds: NDArray[np.int64], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        away, idx = self._tree.query(np.column_stack([points, self._apart * kinds]), k=count)
        return np.asarray(away), np.asarray(idx)

    def distances(self, points: Points, kinds: NDArray[np.int64]) -> NDArray[np.float64]:
        """``(N,)`` distances of points from the surface of their kinds."""
        return np.asarray(np.linalg.norm(self.nearest(points, kinds) - points, axis=1))


def _on_triangles(points: Points, triangles: Points) -> Points:
    """Nearest point of a triangle to each point; ``(N, 3)`` and ``(N, 3, 3)``.

    The foot of the perpendicular where that is inside, else the nearest point of the edges.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    normal = np.cross(b - a, c - a)
    square = np.einsum("ij,ij->i", normal, normal)
    high = np.einsum("ij,ij->i", points - a, normal) / np.maximum(square, 1e-300)
    foot = points - high[:, None] * normal
    inside = square > 0
    best: Points = foot
    least: NDArray[np.float64] = np.full(len(points), np.inf)
    for p, q in ((a, b), (b, c), (c, a)):
        edge = q - p
        inside &= np.einsum("ij,ij->i", np.cross(edge, foot - p), normal) >= 0
        t = np.einsum("ij,ij->i", points - p, edge) / np.maximum(
            np.einsum("ij,ij->i", edge, edge), 1e-300
        )
        near = p + np.clip(t, 0.0, 1.0)[:, None] * edge
        away = np.linalg.norm(points - near, axis=1)
        closer = away < least
        best = np.where(closer[:, None], near, best)
        least = np.minimum(least, away)
    return np.asarray(np.where(inside[:, None], foot, best))
