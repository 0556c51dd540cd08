"""Are two convex hulls apart? Answered with a certificate.

Two convex bodies are disjoint if and only if some direction separates them. The search
for it is the Gilbert-Johnson-Keerthi walk (Gilbert, Johnson, Keerthi 1988, "A fast procedure
for computing the distance between complex objects in three-dimensional space"), in its
boolean form: a simplex of points of the difference ``{b - a}`` is grown towards the origin.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["are_apart"]

Point = tuple[float, float, float]
Simplex = tuple[Point, ...]

_MAX_STEPS = 40


def are_apart(
    points_a: NDArray[np.float64],
    points_b: NDArray[np.float64],
    offset_b: NDArray[np.float64],
    *,
    clearance: float = 0.0,
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
    ox, oy, oz = (float(v) for v in offset_b)

    def farthest(d: Point) -> Point:
        direction = np.array(d)
        a = points_a[(points_a @ direction).argmin()].tolist()
        b = points_b[(points_b @ direction).argmax()].tolist()
        return b[0] - a[0] + ox, b[1] - a[1] + oy, b[2] - a[2] + oz

    start = offset_b + points_b.mean(axis=0) - points_a.mean(axis=0)
    d: Point | None = _unit((-float(start[0]), -float(start[1]), -float(start[2])))
    simplex: Simplex = ()
    for _ in range(_MAX_STEPS):
        if d is None:  # the origin lies on the simplex: contact
            return False
        w = farthest(d)
        if _dot(w, d) < -clearance:
            return True
        if w in simplex:  # no progress: closer together than `clearance`
            return False
        simplex, towards_origin = _reduce((*simplex, w))
        d = None if towards_origin is None else _unit(towards_origin)
    return False


def _reduce(simplex: Simplex) -> tuple[Simplex, Point | None]:
    """The part of the simplex that faces the origin, and the direction to it.

    The newest point comes last, and the origin is known to lie on its side. The
    direction is None when the simplex holds the origin.
    """
    if len(simplex) == 1:
        return simplex, _neg(simplex[0])
    if len(simplex) == 2:
        return _reduce_segment(*simplex)
    if len(simplex) == 3:
        return _reduce_triangle(*simplex)
    return _reduce_tetrahedron(*simplex)


def _reduce_segment(b: Point, a: Point) -> tuple[Simplex, Point | None]:
    ab, ao = _sub(b, a), _neg(a)
    if _dot(ab, ao) > 0:
        return (b, a), _cross(_cross(ab, ao), ab)
    return (a,), ao


def _reduce_triangle(c: Point, b: Point, a: Point) -> tuple[Simplex, Point | None]:
    ab, ac, ao = _sub(b, a), _sub(c, a), _neg(a)
    n = _cross(ab, ac)
    if _dot(_cross(n, ac), ao) > 0:
        if _dot(ac, ao) > 0:
            return (c, a), _cross(_cross(ac, ao), ac)
        return _reduce_segment(b, a)
    if _dot(_cross(ab, n), ao) > 0:
        return _reduce_segment(b, a)
    if _dot(n, ao) > 0:
        return (c, b, a), n
    return (b, c, a), _neg(n)


def _reduce_tetrahedron(d: Point, c: Point, b: Point, a: Point) -> tuple[Simplex, Point | None]:
    ao = _neg(a)
    for p, q, opposite in ((b, c, d), (c, d, b), (d, b, c)):
        n = _cross(_sub(p, a), _sub(q, a))
        if _dot(n, _sub(opposite, a)) > 0:
            p, q, n = q, p, _neg(n)
        if _dot(n, ao) > 0:
            return _reduce_triangle(q, p, a)
    return (d, c, b, a), None


def _unit(v: Point) -> Point | None:
    length = math.sqrt(_dot(v, v))
    return (v[0] / length, v[1] / length, v[2] / length) if length > 1e-300 else None


def _dot(u: Point, v: Point) -> float:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _sub(u: Point, v: Point) -> Point:
    return u[0] - v[0], u[1] - v[1], u[2] - v[2]


def _neg(u: Point) -> Point:
    return -u[0], -u[1], -u[2]


def _cross(u: Point, v: Point) -> Point:
    return u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
