"""Labels for tasks beyond boxes and masks: keypoints, oriented boxes, 3D boxes, canonical poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.buffers import Silhouette
from render.geometry.frames import inverse_rigid, transform_points
from render.geometry.projection import project
from render.labels.oriented import oriented_box
from render.labels.sight import sights
from render.library.annotations import Annotations
from render.sample import Box3d, KeypointLabel, ObjectLabel
from render.scene import Camera, Instance, Keypoint, Scene

__all__ = ["TaskLabeller", "canonical_pose"]


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskLabeller:
    """Adds boxes in space, oriented boxes and keypoints to the labels of a frame.

    Attributes:
        annotations: Keypoints, symmetries and parts of models.
        obb: Whether oriented boxes are worked out.

    """

    annotations: Annotations
    obb: bool = False

    def add(
        self, labels: Sequence[ObjectLabel], scene: Scene, silhouettes: Sequence[Silhouette]
    ) -> tuple[ObjectLabel, ...]:
        """Labels with what is asked for.

        Keypoints are those of targets. Where an object has symmetries, all that would be left
        open by them (keypoints, the corners of the 3D box) is of its canonical pose.

        Args:
            labels: One for each of `scene.labelled_instances`.
            scene: All that can hide something.
            silhouettes: One for each label.

        """
        return tuple(
            self._add(label, scene, silhouette)
            for label, silhouette in zip(labels, silhouettes, strict=True)
        )

    def _add(self, label: ObjectLabel, scene: Scene, silhouette: Silhouette) -> ObjectLabel:
        instance, camera = scene.instances[label.instance_idx], scene.camera
        canonical = canonical_pose(instance, camera, self.annotations)
        T_cam_obj = _pose(instance, camera) if canonical is None else canonical
        whole = visib = None
        if self.obb:
            visib = oriented_box(label.mask_visib.pixels())
            whole = oriented_box(silhouette.mask)
            whole = None if whole is None else whole + np.array([silhouette.x0, silhouette.y0])
        return replace(
            label,
            T_cam_obj_canonical=canonical,
            box3d=_box3d(instance, camera, T_cam_obj),
            obb_visib=visib,
            obb_obj=whole,
            keypoints=self._keypoints(instance, scene, T_cam_obj),
        )

    def _keypoints(
        self, instance: Instance, scene: Scene, T_cam_obj: NDArray[np.float64]
    ) -> KeypointLabel | None:
        if instance.role != "target":
            return None
        keypoints = self.annotations.keypoints(instance.model)
        return _keypoint_label(keypoints, instance, scene, T_cam_obj) if keypoints else None


def canonical_pose(
    instance: Instance, camera: Camera, annotations: Annotations
) -> NDArray[np.float64] | None:
    """``T_cam_obj`` that stands for all that look alike; None but for targets with symmetries."""
    if instance.role != "target":
        return None
    symmetry = annotations.symmetry(instance.model)
    if symmetry.is_trivial:
        return None
    return symmetry.canonical(_pose(instance, camera), instance.scale)


def _pose(instance: Instance, camera: Camera) -> NDArray[np.float64]:
    return inverse_rigid(camera.T_world_cam) @ instance.T_world_obj


def _box3d(instance: Instance, camera: Camera, T_cam_obj: NDArray[np.float64]) -> Box3d:
    low, high = instance.scale * instance.model.bounds_m
    pick = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)])
    corners = transform_points(T_cam_obj, np.where(pick == 0, low, high))
    uv = None
    if corners[:, 2].min() >= camera.near_m:
        uv = project(corners, camera.K, camera.distortion)
    center = transform_points(T_cam_obj, (low + high)[None] / 2)[0]
    return Box3d(size_m=high - low, center_cam_m=center, corners_uv=uv)


def _keypoint_label(
    keypoints: Sequence[Keypoint],
    instance: Instance,
    scene: Scene,
    T_cam_obj: NDArray[np.float64],
) -> KeypointLabel:
    camera = scene.camera
    points = instance.scale * np.array([k.point_m for k in keypoints])
    cam = transform_points(T_cam_obj, points)
    # The same points of the camera frame, as points of the object where it truly is.
    T_obj_cam = inverse_rigid(_pose(instance, camera))
    own = transform_points(T_obj_cam, cam) / instance.scale
    uv = np.full((len(cam), 2), np.nan)
    is_before = cam[:, 2] >= camera.near_m
    if is_before.any():
        uv[is_before] = project(cam[is_before], camera.K, camera.distortion)
    return KeypointLabel(
        names=tuple(k.name for k in keypoints),
        uv=uv,
        sights=sights(own, instance, scene),
    )
