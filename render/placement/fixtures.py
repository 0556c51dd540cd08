"""Static models of the user's cell: things that objects must not be in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from render.geometry.frames import transform_points
from render.library.fixtures import Fixture
from render.library.meshes import mesh_of
from render.placement.bodies import Body
from render.placement.hulls import are_apart

__all__ = ["Obstacles"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Obstacles:
    """The triangles of all fixtures, camera frame.

    Attributes:
        corners_cam: ``(F, 3, 3)`` triangle by corner by axis.
        solid: ``(F,)`` index of the closed mesh that a triangle belongs to; -1 for an open one.
        sides_cam: ``(P, 4)`` outward normal and offset of planes that no body's centre is beyond.

    """

    corners_cam: NDArray[np.float64]
    solid: NDArray[np.int64]
    sides_cam: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))

    @classmethod
    def of(cls, fixtures: Sequence[Fixture], T_cam_world: NDArray[np.float64]) -> Obstacles:
        """The fixtures as a camera sees them."""
        corners, solid = [np.zeros((0, 3, 3))], [np.zeros(0, np.int64)]
        for i, fixture in enumerate(fixtures):
            points, faces, _ = mesh_of(fixture.model)
            T_cam_obj = T_cam_world @ fixture.T_world_obj
            corners.append(transform_points(T_cam_obj, points)[faces])
            solid.append(np.full(len(faces), i if fixture.model.is_closed else -1))
        return cls(corners_cam=np.concatenate(corners), solid=np.concatenate(solid))

    def is_clear(self, body: Body) -> bool:
        """Whether the body's convex hull meets no triangle, and its centre is in no closed fixture.

        True is exact up to rounding; False may also mean that the hull, not the mesh, meets.
        """
        if (self.sides_cam[:, :3] @ body.center_cam + self.sides_cam[:, 3] > 0.0).any():
            return False
        if not len(self.corners_cam):
            return True
        points = body.center_cam + body.points_cam
        low, high = points.min(axis=0), points.max(axis=0)
        near = (self.corners_cam.min(axis=1) <= high).all(axis=1)
        near &= (self.corners_cam.max(axis=1) >= low).all(axis=1)
        if not all(
            are_apart(body.points_cam, corners, -body.center_cam)
            for corners in self.corners_cam[near]
        ):
            return False
        return not self._is_inside(body.center_cam)

    def facing(self, center_cam: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(N, 3, 3)`` triangles whose planes part the camera from a body's centre.

        These alone can hide a body that no plane of a triangle cuts.
        """
        a, b, c = (self.corners_cam[:, i] for i in range(3))
        normal = np.cross(b - a, c - a)
        eye = np.einsum("ij,ij->i", normal, -a)
        center = np.einsum("ij,ij->i", normal, center_cam - a)
        return np.asarray(self.corners_cam[eye * center < 0.0])

    def _is_inside(self, point: NDArray[np.float64]) -> bool:
        """Whether a ray from the point leaves some closed mesh an odd number of times."""
        direction = np.array([0.5773, 0.2113, 0.7887])  # along no face of a box
        a, b, c = (self.corners_cam[:, i] - point for i in range(3))
        sides = np.stack([np.cross(p, q) @ direction for p, q in ((a, b), (b, c), (c, a))], axis=1)
        crossed = (sides > 0).all(axis=1) | (sides < 0).all(axis=1)
        normal = np.cross(b - a, c - a)
        along = normal @ direction
        ahead = np.einsum("ij,ij->i", normal, a) * along > 0.0
        hits = self.solid[crossed & ahead & (self.solid >= 0)]
        return bool((np.bincount(hits) % 2).any()) if len(hits) else False
