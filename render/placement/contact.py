"""How deep two solids are in each other: by their meshes, not by balls or boxes around them.

The measure: of all points of one mesh, how far the deepest lies inside the other, and the other
way round; containment is found as well. Depth is the distance to the nearest surface, which
changes no faster than one moves, so edges are halved until that settles it. Points within faces are
looked at more coarsely (2 % of the other's size): where two solids overlap, an edge of one of them
pierces the other, unless faces lie in one plane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.geometry.edges import Indices, unique_edges
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.surface_samples import NearSurface
from render.geometry.welding import weld
from render.library.meshes import mesh_of
from render.scene import Model

__all__ = ["Solid", "allowed_m", "penetration_m"]

Points = NDArray[np.float64]

_ALLOWED_M, _ALLOWED_SHARE = 1e-4, 0.005
_LEAST_SAMPLES, _MOST_SAMPLES = 20_000, 200_000
_MOST_HALVINGS = 40
_FEW, _CELLS = 200, 16
_OF_FACES = 0.02  # depth of points within faces that is looked for, in sizes of the other


def allowed_m(extent_a_m: float, extent_b_m: float) -> float:
    """What counts as touching: the larger of 0.1 mm and 0.5 % of the smaller extent."""
    return max(_ALLOWED_M, _ALLOWED_SHARE * min(extent_a_m, extent_b_m))


@dataclass(frozen=True, eq=False)
class Solid:
    """A model as a solid, object frame, metres.

    Attributes:
        corners: ``(V, 3)`` of its mesh.
        edges: ``(E, 2)`` pairs of them, each once.
        faces: ``(F, 3)``.
        surface: The closed mesh; None where `planes` tell what is inside.
        normals: ``(F, 3)`` outward, of the triangles of `surface`.
        planes: ``(P, 4)`` outward normal and offset, of each convex body of a mesh that is not
            closed.

    """

    corners: Points
    edges: Indices
    faces: Indices
    surface: NearSurface | None
    normals: Points
    planes: tuple[Points, ...]

    @classmethod
    def of(cls, model: Model, pieces: Sequence[Points]) -> Solid:
        """The mesh of a closed model is its solid; an open one is as its convex pieces are."""
        from scipy.spatial import ConvexHull  # takes a moment to import

        points, faces, _ = mesh_of(model)
        ids = weld(points)
        first = np.unique(ids, return_index=True)[1]
        welded = ids[faces]
        edges = unique_edges(welded)
        if not model.is_closed:
            planes = tuple(ConvexHull(piece).equations for piece in pieces)
            return cls(points[first], edges, welded, None, np.zeros((0, 3)), planes)
        triangles = points[faces]
        normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        count = int(np.clip(4 * len(faces), _LEAST_SAMPLES, _MOST_SAMPLES))
        kinds = np.zeros(len(faces), np.int64)
        surface = NearSurface.of(triangles, kinds, count)
        return cls(points[first], edges, welded, surface, normals, ())

    def depths(self, points: Points) -> NDArray[np.float64]:
        """``(N,)`` distance to the surface of ``(N, 3)`` points inside; of those outside, minus it.

        Inside is by the side of the nearest face; at an edge, of the face that the point is most
        squarely in front of. Of several convex bodies, the deepest counts.
        """
        if self.surface is None:
            beyond = [(points @ p[:, :3].T + p[:, 3]).max(axis=1) for p in self.planes]
            return np.asarray(-np.min(beyond, axis=0))
        away, sides = self.surface.sided(points, self.normals)
        return np.asarray(np.where(sides < 0, away, -away))

    def deepest(self, points: Points, known: float) -> float:
        """Depth of the deepest of ``(N, 3)`` points, where it is more than what is known."""
        depths = self.depths(points)
        order = np.argsort(-depths, kind="stable")
        for i in order[: np.count_nonzero(depths > known)]:
            if self.surface is None or _winds_around(self.surface.triangles, points[i]):
                return float(depths[i])
        return known


def penetration_m(
    a: Solid, b: Solid, *, T_a_b: NDArray[np.float64], scale_a: float, scale_b: float, enough: float
) -> float:
    """Depth of two placed solids in each other, metres in the scene; 0 if they are apart.

    Args:
        a: One solid.
        b: The other.
        T_a_b: ``(4, 4)`` rigid: places of `b`, scaled, in the frame of `a`, scaled.
        scale_a: Multiplies the metres of `a`.
        scale_b: Multiplies those of `b`.
        enough: Depths up to this need not be distinguished: any value from 0 to this may be
            returned for them.

    """
    b_in_a = _deepest(b, a, T_a_b, scale_b, scale_a, enough)
    return max(b_in_a, _deepest(a, b, inverse_rigid(T_a_b), scale_a, scale_b, enough))


def _deepest(
    a: Solid, b: Solid, T_b_a: NDArray[np.float64], scale_a: float, scale_b: float, enough: float
) -> float:
    """How deep the surface of `a` is inside `b`."""
    corners = transform_points(T_b_a, scale_a * a.corners) / scale_b
    enough /= scale_b
    low, high = b.corners.min(axis=0), b.corners.max(axis=0)
    known = 0.0
    of_faces = max(enough, _OF_FACES * float((high - low).max()))
    for indices, matters in ((a.edges, enough), (a.faces, of_faces)):
        shapes = corners[indices]
        near = (shapes.min(axis=1) <= high).all(axis=1) & (shapes.max(axis=1) >= low).all(axis=1)
        shapes = _in_reach(shapes[near], b, matters)
        if len(shapes) and known <= enough:  # faces add nothing to what edges tell
            known = _deepest_of(shapes, b, known, matters)
    return known * scale_b


def _in_reach(shapes: Points, solid: Solid, matters: float) -> Points:
    """Those that may be deeper than what matters, decided for groups of neighbours."""
    if len(shapes) <= _FEW:
        return shapes
    middle = shapes.mean(axis=1)
    low, size = middle.min(axis=0), float(np.ptp(middle, axis=0).max())
    cell = np.minimum((middle - low) / max(size, 1e-300) * _CELLS, _CELLS - 1).astype(np.int64)
    _, group = np.unique(cell @ np.array([1, _CELLS, _CELLS**2]), return_inverse=True)
    count = np.bincount(group)
    centers = np.stack([np.bincount(group, middle[:, i]) / count for i in range(3)], axis=1)
    reach = np.linalg.norm(shapes - centers[group][:, None], axis=2).max(axis=1)
    radius = np.zeros(len(count))
    np.maximum.at(radius, group, reach)
    return shapes[(solid.depths(centers) + radius > matters)[group]]


def _deepest_of(shapes: Points, solid: Solid, known: float, matters: float) -> float:
    """Depth of the deepest point of ``(N, 2, 3)`` edges or ``(N, 3, 3)`` faces.

    Args:
        shapes: In the frame of `solid`.
        solid: That they may be in.
        known: A depth that is there.
        matters: Deeper ones are found, to 1 %.

    """
    corners = np.unique(shapes.reshape(-1, 3), axis=0)
    known = solid.deepest(corners, known)
    for _ in range(_MOST_HALVINGS):
        middle = shapes.mean(axis=1)
        known = solid.deepest(middle, known)
        depths = solid.depths(middle)
        reach = np.linalg.norm(shapes - middle[:, None], axis=2).max(axis=1)
        # No point of the others is deeper than what is known, or than what matters.
        keep = depths + reach > max(known * 1.01, matters)
        if not keep.any():
            break
        shapes = _halved(shapes[keep])
    return known


def _winds_around(triangles: Points, point: NDArray[np.float64]) -> bool:
    """Whether a closed mesh winds around a point: where its faces are small beside their distance,
    the nearest one alone does not tell the side.

    By A. van Oosterom and J. Strackee, "The solid angle of a plane triangle", 1983.
    """
    corners = triangles - point
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    la, lb, lc = np.sqrt(np.einsum("fki,fki->kf", corners, corners))
    above = np.einsum("ij,ij->i", a, np.cross(b, c))
    below = la * lb * lc + np.einsum("ij,ij->i", a, b) * lc
    below += np.einsum("ij,ij->i", b, c) * la + np.einsum("ij,ij->i", c, a) * lb
    return bool(np.arctan2(above, below).sum() > np.pi)  # halves of the angles: 2 pi inside


def _halved(shapes: Points) -> Points:
    """Both halves of each edge or face, cut at the middle of its longest side."""
    sides = np.linalg.norm(np.roll(shapes, -1, axis=1) - shapes, axis=2)
    first = sides.argmax(axis=1)
    count = shapes.shape[1]
    order = (first[:, None] + np.arange(count)) % count
    turned = np.take_along_axis(shapes, order[..., None], axis=1)
    middle = turned[:, :2].mean(axis=1)
    one, other = turned.copy(), turned.copy()
    one[:, 1], other[:, 0] = middle, middle
    return np.concatenate([one, other])
