"""Labels of one frame, and a finished frame in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.geometry.pixels import Box
from render.geometry.runs import Runs
from render.sampling.balance import is_in_share
from render.scene import Role
from render.theta import Placement, Theta

__all__ = [
    "DEPTH_SENSOR",
    "MAPS",
    "Box3d",
    "KeypointLabel",
    "ObjectLabel",
    "Sample",
    "SampleKey",
    "Split",
]

Split = Literal["train", "val"]
MAPS = ("normals", "nocs", "parts")
"""Per-pixel labels that a sample can have beside ids and depth."""
DEPTH_SENSOR = "depth_sensor"
"""Depth as a sensor measures it, by the name by which writers ask for it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Box3d:
    """The box of an object along the axes of its file, where the object is.

    Attributes:
        size_m: ``(3,)`` along x, y, z of the object, metres in the scene.
        center_cam_m: ``(3,)``, camera frame.
        corners_uv: ``(8, 2)`` centre coordinates; corner i is at the high end of x, y, z where
            bit 0, 1, 2 of i is set. None if one is nearer than the near plane.

    """

    size_m: NDArray[np.float64]
    center_cam_m: NDArray[np.float64]
    corners_uv: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class KeypointLabel:
    """Keypoints of an object in the image.

    Attributes:
        names: One for each keypoint.
        uv: ``(K, 2)`` centre coordinates, also outside of the image and hidden; NaN for those
            nearer than the near plane.
        sights: ``visible``, ``self_occluded`` (by its own object), ``occluded`` (by another) or
            ``outside`` (of the image).

    """

    names: tuple[str, ...]
    uv: NDArray[np.float64]
    sights: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ObjectLabel:
    """All that is known of one instance in one frame. BOP's words.

    Attributes:
        model: `render.scene.Model.name`.
        bbox_obj: Amodal box of the projected mesh, clipped at the near plane, not at the
            image; None if the whole object is nearer than the near plane.
        bbox_visib: Extent of the visible mask; None if nothing is visible.
        px_count_all: Pixels of the whole silhouette, also outside the image.
        px_count_visib: Visible pixels.
        visib_fract: visible / all; None where all is 0.
        truncated_fract: 1 - in-frame silhouette / all; None where all is 0.
        occluded_fract: 1 - visible / in-frame silhouette; None where that is 0.
        mask: Silhouette inside the frame (amodal).
        mask_visib: Visible pixels.
        R_cam_obj: ``(3, 3)``; with `t_cam_obj_m` and `model_scale`:
            ``p_cam = R @ (model_scale * p_file) + t``.
        t_cam_obj_m: ``(3,)`` metres.
        model_scale: Metres in the scene per unit of the model file.
        filtered: Why annotations leave it out; "" if it is there.
        T_cam_obj_canonical: ``(4, 4)``: of all poses that its symmetries make look alike, the
            one that stands for them; None for an object without symmetries. Rotation and metres
            as `R_cam_obj` and `t_cam_obj_m`.
        box3d: In the canonical pose, where there is one; keypoints likewise.
        obb_visib: ``(4, 2)`` corners, edge coordinates: the least rectangle around `mask_visib`;
            None where that is empty or nobody asked.
        obb_obj: Around the whole silhouette, also outside of the image.
        keypoints: None but for a target whose model has some.

    """

    instance_idx: int
    role: Role
    model: str
    category: str
    bbox_obj: Box | None
    bbox_visib: Box | None
    px_count_all: int
    px_count_visib: int
    visib_fract: float | None
    truncated_fract: float | None
    occluded_fract: float | None
    mask: Runs
    mask_visib: Runs
    R_cam_obj: NDArray[np.float64]
    t_cam_obj_m: NDArray[np.float64]
    model_scale: float
    filtered: str = ""
    T_cam_obj_canonical: NDArray[np.float64] | None = None
    box3d: Box3d | None = None
    obb_visib: NDArray[np.float64] | None = None
    obb_obj: NDArray[np.float64] | None = None
    keypoints: KeypointLabel | None = None


@dataclass(frozen=True, kw_only=True)
class SampleKey:
    """Which frame of the dataset.

    Attributes:
        views: Frames that show one scene.

    """

    frame_idx: int
    split: Split
    views: int = 1

    @classmethod
    def of(cls, frame_idx: int, val_fraction: float, views: int = 1) -> SampleKey:
        """The frame of an index in a dataset, over which validation scenes are spread evenly."""
        split: Split = "val" if is_in_share(frame_idx // views, val_fraction) else "train"
        return cls(frame_idx=frame_idx, split=split, views=views)

    @property
    def scene_id(self) -> int:
        """Number of the scene that it shows, from 0; all frames of one are in the same split."""
        return self.frame_idx // self.views

    @property
    def view_idx(self) -> int:
        """Which view of its scene it is, from 0."""
        return self.frame_idx % self.views

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return f"{self.frame_idx:08d}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """One finished frame.

    Attributes:
        rgb: What the camera gave: ``(H, W, 3)`` uint8, display sRGB.
        attempt: Which draw of θ it is; earlier ones were rejected.
        rejections: Their reasons, in order.
        maps: Per-pixel labels that were asked for, uint16, by name: of `MAPS`.
        depth_sensor_m: ``(H, W)`` float32: depth as the sensor of θ measures it, where it was
            asked for; 0 = no measurement.

    """

    key: SampleKey
    theta: Theta
    placement: Placement
    buffers: Buffers
    rgb: NDArray[np.uint8]
    labels: tuple[ObjectLabel, ...]
    attempt: int = 0
    rejections: tuple[str, ...] = ()
    maps: Mapping[str, NDArray[np.uint16]] = field(default_factory=dict)
    depth_sensor_m: NDArray[np.float32] | None = None
