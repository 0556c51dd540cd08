"""Convex hulls of models as their kernels take them, and many of them at their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.kernels.hulls import IN_BALL, first_free
from render.kernels.hulls import are_apart as _are_apart
from render.scene import Model
from render.system.memo import per_model

__all__ = ["CentredHull", "Hull", "PlacedHulls", "are_apart", "centred_hull"]

Points = NDArray[np.float64]

_NO_BALLS = np.zeros((0, 4))
# Farther than rounding moves a point out of its ball, as a share of the ball's radius.
_SLACK = 1e-9


def are_apart(
    points_a: Points, points_b: Points, offset_b: Points, *, clearance: float = 0.0
) -> bool:
    """True if the convex hulls of two point sets are apart by more than `clearance`.

    True is exact up to rounding: a direction was found along which all of b lies beyond
    all of a. False is conservative: the hulls touch or intersect, or lie so close
    together that the search gave up.

    Args:
        points_a: ``(N, 3)``, N >= 1.
        points_b: ``(M, 3)``, M >= 1.
        offset_b: ``(3,)``, added to every point of b.
        clearance: Smallest gap that counts, in the unit of the points; >= 0.

    """
    return bool(_are_apart(points_a, _NO_BALLS, points_b, _NO_BALLS, offset_b, clearance))


@dataclass(frozen=True, eq=False, kw_only=True)
class CentredHull:
    """The convex hull of a model about the centre of its box, object frame.

    Attributes:
        points: ``(N, 3)``.
        order: ``(N,)`` the same points so that neighbours follow each other.
        balls: ``(B, 4)`` centre and radius of each `IN_BALL` points in that order.
        mean: ``(3,)`` of the points.
        radius_m: Of the sphere about the centre that holds it.
        extent_m: Longest side of the box.

    """

    points: Points
    order: NDArray[np.int64]
    balls: Points
    mean: Points
    radius_m: float
    extent_m: float

    def turned(self, points: Points, R: Points) -> Hull:
        """The hull for the search, where `points` are its own points turned by ``(3, 3)`` `R`."""
        balls = np.concatenate([self.balls[:, :3] @ R.T, self.balls[:, 3:]], axis=1)
        return Hull(
            points=points[self.order], balls=balls, mean=R @ self.mean, radius_m=self.radius_m
        )


@per_model
def centred_hull(model: Model) -> CentredHull:
    """The hull of a model and what is looked up of it again and again."""
    from scipy.spatial import cKDTree  # takes a moment to import

    low, high = model.hull_m.min(axis=0), model.hull_m.max(axis=0)
    points = model.hull_m - (low + high) / 2
    order = np.asarray(cKDTree(points).indices, np.int64)
    groups = [points[order[i : i + IN_BALL]] for i in range(0, len(points), IN_BALL)]
    centers = np.array([(g.min(axis=0) + g.max(axis=0)) / 2 for g in groups])
    radii = [np.linalg.norm(g - c, axis=1).max() for g, c in zip(groups, centers)]
    return CentredHull(
        points=points,
        order=order,
        balls=np.column_stack([centers, (1.0 + _SLACK) * np.array(radii)]),
        mean=points.mean(axis=0),
        radius_m=float(np.sqrt(np.einsum("ij,ij->i", points, points).max())),
        extent_m=float((high - low).max()),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Hull:
    """A hull relative to its centre, for the search.

    Attributes:
        points: ``(N, 3)``, neighbours follow each other.
        balls: ``(B, 4)`` centre and radius of each `IN_BALL` points.
        mean: ``(3,)`` of the points.
        radius_m: Of the sphere about the centre that holds it.

    """

    points: Points
    balls: Points
    mean: Points
    radius_m: float


class PlacedHulls:
    """Many hulls at their places, in arrays that grow."""

    def __init__(self) -> None:
        self._n = 0
        self._points, self._balls = np.empty((1024, 3)), np.empty((64, 4))
        self._begins = np.zeros((9, 2), np.int64)
        self._spheres, self._means = np.empty((8, 4)), np.empty((8, 3))

    def __len__(self) -> int:
        return self._n

    def add(self, hull: Hull, scale: float, center: Points) -> None:
        """Adds a hull, its size multiplied by `scale`, its centre at ``(3,)`` `center`."""
        n, (p, q) = self._n, self._begins[self._n]
        p_end, q_end = p + len(hull.points), q + len(hull.balls)
        self._points = _with_room(self._points, p_end)
        self._balls = _with_room(self._balls, q_end)
        self._begins = _with_room(self._begins, n + 2)
        self._spheres = _with_room(self._spheres, n + 1)
        self._means = _with_room(self._means, n + 1)
        np.multiply(hull.points, scale, out=self._points[p:p_end])
        np.multiply(hull.balls, scale, out=self._balls[q:q_end])
        self._begins[n + 1] = p_end, q_end
        self._spheres[n, :3], self._spheres[n, 3] = center, scale * hull.radius_m
        self._means[n] = scale * hull.mean
        self._n += 1

    def first_free(
        self, hull: Hull, scales: Points, centers: Points, begin: int, spacing: float
    ) -> int:
        """The first of ``(T,)`` scales and ``(T, 3)`` centres, from `begin` on, that hits none.

        Spheres are compared first, convex hulls where the spheres meet. T if none is free. The
        gap to others is at least `spacing`, in means of the diameters of the two spheres.
        """
        return int(
            first_free(
                hull.points, hull.balls, hull.mean, hull.radius_m, scales, centers, begin,
                self._points, self._balls, self._begins, self._spheres, self._means, self._n,
                spacing,
            )
        )  # fmt: skip


def _with_room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """The array, or twice as long a one that begins with it, where it has no room for `n`."""
    if n <= len(array):
        return array
    longer = np.empty((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
