"""Targets in a part of the world that the user names: on a level plane or in a box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.projection import project
from render.placement.bodies import Body, OrientedShape, PlacedBodies
from render.placement.context import PlacementContext
from render.placement.fixtures import Obstacles
from render.placement.ground import Ground
from render.placement.stage import Stage
from render.placement.viewing import CameraView

__all__ = ["Region", "in_region"]

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
        placed: All bodies; grows.
        spacing: Least gap between them, in means of the diameters of the balls that hold them.

    """

    view: CameraView
    T_world_cam: NDArray[np.float64]
    bounds_m: NDArray[np.float64]
    stands: bool
    placed: PlacedBodies
    spacing: float

    @property
    def ground_over_camera_m(self) -> float:
        """Height of the plane z0 over the camera, along world Z."""
        return float(self.bounds_m[4] - self.T_world_cam[2, 3])

    def add_target(self, shape: OrientedShape, scale: float, rng: np.random.Generator) -> None:
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
            body = self.placed.first_free(
                shape, scales, centers_cam, is_target=True, spacing=self.spacing
            )
        if body is None:
            raise RejectedTheta(
                "targets do not fit into objects.region_m in view of the camera",
                "objects.region_m",
                "objects.count",
            )
        self.placed.add(body, is_target=True)


def in_region(
    context: PlacementContext, *, n_targets: int, stands: bool, spacing: float = 0.0
) -> Stage:
    """Targets anywhere in `objects.region_m` that a calibrated camera sees, among the fixtures.

    Args:
        context: The frame.
        n_targets: How many of its targets are placed.
        stands: On the plane z0; else they float in the box.
        spacing: Least gap between them, in means of the diameters of the balls that hold them.

    Raises:
        RejectedTheta: There is no free place in view of the camera.

    """
    view, T_world_cam, bounds = context.calibrated_camera()
    shape = context.shape(0, view)
    # About as large in the picture as it will be, wherever it comes to lie.
    away = float(np.linalg.norm(bounds.reshape(3, 2).mean(axis=1) - T_world_cam[:3, 3]))
    middle = Body.of(shape, context.scale(0, shape, None), np.array([0.0, 0.0, away]))
    obstacles = Obstacles.of(context.assets.fixtures, inverse_rigid(T_world_cam))
    stage = context.empty_stage(view, middle, T_world_cam=T_world_cam, obstacles=obstacles)
    region = Region(
        view=view,
        T_world_cam=T_world_cam,
        bounds_m=bounds,
        stands=stands,
        placed=stage.placed,
        spacing=spacing,
    )
    for i in range(n_targets):
        shape = context.shape(i, view)
        principal = stage.principal if i else None
        scale = context.scale(i, shape, principal)
        with context.leaving_out(i, stage):
            region.add_target(shape, scale, context.rng("place.region", i))
    if not stands:
        return stage
    height = region.ground_over_camera_m
    ground = Ground(around=stage.surroundings, up_cam=T_world_cam[2, :3], height_m=height)
    return replace(stage, ground=ground)
