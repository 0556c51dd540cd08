"""Rays through pixel centres against plain triangles, float64, both sides, near to far.

A triangle is hit where the ray's direction lies on one side of all three planes through the
eye and an edge. The planes of a shared edge are exact opposites in floating point, so no ray
slips between neighbours. Rows and columns are centre coordinates (0, 0 = centre of the
top-left pixel), the camera frame is x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Cutout", "Rays", "Triangles"]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Arrays = tuple[NDArray[np.generic], ...]

_WRAPS = {"repeat": 0, "clamp": 1, "mirror": 2}


@dataclass(frozen=True, eq=False, kw_only=True)
class Cutout:
    """Where a surface has holes: filtered alpha times the factors below the cutoff.

    Attributes:
        alpha: ``(H, W)`` uint8, row 0 at t = 0.
        wrap_st: ``repeat``, ``clamp`` or ``mirror`` along s and t.

    """

    alpha: NDArray[np.uint8]
    wrap_st: tuple[str, str]
    factor: float
    cutoff: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Triangles:
    """Triangles of any number of objects, one after the other.

    Attributes:
        corners_cam: ``(T, 3, 3)`` float64, triangle by corner by axis.
        owner: ``(T,)`` int32, what a ray that hits it sees.
        cutout: ``(T,)`` int32 index into `cutouts`, -1 for solid.
        st: ``(T, 3, 2)`` texture coordinates, t = 0 at the first row.
        alpha: ``(T, 3)`` of the corners.

    """

    corners_cam: NDArray[np.float64]
    owner: NDArray[np.int32]
    cutout: NDArray[np.int32]
    st: NDArray[np.float64]
    alpha: NDArray[np.float64]
    cutouts: tuple[Cutout, ...] = ()


class Rays:
    """Triangles seen by one camera."""

    def __init__(
        self, triangles: Triangles, K: NDArray[np.float64], *, near_m: float, far_m: float
    ) -> None:
        self.triangles = triangles
        self._K = np.asarray(K, np.float64)
        self._range_m = (near_m, far_m)
        a, b, c = (triangles.corners_cam[:, i] for i in range(3))
        # Planes through the eye and an edge, opposite corner inside; and the triangle's own.
        self._planes = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=1)
        self._normals = np.cross(b - a, c - a)
        self._offsets = np.einsum("ij,ij->i", self._normals, a)
        self.boxes = _boxes(triangles.corners_cam, self._K, near_m)
        self._cutouts = _packed(triangles.cutouts)
        # What several engines are compared with is cast once.
        self._images: dict[tuple[object, ...], tuple[NDArray[np.int32], NDArray[np.float64]]] = {}

    def image(
        self, x0: int, y0: int, size_wh: tuple[int, int], among: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """``(h, w)`` owner (-1 = none) and depth (0 = none) of a window of pixels.

        At equal depth the first triangle wins.

        Args:
            x0: Column of the window's first pixel, also outside the image.
            y0: Row, likewise.
            size_wh: Size of the window, pixels.
            among: Indices of the triangles that exist; all by default.

        """
        key = (x0, y0, size_wh, None if among is None else among.tobytes())
        if key not in self._images:
            self._images[key] = self._image(x0, y0, size_wh, among)
        return self._images[key]

    def _image(
        self, x0: int, y0: int, size_wh: tuple[int, int], among: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        w, h = size_wh
        columns = (x0 + np.arange(w) - self._K[0, 2]) / self._K[0, 0]
        rows = (y0 + np.arange(h) - self._K[1, 2]) / self._K[1, 1]
        every = np.arange(len(self.triangles.owner)) if among is None else among
        low = np.clip(np.floor(self.boxes[:, :2]) - 1 - (x0, y0), 0, (w, h)).astype(np.int64)
        high = np.clip(np.ceil(self.boxes[:, 2:]) + 2 - (x0, y0), 0, (w, h)).astype(np.int64)
        ids, depth = np.full((h, w), -1, np.int32), np.full((h, w), np.inf)
        _cast_image(every, low, high, columns, rows, self._arrays(), self._range_m, ids, depth)
        return ids, np.where(ids < 0, 0.0, depth)

    def near(self, u: float, v: float, radius_px: float) -> NDArray[np.int64]:
        """Triangles whose box comes within a distance of a point."""
        x0, y0, x1, y1 = self.boxes.T
        r = radius_px + 1e-6
        return np.flatnonzero((x0 <= u + r) & (x1 >= u - r) & (y0 <= v + r) & (y1 >= v - r))

    def points(
        self, uv: NDArray[np.float64], among: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """``(N,)`` owner and depth seen at ``(N, 2)`` points among some triangles."""
        xy = (uv - self._K[:2, 2]) / np.diag(self._K)[:2]
        ids, depth = np.full(len(uv), -1, np.int32), np.full(len(uv), np.inf)
        _cast_points(among, xy, self._arrays(), self._range_m, ids, depth)
        return ids, np.where(ids < 0, 0.0, depth)

    def pierced(
        self, u: float, v: float, among: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Owners and depths of all surfaces on one ray, unsorted."""
        x, y = (np.array([u, v]) - self._K[:2, 2]) / np.diag(self._K)[:2]
        depth = np.array([_hit(t, x, y, self._arrays(), self._range_m) for t in among])
        hit = np.flatnonzero(depth < np.inf) if len(depth) else np.zeros(0, np.int64)
        return self.triangles.owner[among[hit]], depth[hit]

    def _arrays(self) -> Arrays:
        t = self.triangles
        mesh = (self._planes, self._normals, self._offsets, t.owner, t.cutout, t.st, t.alpha)
        return (*mesh, *self._cutouts)


