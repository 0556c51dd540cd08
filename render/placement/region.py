"""Targets in a part of the world that the user names: on a level plane or in a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from render.errors import RejectedTheta
from render.geometry.frames import inverse_rigid, rigid, transform_points
from render.geometry.projection import project
from render.placement.bodies import Crowd, Shape
from render.placement.viewing import View
from render.sampling.camera import CameraGroup

__all__ = ["Region", "calibrated_pose"]

_TRIES = 400
# What stands on a plane is this share of its size above it, so that nothing shows through.
_GAP = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class Region:
    """A box of the world, level.

    Attributes:
        view: The camera.
        T_world_cam: Where it is.
        bounds_m: ``(6,)`` x0, x1, y0, y1, z0, z1.
        stands: Things stand on the plane z0; else their centres are anywhere in the box.
        crowd: What is placed; grows.

    """

    view: View
    T_world_cam: NDArray[np.float64]
    bounds_m: NDArray[np.float64]
    stands: bool
    crowd: Crowd

    @property
    def ground_over_camera_m(self) -> float:
        """Height of the plane z0 over the camera, along world Z."""
        return float(self.bounds_m[4] - self.T_world_cam[2, 3])

    def add_target(self, shape: Shape, scale: float, rng: np.random.Generator) -> None:
        """Places a target where its centre is in the picture and it hits nothing.

        Raises:
            RejectedTheta: There is no such place.

        """
        x0, x1, y0, y1, z0, z1 = self.bounds_m
        low, high = np.array([x0, y0, z0]), np.array([x1, y1, z1])
        centers = low + rng.random((_TRIES, 3)) * (high - low)
        if self.stands:
            lowest = scale * float((shape.points_cam @ self.T_world_cam[2, :3]).min())
            centers[:, 2] = z0 - lowest + _GAP * scale * shape.extent_m
        centers_cam = transform_points(inverse_rigid(self.T_world_cam), centers)
        centers_cam = centers_cam[centers_cam[:, 2] > scale * shape.radius_m]
        if len(centers_cam):
            uv = project(centers_cam, self.view.K, self.view.distortion)
            inside = (uv > -0.5) & (uv < np.array(self.view.size_wh) - 0.5)
            centers_cam = centers_cam[inside.all(axis=1)]
        body = None
        if len(centers_cam):
            scales = np.full(len(centers_cam), scale)
            body = self.crowd.first_free(shape, scales, centers_cam, is_target=True)
        if body is None:
            raise RejectedTheta("targets do not fit into objects.region_m in view of the camera")
        self.crowd.add(body, is_target=True)


def calibrated_pose(camera: CameraGroup) -> NDArray[np.float64]:
    """``(4, 4)`` ``T_world_cam`` with its tolerance; exactly rigid."""
    T = np.array(camera.T_world_cam, np.float64).reshape(4, 4)
    u, _, vt = np.linalg.svd(T[:3, :3])
    turn = Rotation.from_rotvec(camera.jitter_deg, degrees=True).as_matrix()
    T_cam_jittered = rigid(turn, np.array(camera.jitter_m))
    return np.asarray(rigid(u @ vt, T[:3, 3]) @ T_cam_jittered)
