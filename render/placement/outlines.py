"""Silhouettes on the CPU: what placement measures occlusion and truncation with.

The grid of an outline has the pixels of the image, or coarser cells where the objects are
large. A cell belongs to an outline if its centre lies in the projection of a triangle, as in
the labels; what differs from them is the simplification of fine meshes, kept under half a
cell, and, through a lens with distortion, that the edges of triangles stay straight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.projection import project
from render.library.cutouts import solid_parts
from render.placement.bodies import Body
from render.placement.viewing import CameraView
from render.scene import Model
from render.system.memo import per_model

__all__ = ["Outline", "Window", "nearest_hit", "outline_of", "outline_of_triangles"]

# x0, y0, x1, y1: cells from the first to before the last.
Window = tuple[int, int, int, int]

# Cells of the grid that a simplified mesh has along the longest side of its model: this many
# for each cell of the outline.
_FINENESS = 2.0
_FINEST = 4096
_FEW_FACES = 600
# Along the longest side of a model: how finely what is cut out of it is known.
_CUT_CELLS = 256
# Larger outlines are cut there, as labels are at eight images' sizes.
_WIDEST = (-8192, -8192, 16384, 16384)


@dataclass(frozen=True, eq=False, kw_only=True)
class Outline:
    """The silhouette of a body alone.

    Attributes:
        x0: Column of the grid, of the mask's first one; may be negative.
        y0: Row likewise.
        mask: ``(h, w)`` bool; also outside the image.

    """

    x0: int
    y0: int
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """How many cells the whole silhouette has."""
        return int(np.count_nonzero(self.mask))

    @property
    def window(self) -> Window:
        """The window of the grid that the mask covers."""
        h, w = self.mask.shape
        return self.x0, self.y0, self.x0 + w, self.y0 + h

    def share_within(self, size_wh: tuple[int, int]) -> float:
        """Share of the cells that lie on a grid of that size from (0, 0) on."""
        x, y = (
            slice(max(-self.x0, 0), max(size_wh[0] - self.x0, 0)),
            slice(max(-self.y0, 0), max(size_wh[1] - self.y0, 0)),
        )
        return int(np.count_nonzero(self.mask[y, x])) / max(self.area, 1)


def outline_of(
    body: Body, view: CameraView, *, cell_px: float, window: Window | None = None
) -> Outline:
    """The silhouette of `body`, which lies in front of the camera.

    Args:
        body: At its place.
        view: The camera.
        cell_px: Side of a cell of the grid, in pixels of the image.
        window: Only the part inside; None: all of it.

    """
    side_px = view.K[0, 0] * body.extent_m / max(body.depth_m, 1e-9)
    cells = 2 ** math.ceil(math.log2(max(_FINENESS * side_px / cell_px, 16.0)))
    cells = min(cells, _FINEST)
    points_cam, faces = _placed(body, view, cells)
    in_front = points_cam[:, 2] > 1e-9
    if not in_front.all():
        faces = faces[in_front[faces].all(axis=1)]
        points_cam[~in_front] = body.center_cam
    # The centre of cell i is at i; cell 0 begins where pixel 0 does.
    uv = (project(points_cam, view.K, view.distortion) + 0.5) / cell_px - 0.5
    if body.shape.model.is_closed and in_front.all():
        return _enclosed(uv, faces, _rims(body.shape.model, cells), window or _WIDEST)
    return _filled(uv, faces, window or _WIDEST)


def outline_of_triangles(
    corners_cam: NDArray[np.float64], view: CameraView, *, cell_px: float, window: Window
) -> Outline:
    """The union of ``(F, 3, 3)`` triangles inside a window; those that reach behind the camera
    are left out.
    """
    corners = corners_cam[(corners_cam[:, :, 2] > 1e-9).all(axis=1)].reshape(-1, 3)
    if not len(corners):
        return _NOTHING
    cells = (project(corners, view.K, view.distortion) + 0.5) / cell_px - 0.5
    return _filled(cells, np.arange(len(corners)).reshape(-1, 3), window)


def nearest_hit(body: Body, view: CameraView, ray_cam: NDArray[np.float64]) -> float:
    """Depth at which a ray from the camera first meets the body; infinite if it does not.

    Moeller and Trumbore 1997, "Fast, minimum storage ray/triangle intersection".

    Args:
        body: At its place.
        view: The camera.
        ray_cam: ``(3,)`` direction, z = 1.

    """
    points_cam, faces = _placed(body, view, _FINEST)
    a, b, c = (points_cam[faces[:, i]] for i in range(3))
    p = np.cross(ray_cam, c - a)
    volume = np.einsum("ij,ij->i", b - a, p)
    safe = np.where(volume == 0.0, np.inf, volume)
    q = np.cross(-a, b - a)
    u = np.einsum("ij,ij->i", -a, p) / safe
    v = q @ ray_cam / safe
    depth = np.einsum("ij,ij->i", c - a, q) / safe
    hit = (volume != 0.0) & (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (depth > 0.0)
    return float(depth[hit].min(initial=np.inf))


def _placed(
    body: Body, view: CameraView, cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """``(V, 3)`` points of a simplified body, camera frame, metres; ``(F, 3)`` faces."""
    points_obj, faces = _simplified(body.shape.model, cells)
    turn = view.R_world_cam.T @ body.shape.R_world_obj
    return body.center_cam + (body.scale * points_obj) @ turn.T, faces


_NOTHING = Outline(x0=0, y0=0, mask=np.zeros((0, 0), np.bool_))


@per_model
def _solid(model: Model) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points about the centre of the box and faces, without what is cut out."""
    parts = [solid_parts(primitive, model.extent_m / _CUT_CELLS) for primitive in model.primitives]
    starts = np.cumsum([0, *(len(points) for points, _ in parts)])
    points = np.concatenate([points for points, _ in parts]) - model.center_m
    return points, np.concatenate([faces + start for (_, faces), start in zip(parts, starts)])


