"""Targets that were dropped onto each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from render.errors import RejectedTheta
from render.geometry.frames import inverse_rigid, transform_points
from render.library.assets import AssetLibrary
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.bodies import Body, OrientedShape
from render.placement.context import PlacementContext
from render.placement.fixtures import Obstacles
from render.placement.ground import Ground
from render.placement.orientation import random_rotation
from render.placement.settling import DroppedTarget, prepare_drops, settle, settle_in_region
from render.placement.stage import Stage
from render.placement.viewing import CameraView

__all__ = ["InPile"]

_NEAREST = 0.05  # depth of what is nearest to the camera, in depths of the principal target
# A pile of a cube's size, of this share of the camera's distance a side, leaves it outside.
_FILLED_OF_DISTANCE = 0.9
_SHRINK = 0.9


@final
@ARRANGEMENTS.register("pile")
class InPile(AbstractArrangement):
    """Targets lie still after they were dropped onto each other; needs the extra `pile`.

    With `camera.T_world_cam` they fall into `objects.region_m` and its fixtures.
    """

    settles = frozenset({"objects.orientation"})

    def aimed(self, context: PlacementContext) -> Stage:
        model, R = context.model(0), random_rotation(context.rng("place.orientation", 0))
        view, principal = context.aim_at(model, R)  # about as far as when it lies
        room = _FILLED_OF_DISTANCE * float(np.linalg.norm(principal.center_cam))
        things, unplaced = _things(context, view, room)
        poses = settle(things, context.rng("place.pile", 0))
        view, principal = context.aim_at(model, poses[0][:3, :3])
        stage = context.empty_stage(view, principal)
        stage.unplaced.extend(unplaced)
        return _lying(stage, things, poses, center_cam=principal.center_cam)

    def calibrated(self, context: PlacementContext) -> Stage:
        fixtures = context.assets.fixtures
        view, T_world_cam, bounds = context.calibrated_camera()
        room = 0.5 * float(np.ptp(bounds.reshape(3, 2)[:2], axis=1).max())
        things, unplaced = _things(context, view, room)
        poses = settle_in_region(things, context.rng("place.pile", 0), bounds, fixtures=fixtures)
        T_cam_world = inverse_rigid(T_world_cam)
        first = OrientedShape.of(things[0].model, poses[0][:3, :3], view.R_world_cam)
        center_cam = transform_points(T_cam_world, poses[0][:3, 3][None])[0]
        stage = context.empty_stage(
            view,
            Body.of(first, things[0].scale, center_cam),
            T_world_cam=T_world_cam,
            obstacles=Obstacles.of(fixtures, T_cam_world),
        )
        stage.unplaced.extend(unplaced)
        return _lying(stage, things, poses, center_cam=center_cam)

    def prepare(self, assets: AssetLibrary, n_frames: int) -> None:
        prepare_drops(assets, "pile")


def _things(
    context: PlacementContext, view: CameraView, room_m: float
) -> tuple[list[DroppedTarget], list[int]]:
    """The targets, as they are before they fall, and the index of each one that is left out.

    Args:
        context: The frame.
        view: Its camera.
        room_m: Side of the cube that the boxes of targets of true sizes fill at most. Less at
            each further attempt, so that in the end the principal target lies there alone.

    """
    things: list[DroppedTarget] = []
    unplaced: list[int] = []
    room, filled, principal = (_SHRINK**context.attempt * room_m) ** 3, 0.0, None
    for i in range(context.n_targets):
        R = random_rotation(context.rng("place.orientation", i))
        shape = OrientedShape.of(context.model(i), R, view.R_world_cam)
        body = Body.of(shape, context.scale(i, shape, principal), np.zeros(3))
        principal = principal or body
        if i and context.is_true_size(i) and filled + body.extent_m**3 > room:
            unplaced.append(i)
            continue
        filled += body.extent_m**3
        things.append(DroppedTarget(model=shape.model, scale=body.scale, R_world_obj=R))
    return things, unplaced


def _lying(
    stage: Stage,
    things: Sequence[DroppedTarget],
    poses: Sequence[NDArray[np.float64]],
    *,
    center_cam: NDArray[np.float64],
) -> Stage:
    """The stage with the targets on it.

    Args:
        stage: Empty.
        things: The targets.
        poses: ``(4, 4)`` ``T_world_obj`` of the centre of each target's box.
        center_cam: ``(3,)`` centre of the box of the first one, camera frame.

    Raises:
        RejectedTheta: The camera is among the targets.

    """
    view = stage.view
    for thing, T in zip(things, poses, strict=True):
        shape = OrientedShape.of(thing.model, T[:3, :3], view.R_world_cam)
        at = center_cam + view.R_world_cam.T @ (T[:3, 3] - poses[0][:3, 3])
        body = Body.of(shape, thing.scale, at)
        if body.nearest_m < _NEAREST * float(center_cam[2]):
            raise RejectedTheta("the pile reaches the camera", "objects.count")
        stage.placed.add(body, is_target=True)
    up_cam = view.R_world_cam[2]
    plane_m = min(
        float((thing.scale * (thing.model.hull_m - thing.model.center_m) @ T[2, :3]).min())
        + float(T[2, 3])
        for thing, T in zip(things, poses, strict=True)
    )
    height = float(center_cam @ up_cam) - (float(poses[0][2, 3]) - plane_m)
    ground = Ground(around=stage.surroundings, up_cam=up_cam, height_m=height)
    return replace(stage, ground=ground)
