"""From buffers and silhouettes to the labels of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.geometry.frames import inverse_rigid
from render.geometry.pixels import Box, box_of_mask
from render.labels.boxes import bbox_obj
from render.sample import ObjectLabel
from render.scene import Instance, Scene

__all__ = ["DISTRACTOR", "LOW_PX", "LOW_VISIB_FRACT", "LabelFilters", "label"]

# Why an instance is absent from COCO and YOLO; records and summaries show these words.
DISTRACTOR = "distractor"
LOW_PX = "below labels.min_px"
LOW_VISIB_FRACT = "below labels.min_visib_fract"


@dataclass(frozen=True, kw_only=True)
class LabelFilters:
    """Which targets COCO and YOLO leave out.

    Attributes:
        min_visib_fract: Least visible share of the whole silhouette.
        min_px: Least number of visible pixels.

    """

    min_visib_fract: float
    min_px: int

    def reason(self, px_count_visib: int, visib_fract: float | None) -> str:
        """Why a target with these labels is left out; "" if it is not."""
        if px_count_visib < self.min_px:
            return LOW_PX
        if visib_fract is None or visib_fract < self.min_visib_fract:
            return LOW_VISIB_FRACT
        return ""


def label(
    scene: Scene,
    buffers: Buffers,
    silhouettes: Sequence[Silhouette],
    *,
    filters: LabelFilters,
) -> tuple[ObjectLabel, ...]:
    """Labels every instance of a scene, distractors too, in the scene's order.

    Args:
        scene: What was drawn.
        buffers: Of the whole scene.
        silhouettes: Of each instance alone, in the order of `scene.instances`.
        filters: What is marked as filtered; nothing is left out here.

    Raises:
        ValueError: There are not as many silhouettes as instances.

    """
    if len(silhouettes) != len(scene.instances):
        raise ValueError(
            f"silhouettes must be one per instance ({len(scene.instances)}), got {len(silhouettes)}"
        )
    ids = buffers.instance_idx
    # Slot 0 is "none". An id beyond the instances is for check_invariants to find.
    counts = np.bincount(ids.ravel() + 1, minlength=len(scene.instances) + 1)
    return tuple(
        _label_one(
            scene,
            instance,
            _Pixels.of(instance.instance_idx, ids, silhouette, int(counts[i + 1])),
            filters,
        )
        for i, (instance, silhouette) in enumerate(zip(scene.instances, silhouettes, strict=True))
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pixels:
    """Masks and counts of one instance."""

    mask: NDArray[np.bool_]
    mask_visib: NDArray[np.bool_]
    bbox_visib: Box | None
    all: int
    in_frame: int
    visib: int

    @classmethod
    def of(cls, idx: int, ids: NDArray[np.int32], silhouette: Silhouette, visib: int) -> _Pixels:
        height, width = ids.shape
        mask, mask_visib = np.zeros(ids.shape, np.bool_), np.zeros(ids.shape, np.bool_)
        h, w = silhouette.mask.shape
        # The part of the silhouette's window that lies in the frame.
        x0, x1 = max(silhouette.x0, 0), min(silhouette.x0 + w, width)
        y0, y1 = max(silhouette.y0, 0), min(silhouette.y0 + h, height)
        box, in_frame, found = None, 0, 0
        if x0 < x1 and y0 < y1:
            part = silhouette.mask[
                y0 - silhouette.y0 : y1 - silhouette.y0, x0 - silhouette.x0 : x1 - silhouette.x0
            ]
            seen = ids[y0:y1, x0:x1] == idx
            mask[y0:y1, x0:x1], mask_visib[y0:y1, x0:x1] = part, seen
            in_frame, found = int(np.count_nonzero(part)), int(np.count_nonzero(seen))
            box = _shifted(box_of_mask(seen), x0, y0)
        if found != visib:
            # Visible outside its own window: wrong, and check_invariants must see it whole.
            mask_visib = ids == idx
            box = box_of_mask(mask_visib)
        return cls(
            mask=mask,
            mask_visib=mask_visib,
            bbox_visib=box,
            all=int(np.count_nonzero(silhouette.mask)),
            in_frame=in_frame,
            visib=visib,
        )


def _label_one(scene: Scene, instance: Instance, px: _Pixels, filters: LabelFilters) -> ObjectLabel:
    T_cam_obj = inverse_rigid(scene.camera.T_world_cam) @ instance.T_world_obj
    visib_fract = px.visib / px.all if px.all else None
    filtered = filters.reason(px.visib, visib_fract) if instance.role == "target" else DISTRACTOR
    return ObjectLabel(
        instance_idx=instance.instance_idx,
        role=instance.role,
        model=instance.model.name,
        category=instance.model.category,
        bbox_obj=bbox_obj(instance, scene.camera),
        bbox_visib=px.bbox_visib,
        px_count_all=px.all,
        px_count_visib=px.visib,
        visib_fract=visib_fract,
        truncated_fract=(px.all - px.in_frame) / px.all if px.all else None,
        occluded_fract=(px.in_frame - px.visib) / px.in_frame if px.in_frame else None,
        mask=px.mask,
        mask_visib=px.mask_visib,
        R_cam_obj=T_cam_obj[:3, :3],
        t_cam_obj_m=T_cam_obj[:3, 3],
        model_scale=instance.scale * instance.model.unit_m,
        filtered=filtered,
    )


def _shifted(box: Box | None, x: int, y: int) -> Box | None:
    return None if box is None else Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)
