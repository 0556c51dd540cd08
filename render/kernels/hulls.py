"""Are convex hulls apart, and at which of several places is one free of others?

Two convex bodies are disjoint if and only if some direction separates them. The search
for it is the Gilbert-Johnson-Keerthi walk (Gilbert, Johnson, Keerthi 1988, "A fast procedure
for computing the distance between complex objects in three-dimensional space"), in its
boolean form: a simplex of points of the difference ``{b - a}`` is grown towards the origin.

The farthest point of a hull is looked for in its balls first: each holds `IN_BALL` points that
follow each other, the last one those that are left. Most balls cannot hold a farther point.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from render.kernels.compiled import kernel

__all__ = ["IN_BALL", "are_apart", "first_free", "pieces_are_apart"]

Array = Any  # of the compiled code; shapes are in the docstrings
Point = tuple[float, float, float]
# How many points of a simplex count, its points with the newest last, and the direction from
# there to the origin; that is no direction where the simplex holds the origin.
Simplex = tuple[int, Point, Point, Point, Point, Point]

IN_BALL = 16
_MAX_STEPS = 40
_NONE = (0.0, 0.0, 0.0)
# Gap kept between hulls, as a share of the smaller radius: far above the rounding of poses,
# far below what can be seen.
_CLEARANCE = 1e-4
# Spheres this much farther apart than their radii are not looked into.
_NEAR = 1.001


@kernel
def are_apart(
    points_a: Array, balls_a: Array, points_b: Array, balls_b: Array, offset_b: Array,
    clearance: float,
) -> bool:  # fmt: skip
    """True if the convex hulls of two point sets are apart by more than `clearance`.

    True is exact up to rounding: a direction was found along which all of b lies beyond
    all of a. False is conservative: the hulls touch or intersect, or lie so close
    together that the search gave up.

    Args:
        points_a: ``(N, 3)`` float64, N >= 1.
        balls_a: ``(B, 4)`` float64: centre and radius; none: all points are looked at.
        points_b: ``(M, 3)`` float64, M >= 1.
        balls_b: Of `points_b`.
        offset_b: ``(3,)`` float64, added to every point of b.
        clearance: Smallest gap that counts, in the unit of the points; >= 0.

    """
    offset = (offset_b[0], offset_b[1], offset_b[2])
    return _apart(
        points_a, balls_a, 1.0, _mean(points_a), points_b, balls_b, _mean(points_b), offset,
        clearance,
    )  # fmt: skip


@kernel
def pieces_are_apart(
    points_a: Array, begins_a: Array, boxes_a: Array, points_b: Array, begins_b: Array,
    boxes_b: Array, clearance: float,
) -> bool:  # fmt: skip
    """True if each convex piece of one body is apart from each of another, as in `are_apart`.

    Args:
        points_a: ``(N, 3)`` float64, of all pieces, one after the other.
        begins_a: ``(P + 1,)`` int64, the first point of each piece, and their number.
        boxes_a: ``(P, 6)`` float64, lowest and highest corner of each.
        points_b: Of the other, in the same frame.
        begins_b: Likewise.
        boxes_b: Likewise.
        clearance: Smallest gap that counts; >= 0.

    """
    none = np.zeros((0, 4))
    for i in range(len(boxes_a)):
        for k in range(len(boxes_b)):
            near = True
            for axis in range(3):
                near &= boxes_a[i, axis] <= boxes_b[k, 3 + axis] + clearance
                near &= boxes_b[k, axis] <= boxes_a[i, 3 + axis] + clearance
            if near:
                a, b = (
                    points_a[begins_a[i] : begins_a[i + 1]],
                    points_b[begins_b[k] : begins_b[k + 1]],
                )
                if not _apart(a, none, 1.0, _mean(a), b, none, _mean(b), _NONE, clearance):
                    return False
    return True


@kernel
def first_free(
    points: Array, balls: Array, mean: Array, radius: float, scales: Array, centers: Array,
    begin: int, others: Array, balls_of_others: Array, begins: Array, spheres: Array,
    means: Array, n: int, spacing: float,
) -> int:  # fmt: skip
    """The first place at which a hull hits none of others.

    Args:
        points: ``(N, 3)`` float64, N >= 1, relative to its centre.
        balls: ``(B, 4)`` float64, of `points`.
        mean: ``(3,)`` float64, of `points`.
        radius: Of the sphere about its centre that holds it.
        scales: ``(T,)`` float64, multiplies its size.
        centers: ``(T, 3)`` float64.
        begin: The first place that counts.
        others: ``(P, 3)`` float64, all points of the others relative to their centres.
        balls_of_others: ``(Q, 4)`` float64.
        begins: ``(at least n + 1, 2)`` int64, the first point and the first ball of each, and the
            ends of the last.
        spheres: ``(at least n, 4)`` float64, centre and radius of each.
        means: ``(at least n, 3)`` float64, of the points of each.
        n: How many others there are.
        spacing: Least gap, in means of the diameters of the two spheres.

    Returns:
        Its index; T if there is none.

    """
    near = np.empty(n, np.int64)
    for place in range(begin, len(scales)):
        scale = scales[place]
        x, y, z = centers[place, 0], centers[place, 1], centers[place, 2]
        n_near, deepest, depth = 0, 0, np.inf
        for i in range(n):
            dx, dy, dz = x - spheres[i, 0], y - spheres[i, 1], z - spheres[i, 2]
            gap = math.sqrt(dx * dx + dy * dy + dz * dz)
            reach = spheres[i, 3] + radius * scale
            if gap <= (_NEAR + spacing) * reach:
                near[n_near] = i
                if gap < depth * reach:
                    deepest, depth = n_near, gap / reach
                n_near += 1
        # The one that it is deepest in the sphere of is the most likely to be hit.
        if n_near:
            near[0], near[deepest] = near[deepest], near[0]
        free = True
        for k in range(n_near):
            i = near[k]
            free = _apart(
                points,
                balls,
                scale,
                (scale * mean[0], scale * mean[1], scale * mean[2]),
                others[begins[i, 0] : begins[i + 1, 0]],
                balls_of_others[begins[i, 1] : begins[i + 1, 1]],
                (means[i, 0], means[i, 1], means[i, 2]),
                (spheres[i, 0] - x, spheres[i, 1] - y, spheres[i, 2] - z),
                max(
                    _CLEARANCE * min(scale * radius, spheres[i, 3]),
                    spacing * (scale * radius + spheres[i, 3]),
                ),
            )
            if not free:
                break
        if free:
            return place
    return len(scales)


@kernel
def _apart(
    points_a: Array, balls_a: Array, scale_a: float, mean_a: Point, points_b: Array,
    balls_b: Array, mean_b: Point, offset: Point, clearance: float,
) -> bool:  # fmt: skip
    """The walk; a is multiplied by `scale_a`, and then has its mean at `mean_a`."""
    d = (
        -(offset[0] + mean_b[0] - mean_a[0]),
        -(offset[1] + mean_b[1] - mean_a[1]),
        -(offset[2] + mean_b[2] - mean_a[2]),
    )
    n, p0, p1, p2, p3 = 0, _NONE, _NONE, _NONE, _NONE
    for _ in range(_MAX_STEPS):
        length = math.sqrt(_dot(d, d))
        if not length > 1e-300:  # the origin lies on the simplex: contact
            return False
        d = (d[0] / length, d[1] / length, d[2] / length)
        a = _farthest(points_a, balls_a, scale_a, (-d[0], -d[1], -d[2]))
        b = _farthest(points_b, balls_b, 1.0, d)
        w = (
            points_b[b, 0] - scale_a * points_a[a, 0] + offset[0],
            points_b[b, 1] - scale_a * points_a[a, 1] + offset[1],
            points_b[b, 2] - scale_a * points_a[a, 2] + offset[2],
        )
        if _dot(w, d) < -clearance:
            return True
        # No progress: closer together than `clearance`.
        if (
            (n >= 1 and w == p3)
            or (n >= 2 and w == p2)
            or (n >= 3 and w == p1)
            or (n >= 4 and w == p0)
        ):
            return False
        if n == 0:
            n, p0, p1, p2, p3, d = 1, _NONE, _NONE, _NONE, w, _neg(w)
        elif n == 1:
            n, p0, p1, p2, p3, d = _of_segment(p3, w)
        elif n == 2:
            n, p0, p1, p2, p3, d = _of_triangle(p2, p3, w)
        else:
            n, p0, p1, p2, p3, d = _of_tetrahedron(p1, p2, p3, w)
    return False


@kernel
def _farthest(points: Array, balls: Array, scale: float, d: Point) -> int:
    """Index of the point that lies farthest along `d`, of points multiplied by `scale`."""
    best, index = -np.inf, 0
    if len(balls) == 0:
        for i in range(len(points)):
            along = _along(points, i, scale, d)
            if along > best:
                best, index = along, i
        return index
    first, reach = 0, -np.inf
    for k in range(len(balls)):
        edge = balls[k, 0] * d[0] + balls[k, 1] * d[1] + balls[k, 2] * d[2] + balls[k, 3]
        if edge > reach:
            reach, first = edge, k
    for i in range(first * IN_BALL, min(first * IN_BALL + IN_BALL, len(points))):
        along = _along(points, i, scale, d)
        if along > best:
            best, index = along, i
    for k in range(len(balls)):
        edge = balls[k, 0] * d[0] + balls[k, 1] * d[1] + balls[k, 2] * d[2] + balls[k, 3]
        if edge * scale >= best and k != first:
            for i in range(k * IN_BALL, min(k * IN_BALL + IN_BALL, len(points))):
                along = _along(points, i, scale, d)
                if along > best:
                    best, index = along, i
    return index


@kernel
def _along(points: Array, i: int, scale: float, d: Point) -> float:
    x, y, z = scale * points[i, 0], scale * points[i, 1], scale * points[i, 2]
    return float(x * d[0] + y * d[1] + z * d[2])


@kernel
def _mean(points: Array) -> Point:
    x, y, z = 0.0, 0.0, 0.0
    for i in range(len(points)):
        x += points[i, 0]
        y += points[i, 1]
        z += points[i, 2]
    n = float(len(points))
    return x / n, y / n, z / n


@kernel
def _of_segment(b: Point, a: Point) -> Simplex:
    """The part of a simplex that faces the origin, which lies on the side of its newest point."""
    ab, ao = _sub(b, a), _neg(a)
    if _dot(ab, ao) > 0:
        return 2, _NONE, _NONE, b, a, _cross(_cross(ab, ao), ab)
    return 1, _NONE, _NONE, _NONE, a, ao


@kernel
def _of_triangle(c: Point, b: Point, a: Point) -> Simplex:
    ab, ac, ao = _sub(b, a), _sub(c, a), _neg(a)
    n = _cross(ab, ac)
    if _dot(_cross(n, ac), ao) > 0:
        if _dot(ac, ao) > 0:
            return 2, _NONE, _NONE, c, a, _cross(_cross(ac, ao), ac)
        return _of_segment(b, a)
    if _dot(_cross(ab, n), ao) > 0:
        return _of_segment(b, a)
    if _dot(n, ao) > 0:
        return 3, _NONE, c, b, a, n
    return 3, _NONE, b, c, a, _neg(n)


@kernel
def _of_tetrahedron(d: Point, c: Point, b: Point, a: Point) -> Simplex:
    ao = _neg(a)
    for k in range(3):
        p = b if k == 0 else (c if k == 1 else d)
        q = c if k == 0 else (d if k == 1 else b)
        opposite = d if k == 0 else (b if k == 1 else c)
        n = _cross(_sub(p, a), _sub(q, a))
        if _dot(n, _sub(opposite, a)) > 0:
            p, q, n = q, p, _neg(n)
        if _dot(n, ao) > 0:
            return _of_triangle(q, p, a)
    return 4, d, c, b, a, _NONE


@kernel
def _dot(u: Point, v: Point) -> float:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


@kernel
def _sub(u: Point, v: Point) -> Point:
    return u[0] - v[0], u[1] - v[1], u[2] - v[2]


@kernel
def _neg(u: Point) -> Point:
    return -u[0], -u[1], -u[2]


@kernel
def _cross(u: Point, v: Point) -> Point:
    return u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