@per_model
def _simplified(model: Model, cells: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points about the centre of the box and faces; vertices that share a cell become one."""
    points, faces = _solid(model)
    if len(faces) <= _FEW_FACES:
        return points, faces
    keys = np.round(points / (model.extent_m / cells)).astype(np.int64)
    keys = keys @ np.array([1, 1 << 20, 1 << 40])
    _, first, merged = np.unique(keys, return_index=True, return_inverse=True)
    corners = merged[faces]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (c != a)]
    # Each once, begun at its lowest corner: what faces the other way is another face.
    turned = (corners.argmin(axis=1)[:, None] + np.arange(3)) % 3
    # A point stays where one of the merged ones was: on the surface, within half a cell.
    return points[first], np.unique(np.take_along_axis(corners, turned, axis=1), axis=0)


@dataclass(frozen=True, eq=False)
class _Rims:
    """The sides of a mesh's faces: two faces that walk an edge to and fro cancel there.

    Attributes:
        edges: ``(E, 2)`` pairs of points, the lower one first.
        edge_idx: ``(F, 3)`` which of them each side of a face is.
        sign: ``(F, 3)`` 1 if it is walked from the lower to the higher, else -1.

    """

    edges: NDArray[np.int64]
    edge_idx: NDArray[np.int64]
    sign: NDArray[np.float64]


@per_model
def _rims(model: Model, cells: int) -> _Rims:
    """The sides of the faces of a simplified model."""
    _, faces = _simplified(model, cells)
    start, end = faces, np.roll(faces, -1, axis=1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    count = int(high.max()) + 1
    keys, idx = np.unique(low * count + high, return_inverse=True)
    edges = np.stack([keys // count, keys % count], axis=1)
    return _Rims(edges, idx.reshape(-1, 3), np.where(start < end, 1.0, -1.0))


def _enclosed(
    uv: NDArray[np.float64], faces: NDArray[np.int64], rims: _Rims, window: Window
) -> Outline:
    """The union of the faces of a closed mesh that face the camera, which cover all of it.

    As these all turn the same way in the image, their rims alone tell how many lie over a place:
    what is crossed on the way along its row, in one direction less in the other. Each edge holds
    its upper end and not its lower one.
    """
    u, v = uv[:, 0], uv[:, 1]
    (ua, ub, uc), (va, vb, vc) = u[faces.T], v[faces.T]
    # Anticlockwise from outside, and v points down.
    front = (ub - ua) * (vc - va) - (vb - va) * (uc - ua) < 0.0
    net = np.bincount(
        rims.edge_idx[front].ravel(), rims.sign[front].ravel(), minlength=len(rims.edges)
    )
    rim = np.flatnonzero(net)
    x0, y0, x1, y1 = window
    a, b = rims.edges[rim].T
    first = np.ceil(np.maximum(np.minimum(v[a], v[b]), y0))
    last = np.ceil(np.minimum(np.maximum(v[a], v[b]), y1)) - 1.0
    kept = last >= first
    a, b, first, last, net = a[kept], b[kept], first[kept], last[kept], net[rim[kept]]
    if not len(a):
        return _NOTHING
    n_rows = (last - first + 1).astype(np.int64)
    which = np.repeat(np.arange(len(a)), n_rows)
    begun = np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    row = first[which] + (np.arange(len(which)) - begun)
    slope = (u[b] - u[a]) / (v[b] - v[a])
    crossing = np.ceil(u[a][which] + (row - v[a][which]) * slope[which])
    lowest, highest = float(crossing.min()), float(crossing.max())
    left, right = int(max(lowest, x0)), int(min(highest, x1))
    if right <= left:
        return _NOTHING
    top, width = int(first.min()), right - left + 1
    cell = (row - top).astype(np.int64) * width
    cell += np.clip(crossing - left, 0, width - 1).astype(np.int64)
    # Downwards along an edge of a face that is walked anticlockwise, the face lies to the right.
    weights = np.where(v[b] > v[a], net, -net)[which]
    size = (int(last.max()) - top + 1) * width
    layers = np.cumsum(np.bincount(cell, weights, minlength=size).reshape(-1, width), axis=1)
    return _cropped(Outline(x0=left, y0=top, mask=layers[:, :-1] > 0.5))


def _cropped(outline: Outline) -> Outline:
    """The same outline without empty rows and columns at the rim."""
    rows, columns = (np.flatnonzero(outline.mask.any(axis=k)) for k in (1, 0))
    if not len(rows):
        return _NOTHING
    y, x = int(rows[0]), int(columns[0])
    mask = outline.mask[y : rows[-1] + 1, x : columns[-1] + 1]
    return Outline(x0=outline.x0 + x, y0=outline.y0 + y, mask=mask)


def _filled(uv: NDArray[np.float64], faces: NDArray[np.int64], window: Window) -> Outline:
    """The union of projected triangles inside a window, row by row.

    Where a row of centres crosses a triangle, it is covered between the crossings of two of
    its edges; the ends of all these spans, summed along the row, tell what is covered.
    """
    u, v = uv[:, 0][faces], uv[:, 1][faces]
    x0, y0, x1, y1 = window
    first = np.ceil(np.maximum(_lowest(v), y0))
    last = np.floor(np.minimum(_highest(v), y1 - 1))
    leftmost, rightmost = np.maximum(_lowest(u), x0), np.minimum(_highest(u), x1 - 1)
    crossed = (last >= first) & (np.floor(rightmost) >= np.ceil(leftmost))
    u, v, first, last = u[crossed], v[crossed], first[crossed], last[crossed]
    if not len(u):
        return _NOTHING
    n_rows = (last - first + 1).astype(np.int64)
    which = np.repeat(np.arange(len(u)), n_rows)
    begun = np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    row = first[which] + (np.arange(len(which)) - begun).astype(np.float64)
    left, right = _span(u[which], v[which], row)
    left, right = np.ceil(np.maximum(left, x0)), np.floor(np.minimum(right, x1 - 1))
    some = right >= left
    left, right, row = left[some], right[some], row[some]
    if not len(row):
        return _NOTHING
    x0, y0 = int(left.min()), int(row.min())
    width = int(right.max()) - x0 + 2  # spans end beyond their last cell
    line = (row - y0) * width - x0
    size = (int(row.max()) - y0 + 1) * width
    begin, end = (line + left).astype(np.int64), (line + right + 1).astype(np.int64)
    edges = np.bincount(begin, minlength=size) - np.bincount(end, minlength=size)
    covered = np.cumsum(edges.reshape(-1, width), axis=1)[:, :-1] > 0
    return Outline(x0=x0, y0=y0, mask=covered)


def _lowest(of: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.minimum(np.minimum(of[:, 0], of[:, 1]), of[:, 2])


def _highest(of: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(np.maximum(of[:, 0], of[:, 1]), of[:, 2])


def _span(
    u: NDArray[np.float64], v: NDArray[np.float64], row: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where rows enter and leave triangles of corners ``(N, 3)`` u and v that they cross."""
    left, right = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        rise = v[:, b] - v[:, a]
        level = rise == 0.0
        share = (row - v[:, a]) / np.where(level, 1.0, rise)
        meets = np.where(level, v[:, a] == row, (share >= 0.0) & (share <= 1.0))
        at = u[:, a] + np.where(level, 0.0, share) * (u[:, b] - u[:, a])
        left = np.where(meets, np.minimum(left, at), left)
        right = np.where(meets, np.maximum(right, at), right)
    return left, right
