"""Labels of one frame, and the frame as the writers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers
from render.geometry.pixels import Box
from render.scene import Role
from render.theta import Placement, Theta

__all__ = ["ObjectLabel", "Sample", "SampleKey"]

Split = Literal["train", "val"]


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
        mask: ``(H, W)`` bool: silhouette inside the frame (amodal).
        mask_visib: ``(H, W)`` bool.
        R_cam_obj: ``(3, 3)``; with `t_cam_obj_m` and `model_scale`:
            ``p_cam = R @ (model_scale * p_file) + t``.
        t_cam_obj_m: ``(3,)`` metres.
        model_scale: Metres in the scene per unit of the model file.
        filtered: Why it is absent from COCO and YOLO; "" if it is there.

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
    mask: NDArray[np.bool_]
    mask_visib: NDArray[np.bool_]
    R_cam_obj: NDArray[np.float64]
    t_cam_obj_m: NDArray[np.float64]
    model_scale: float
    filtered: str = ""


@dataclass(frozen=True, kw_only=True)
class SampleKey:
    """Which frame of the dataset."""

    frame_idx: int
    split: Split

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

    """

    key: SampleKey
    theta: Theta
    placement: Placement
    buffers: Buffers
    rgb: NDArray[np.uint8]
    labels: tuple[ObjectLabel, ...]
    attempt: int = 0
    rejections: tuple[str, ...] = ()
