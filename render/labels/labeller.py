"""From buffers and silhouettes to the labels of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.buffers import Buffers, Silhouette
from render.geometry.frames import inverse_rigid
from render.geometry.pixels import Box
from render.geometry.runs import Runs, RunTable
from render.labels.boxes import boxes_obj
from render.labels.categories import Categories
from render.sample import ObjectLabel
from render.scene import Instance, Scene

__all__ = ["BEYOND_STATES", "DISTRACTOR", "LOW_PX", "LOW_VISIB_FRACT", "LabelFilters", "label"]

# Why annotations leave an instance out; records and summaries show these words.
DISTRACTOR = "distractor"
LOW_PX = "below labels.min_px"
LOW_VISIB_FRACT = "below labels.min_visib_fract"
BEYOND_STATES = "beyond labels.state_tolerance_deg"


@dataclass(frozen=True, kw_only=True)
class LabelFilters:
    """Which targets annotations leave out.

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
    categories: Categories | None = None,
) -> tuple[ObjectLabel, ...]:
    """Labels targets and distractors, in the scene's order.

    Args:
        scene: What was drawn.
        buffers: What the engine drew of the whole scene.
        silhouettes: One for each of `scene.labelled_instances`, alone, in their order.
        filters: What is marked as filtered; nothing is left out here.
        categories: Which category each target has; None: that of its model.

    Raises:
        ValueError: There are not as many silhouettes as labelled instances.

    """
    instances = scene.labelled_instances
    if len(silhouettes) != len(instances):
        raise ValueError(
            f"silhouettes must be one per instance that has a label ({len(instances)}), "
            f"got {len(silhouettes)}"
        )
    height, width = buffers.instance_idx.shape
    visib = RunTable.of_ids(buffers.instance_idx, len(instances))
    whole = RunTable.of_windows(
        [(outline.x0, outline.y0, outline.mask) for outline in silhouettes], size_wh=(width, height)
    )
    counts = [int(np.count_nonzero(outline.mask)) for outline in silhouettes]
    pixels = map(
        _PixelCounts,
        whole.masks(),
        visib.masks(),
        visib.boxes(),
        counts,
        whole.areas(),
        visib.areas(),
    )
    boxes = boxes_obj(instances, scene.camera)
    T_cam_world = inverse_rigid(scene.camera.T_world_cam)
    known = categories or Categories()
    return tuple(
        _label_one(instance, T_cam_world @ instance.T_world_obj, px, box, filters, known)
        for instance, px, box in zip(instances, pixels, boxes, strict=True)
    )


@dataclass(frozen=True, eq=False, slots=True)
class _PixelCounts:
    """Masks and counts of one instance."""

    mask: Runs
    mask_visib: Runs
    bbox_visib: Box | None
    all: int
    in_frame: int
    visib: int


def _label_one(
    instance: Instance,
    T_cam_obj: NDArray[np.float64],
    px: _PixelCounts,
    bbox_obj: Box | None,
    filters: LabelFilters,
    categories: Categories,
) -> ObjectLabel:
    visib_fract = px.visib / px.all if px.all else None
    category, is_beyond = categories.shown(instance)
    filtered = filters.reason(px.visib, visib_fract) or (BEYOND_STATES if is_beyond else "")
    if instance.role != "target":
        filtered = DISTRACTOR
    return ObjectLabel(
        instance_idx=instance.instance_idx,
        role=instance.role,
        model=instance.model.name,
        category=category,
        bbox_obj=bbox_obj,
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