def _boxes(
    corners: NDArray[np.float64], K: NDArray[np.float64], near_m: float
) -> NDArray[np.float64]:
    """``(T, 4)`` x0 y0 x1 y1 of the projected part beyond the near plane; empty: inf to -inf."""
    beyond = corners[:, :, 2] >= near_m
    points, valid = [corners], [beyond]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p, q = corners[:, i], corners[:, j]
        crosses = beyond[:, i] != beyond[:, j]
        rise = np.where(crosses, q[:, 2] - p[:, 2], 1.0)
        share = ((near_m - p[:, 2]) / rise)[:, None]
        points.append((p + share * (q - p))[:, None])
        valid.append(crosses[:, None])
    xyz, ok = np.concatenate(points, axis=1), np.concatenate(valid, axis=1)
    z = np.where(ok, xyz[:, :, 2], 1.0)
    u = xyz[:, :, 0] / z * K[0, 0] + K[0, 2]
    v = xyz[:, :, 1] / z * K[1, 1] + K[1, 2]
    low = [np.where(ok, a, np.inf).min(axis=1) for a in (u, v)]
    high = [np.where(ok, a, -np.inf).max(axis=1) for a in (u, v)]
    return np.stack([*low, *high], axis=1)


def _packed(cutouts: tuple[Cutout, ...]) -> Arrays:
    """All images end to end, with a row of whole numbers and a row of factors for each."""
    layout = np.zeros((max(len(cutouts), 1), 5), np.int64)
    factors = np.ones((max(len(cutouts), 1), 2))
    start = 0
    for i, cutout in enumerate(cutouts):
        h, w = cutout.alpha.shape
        layout[i] = (start, h, w, _WRAPS[cutout.wrap_st[0]], _WRAPS[cutout.wrap_st[1]])
        factors[i] = (cutout.factor, cutout.cutoff)
        start += h * w
    texels = [c.alpha.ravel() for c in cutouts] or [np.zeros(1, np.uint8)]
    return np.concatenate(texels), layout, factors


@njit(cache=True)
def _texel(index: int, size: int, wrap: int) -> int:
    """A texel's index inside the image, by OpenGL 4.1, section 3.9.9 (wrap modes)."""
    if wrap == 0:
        return index % size
    if wrap == 1:
        return min(max(index, 0), size - 1)
    turned = index % (2 * size)
    return turned if turned < size else 2 * size - 1 - turned


