"""Camera and targets as a file of poses says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np

from render.errors import ConfigError
from render.geometry.frames import transform_points
from render.library.assets import AssetLibrary
from render.placement.arrangement import ARRANGEMENTS, AbstractArrangement
from render.placement.bodies import Body, OrientedShape
from render.placement.context import PlacementContext
from render.placement.stage import Stage
from render.placement.viewing import CameraView, intrinsics
from render.sampling.axes import DIRECTION, SIZES

__all__ = ["FromPoses"]


@final
@ARRANGEMENTS.register("poses")
class FromPoses(AbstractArrangement):
    """Camera and targets are as `poses.file` says, one of its images a frame."""

    settles = frozenset((*DIRECTION, *SIZES))

    def aimed(self, context: PlacementContext) -> Stage:
        poses = context.assets.poses
        if poses is None:
            raise ConfigError("poses.file must be set where objects.arrangement=poses, got null")
        image = poses.images[context.frame_idx]
        _, size_wh = intrinsics(context.theta.camera)
        if poses.size_wh is not None and poses.size_wh != size_wh:
            w, h = poses.size_wh
            raise ConfigError(
                f"camera.size_wh must be {w} x {h}, the size in the camera.json of {poses.path}, "
                f"got {size_wh[0]} x {size_wh[1]}: 'camera.size_wh=[{w},{h}]'"
            )
        view = CameraView(
            K=image.K,
            size_wh=size_wh,
            R_world_cam=image.T_world_cam[:3, :3],
            ray_cam=np.array([0.0, 0.0, 1.0]),
            distortion=context.theta.camera.distortion or (),
        )
        bodies = []
        for name, T_cam_obj, scale in zip(image.models, image.T_cam_obj, image.scales, strict=True):
            model = context.assets.model(name)
            R_world_obj = view.R_world_cam @ T_cam_obj[:3, :3]
            shape = OrientedShape.of(model, R_world_obj, view.R_world_cam)
            center = transform_points(T_cam_obj, scale * model.center_m[None])[0]
            bodies.append(Body.of(shape, scale, center))
        stage = context.empty_stage(view, bodies[0], T_world_cam=image.T_world_cam)
        for body in bodies:
            stage.placed.add(body, is_target=True)
        return replace(stage, im_id=image.im_id)

    def calibrated(self, context: PlacementContext) -> Stage:
        return self.aimed(context)  # the file's camera holds

    def prepare(self, assets: AssetLibrary, n_frames: int) -> None:
        if assets.poses is None:
            raise ConfigError("poses.file must be set where objects=poses, got null")
        if n_frames > len(assets.poses.images):
            raise ConfigError(
                f"n_frames must be at most {len(assets.poses.images)}, the images of "
                f"{assets.poses.path}, got {n_frames}"
            )

    def models(self, assets: AssetLibrary) -> Sequence[tuple[str, ...]] | None:
        return None if assets.poses is None else [image.models for image in assets.poses.images]