@njit(cache=True)
def _alpha_at(s: float, t: float, texels: Bytes, layout: Ints) -> float:
    """Bilinear sample of the full-size image, 0 to 1."""
    start, h, w = layout[0], layout[1], layout[2]
    x, y = s * w - 0.5, t * h - 0.5
    i, j = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - i, y - j
    i0, i1 = _texel(i, w, layout[3]), _texel(i + 1, w, layout[3])
    j0, j1 = _texel(j, h, layout[4]), _texel(j + 1, h, layout[4])
    top = (1 - fx) * texels[start + j0 * w + i0] + fx * texels[start + j0 * w + i1]
    low = (1 - fx) * texels[start + j1 * w + i0] + fx * texels[start + j1 * w + i1]
    return ((1 - fy) * top + fy * low) / 255.0


@njit(cache=True)
def _hit(t: int, x: float, y: float, arrays: Arrays, range_m: tuple[float, float]) -> float:
    """Depth at which the ray (x, y, 1) meets triangle t; inf if it does not."""
    planes, normals, offsets, _, cutout, st, alpha, texels, layout, factors = arrays
    p = planes[t]
    a = p[0, 0] * x + p[0, 1] * y + p[0, 2]
    b = p[1, 0] * x + p[1, 1] * y + p[1, 2]
    c = p[2, 0] * x + p[2, 1] * y + p[2, 2]
    if not ((a >= 0 and b >= 0 and c >= 0) or (a <= 0 and b <= 0 and c <= 0)):
        return np.inf
    n = normals[t]
    along = n[0] * x + n[1] * y + n[2]
    total = a + b + c
    if along == 0 or total == 0:
        return np.inf
    depth = offsets[t] / along
    if not range_m[0] <= depth <= range_m[1]:
        return np.inf
    k = cutout[t]
    if k >= 0:
        a, b, c = a / total, b / total, c / total
        s = a * st[t, 0, 0] + b * st[t, 1, 0] + c * st[t, 2, 0]
        v = a * st[t, 0, 1] + b * st[t, 1, 1] + c * st[t, 2, 1]
        corner = a * alpha[t, 0] + b * alpha[t, 1] + c * alpha[t, 2]
        if _alpha_at(s, v, texels, layout[k]) * factors[k, 0] * corner < factors[k, 1]:
            return np.inf
    return depth


@njit(cache=True)
def _span(
    planes: Floats, sign: float, y: float, columns: Floats, low: int, high: int
) -> tuple[int, int]:
    """Columns of a row that may lie on one side of all three planes, and a few more."""
    if high - low < 4:
        return low, high if sign > 0 else low
    x0, x1 = columns[low], columns[high - 1]
    step = columns[1] - columns[0]
    first, last = x0, x1
    for k in range(3):
        slope, rest = sign * planes[k, 0], sign * (planes[k, 1] * y + planes[k, 2])
        off = 2.0 * step
        if slope != 0.0:
            off += 1e-12 * (abs(planes[k, 1] * y) + abs(planes[k, 2])) / abs(slope)
        if slope > 0.0:
            first = max(first, -rest / slope - off)
        elif slope < 0.0:
            last = min(last, -rest / slope + off)
        elif rest < 0.0:
            return low, low
    if not first <= last:
        return low, low
    return (
        low + max(int((first - x0) / step) - 1, 0),
        min(low + int((last - x0) / step) + 2, high),
    )


@njit(cache=True)
def _cast_image(
    among: Ints,
    low: Ints,
    high: Ints,
    columns: Floats,
    rows: Floats,
    arrays: Arrays,
    range_m: tuple[float, float],
    ids: NDArray[np.int32],
    depth: Floats,
) -> None:
    owner = arrays[3]
    for t in among:
        for j in range(low[t, 1], high[t, 1]):
            for sign in (1.0, -1.0):
                first, end = _span(arrays[0][t], sign, rows[j], columns, low[t, 0], high[t, 0])
                for i in range(first, end):
                    z = _hit(t, columns[i], rows[j], arrays, range_m)
                    if z < depth[j, i]:
                        depth[j, i] = z
                        ids[j, i] = owner[t]


@njit(cache=True)
def _cast_points(
    among: Ints,
    xy: Floats,
    arrays: Arrays,
    range_m: tuple[float, float],
    ids: NDArray[np.int32],
    depth: Floats,
) -> None:
    owner = arrays[3]
    for t in among:
        for i in range(len(xy)):
            z = _hit(t, xy[i, 0], xy[i, 1], arrays, range_m)
            if z < depth[i]:
                depth[i] = z
                ids[i] = owner[t]
